package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/batch"
)

// reseal makes the checksum right, after a change of the header.
func reseal(b batch.Batch, change func(b []byte)) []byte {
	change(b)
	sum := crc32.Checksum(b[attributes:], crc32.MakeTable(crc32.Castagnoli))
	binary.BigEndian.PutUint32(b[17:], sum)
	return b
}

func put32(at int, v uint32) func([]byte) {
	return func(b []byte) { binary.BigEndian.PutUint32(b[at:], v) }
}

func put64(at int, v int64) func([]byte) {
	return func(b []byte) { binary.BigEndian.PutUint64(b[at:], uint64(v)) }
}

func pack(codec batch.Codec, plain []byte) []byte {
	var out bytes.Buffer
	switch codec {
	case batch.Gzip:
		w := gzip.NewWriter(&out)
		w.Write(plain)
		w.Close()
	case batch.Snappy:
		return snappy.Encode(nil, plain)
	case batch.LZ4:
		w := lz4.NewWriter(&out)
		w.Write(plain)
		w.Close()
	case batch.Zstd:
		w, _ := zstd.NewWriter(&out)
		w.Write(plain)
		w.Close()
	default:
		return plain
	}
	return out.Bytes()
}

var codecs = []string{"uncompressed", "gzip", "snappy", "lz4", "zstd"}

// produceCases: what the header says of the records, and their payload.
func (a *asker) produceCases() {
	t := a.topic("records")
	for i, name := range codecs {
		codec := batch.Codec(i)
		b := records(0, 0, 0)
		a.produce(name+": sound", 9, t, b.BuildWith(codec, pack(codec, b.Plain())))
		if codec == batch.Uncompressed {
			a.produce(name+": junk", 9, t, b.BuildWith(codec, []byte("this is no record")))
		} else {
			a.produce(name+": junk", 9, t, b.BuildWith(codec, []byte("this is not compressed")))
			cut := pack(codec, b.Plain())
			a.produce(name+": cut short", 9, t, b.BuildWith(codec, cut[:len(cut)/2]))
		}
		lying := func(change func([]byte)) []byte {
			return reseal(b.BuildWith(codec, pack(codec, b.Plain())), change)
		}
		a.produce(name+": more records than there are", 9, t, lying(func(b []byte) {
			put32(count, 5)(b)
			put32(lastDelta, 4)(b)
		}))
		a.produce(name+": fewer records than there are", 9, t, lying(func(b []byte) {
			put32(count, 2)(b)
			put32(lastDelta, 1)(b)
		}))
		a.produce(name+": count and last offset differ", 9, t, lying(put32(lastDelta, 7)))
		a.produce(name+": offsets with a gap", 9, t, gap(codec))
	}
	large := batch.NewBuilder()
	for range 30 {
		large.Add(time.Now().UnixMilli(), []byte("k"), make([]byte, 1<<20))
	}
	for i, name := range codecs[1:] {
		codec := batch.Codec(i + 1)
		if codec == batch.Snappy { // which does not compress zeros as well
			continue
		}
		a.produce(name+": 30 MiB of zeros", 9, t,
			large.BuildWith(codec, pack(codec, large.Plain())))
	}
	s2Only := records(0)
	for range 100 {
		s2Only.Add(time.Now().UnixMilli(), []byte("k"), bytes.Repeat([]byte("value"), 50))
	}
	a.produce("snappy: S2", 9, t,
		s2Only.BuildWith(batch.Snappy, s2.EncodeBest(nil, s2Only.Plain())))
	shifted := records(0).Build()
	shifted.Stamp(7, -1)
	a.produce("a base offset above 0", 9, t, shifted)
	old := records(0).Build()
	old[16] = 1
	a.produce("magic 1", 9, t, old)
	a.produce("two batches", 9, t, append(bytes.Clone(records(0).Build()), records(0).Build()...))
	a.produce("no batch", 9, t, nil)
	flipped := records(0).Build()
	flipped[70] ^= 1
	a.produce("a wrong checksum", 9, t, flipped)
	control := batch.NewBuilder().Producer(1, 0, 0)
	control.Control = true
	a.produce("a control batch", 9, t,
		control.Add(1, []byte{0, 0, 0, 0}, []byte{0, 0, 0, 0, 0, 0}).Build())

	c := a.topic("compacted", "cleanup.policy=compact")
	keyless := batch.NewBuilder()
	for i := range 4 {
		var key []byte
		if i%2 == 0 {
			key = []byte("k")
		}
		keyless.Add(time.Now().UnixMilli(), key, []byte("v"))
	}
	for i, name := range codecs {
		codec := batch.Codec(i)
		a.produce("null keys in a compacted topic, "+name, 9, c,
			keyless.BuildWith(codec, pack(codec, keyless.Plain())))
	}
	a.produce("null keys in a compacted topic, version 7", 7, c, keyless.Build())
}

// gap is a batch of two records with the offsets 0 and 2; its header says 0 and 1.
func gap(codec batch.Codec) []byte {
	one := records(0).Plain()
	two := bytes.Clone(one)
	two[3] = 4 // the offset delta, zigzag
	b := records(0, 0)
	plain := append(bytes.Clone(one), two...)
	return b.BuildWith(codec, pack(codec, plain))
}

// timeCases: timestamps, and searches by time.
func (a *asker) timeCases() {
	ages := []time.Duration{3 * time.Second, time.Second, 2 * time.Second}
	t := a.topic("times")
	for i, name := range codecs {
		codec := batch.Codec(i)
		for _, max := range []int64{-1, 5, time.Now().UnixMilli() + 1e9} {
			b := records(ages...)
			before := a.offsetAt(t, -1)
			sent := reseal(b.BuildWith(codec, pack(codec, b.Plain())), put64(maxTimestamp, max))
			a.produce(fmt.Sprintf("%s: largest timestamp %s", name, maxName(max)), 9, t, sent)
			say(fmt.Sprintf("%s: offset 2.5 s ago, after %s", name, maxName(max)),
				a.offsetAt(t, time.Now().Add(-2500*time.Millisecond).UnixMilli())-before)
			say(fmt.Sprintf("%s: offset of the largest, after %s", name, maxName(max)),
				a.offsetAt(t, -3)-before)
			t = a.topic(fmt.Sprintf("times-%s-%d", name, max))
		}
	}
	bounded := a.topic("bounded", "message.timestamp.before.max.ms=60000",
		"message.timestamp.after.max.ms=60000")
	hour := time.Hour
	a.produce("two hours ahead", 9, t, records(0, -2*hour).Build())
	a.produce("half an hour ahead", 9, t, records(0, -hour/2).Build())
	a.produce("years ago", 9, t, records(50000*hour).Build())
	a.produce("above after.max", 9, bounded, records(-2*time.Minute, 0, -2*time.Minute).Build())
	a.produce("below before.max", 9, bounded, records(0, 2*time.Minute).Build())
	a.produce("no timestamp", 9, bounded, batch.NewBuilder().Add(-1, []byte("k"), nil).Build())
	zipped := records(0, 2*time.Minute)
	a.produce("below before.max, gzip", 9, bounded,
		zipped.BuildWith(batch.Gzip, pack(batch.Gzip, zipped.Plain())))
	stamped := records(0)
	stamped.LogAppendTime = true
	a.produce("LogAppendTime from a client", 9, t, stamped.Build())
	appended := a.topic("appended", "message.timestamp.type=LogAppendTime",
		"message.timestamp.before.max.ms=60000")
	a.produce("LogAppendTime from a client, in such a topic", 9, appended, stamped.Build())
	a.produce("years ago in a topic with LogAppendTime", 9, appended, records(50000*hour).Build())
}

func maxName(max int64) string {
	switch {
	case max < 0:
		return "missing"
	case max < 10:
		return "too small"
	}
	return "too large"
}

// offsetAt asks ListOffsets; -1 stands for the end.
func (a *asker) offsetAt(topic string, at int64) int64 {
	req := kmsg.NewPtrListOffsetsRequest()
	req.Version, req.ReplicaID = 7, -1
	p := kmsg.NewListOffsetsRequestTopicPartition()
	p.Timestamp = at
	t := kmsg.NewListOffsetsRequestTopic()
	t.Topic, t.Partitions = topic, append(t.Partitions, p)
	req.Topics = append(req.Topics, t)
	resp, ok := a.ask(req).(*kmsg.ListOffsetsResponse)
	if !ok || resp.Topics[0].Partitions[0].ErrorCode != 0 {
		return -99
	}
	return resp.Topics[0].Partitions[0].Offset
}
