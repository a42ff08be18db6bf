package shard_test

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"example.com/lockstep/broker/api"
	"example.com/lockstep/broker/env"
	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/loop"
	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/shard"
)

// counter is the smallest coordinator: the log of a partition holds numbers, and it knows their
// sum. Requests are texts:
//
//	add=N           appends N, and answers with the sum once that is committed
//	read            answers with the sum
//	wait=N          answers when the sum has reached N, or after a second
//	delay=DURATION  answers after that time
type counter struct {
	loaded  bool
	most    int64 // numbers of one request must not be larger
	sum     int
	tickets shard.Ticket
	adds    map[shard.Ticket]added
	waits   []waiting
	effects shard.Effects
}

type added struct {
	n     int
	token shard.Token
}

type waiting struct {
	token shard.Token
	sum   int // 0: only time ends it
	until env.Instant
}

func newCounter(*env.Rand) shard.Coordinator {
	return &counter{adds: map[shard.Ticket]added{}}
}

func (c *counter) Replay(key, value []byte) error {
	n, err := strconv.Atoi(string(value))
	if err != nil {
		return fmt.Errorf("%q is no number", value)
	}
	c.sum += n
	return nil
}

func (c *counter) Loaded(env.Time) { c.loaded = true }

func (c *counter) Call(now env.Time, token shard.Token, request any) {
	verb, arg, _ := strings.Cut(request.(string), "=")
	switch n, _ := strconv.Atoi(arg); verb {
	case "add":
		if int64(n) > c.most {
			c.answer(token, "too much")
			return
		}
		c.tickets++
		c.adds[c.tickets] = added{n, token}
		c.effects.Appends = append(c.effects.Appends, shard.CoordinatorAppend{
			Ticket:  c.tickets,
			Records: []shard.CoordinatorRecord{{Key: []byte("add"), Value: []byte(arg)}},
		})
	case "read":
		c.answer(token, fmt.Sprintf("sum %d, loaded %t", c.sum, c.loaded))
	case "wait":
		c.waits = append(c.waits, waiting{token, n, now.Mono.Add(time.Second)})
	case "delay":
		d, _ := time.ParseDuration(arg)
		c.waits = append(c.waits, waiting{token, 1 << 30, now.Mono.Add(d)})
	}
}

func (c *counter) answer(token shard.Token, response any) {
	c.effects.Answers = append(c.effects.Answers, shard.CoordinatorAnswer{
		Token: token, Response: response,
	})
}

func (c *counter) Forget(token shard.Token) {
	c.end(func(w waiting) bool { return w.token == token }, "")
}

func (c *counter) Appended(_ env.Time, ticket shard.Ticket, code kafka.ErrorCode) {
	a := c.adds[ticket]
	delete(c.adds, ticket)
	if code != kafka.None {
		c.answer(a.token, "not added: "+code.String())
		return
	}
	c.sum += a.n
	c.answer(a.token, fmt.Sprintf("sum %d", c.sum))
	c.end(func(w waiting) bool { return w.sum <= c.sum }, fmt.Sprintf("sum %d reached", c.sum))
}

func (c *counter) TopicDeleted(_ env.Time, t meta.TopicRef) { c.sum -= len(t.Name) }

func (c *counter) Prune(_ env.Time, image *meta.Image) {
	if image.Topic("t") == nil {
		c.sum -= 1000
	}
}

func (c *counter) Configure(image *meta.Image) {
	c.most = image.ClusterInt("group.max.size")
}

func (c *counter) Resumed(now env.Time) {
	for i := range c.waits {
		c.waits[i].until = now.Mono.Add(time.Second)
	}
}

func (c *counter) Tick(now env.Time) {
	c.end(func(w waiting) bool { return w.until <= now.Mono }, "time is up")
}

func (c *counter) NextDeadline() env.Instant {
	next := env.Never
	for _, w := range c.waits {
		next = min(next, w.until)
	}
	return next
}

func (c *counter) Resign() {
	c.end(func(waiting) bool { return true }, "resigned")
}

func (c *counter) Take() shard.Effects {
	e := c.effects
	c.effects = shard.Effects{}
	return e
}

// end ends waits, with an answer unless it is empty.
func (c *counter) end(which func(waiting) bool, answer string) {
	kept := c.waits[:0]
	for _, w := range c.waits {
		switch {
		case !which(w):
			kept = append(kept, w)
		case answer != "":
			c.answer(w.token, answer)
		}
	}
	c.waits = kept
}

// coordinate mails a request for a coordinator from shard 2.
func (w *world) coordinate() {
	origin := shard.Origin{Loop: 2, Request: 1}
	if w.d.HasArg("from") {
		origin.Request = uint64(w.int("from"))
	}
	op := api.Coordinate{
		Partition: w.partition(), Knows: w.d.HasArg("knows"),
		WhileLoading: w.d.HasArg("while-loading"),
	}
	for _, verb := range []string{"add", "read", "wait", "delay"} {
		for _, arg := range w.d.CmdArgs {
			if arg.Key == verb {
				op.Request = strings.TrimSuffix(verb+"="+strings.Join(arg.Vals, ""), "=")
			}
		}
	}
	w.host.PostMail(loop.ID(2), shard.PartitionCall{
		Origin: origin, Op: op, Deadline: w.host.Now.Mono.Add(w.cfg.Limits.RequestTimeout),
		Epoch: -1,
	})
}
