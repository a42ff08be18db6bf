package api

import (
	"slices"
	"strconv"
	"strings"

	"example.com/lockstep/broker/kafka"
	"example.com/lockstep/broker/meta"
)

// alteration is what AlterConfigs and IncrementalAlterConfigs have in common. All resources of a
// request are one command. Each of them succeeds or fails by itself, with all its operations. A
// resource or a key that is named twice is refused, because it is not clear what is meant.
//
// Any broker takes a request about any broker, since what commands set is the same everywhere. A
// key has effect or is refused: see [meta.ConfigKey].
type alteration struct {
	validateOnly bool
	slots        []alterSlot // one per resource
	named        map[meta.ConfigResource]int
	command      meta.AlterConfigs
	proposal
}

// alterSlot is one resource of the answer.
type alterSlot struct {
	resource meta.ConfigResource // as the request names it
	change   meta.ConfigChange
	code     kafka.ErrorCode // if this handler refused it
	message  string
	at       int // index into the command; -1 if refused
}

// loggerResource is Kafka's type of the loggers of a broker, and rootLogger the only one here. Its
// level is that of the event log.
const (
	loggerResource meta.ResourceType = 8
	rootLogger                       = "root"
)

// nullValue begins the refusal of a value that is null.
const nullValue = "Null value not supported for : "

func newAlteration(validateOnly bool) alteration {
	return alteration{
		validateOnly: validateOnly, named: map[meta.ConfigResource]int{}, proposal: newProposal(),
	}
}

// add takes one resource of the request. problem says why its operations cannot be understood.
func (a *alteration) add(change meta.ConfigChange, problem string) {
	r := change.Resource
	if i, named := a.named[r]; named {
		a.slots[i].refuse("Each resource must appear at most once.")
		return
	}
	a.named[r] = len(a.slots)
	slot := alterSlot{resource: r, change: change}
	switch {
	case problem != "":
		slot.refuse(problem)
	case twice(change.Ops):
		slot.refuse("Error due to duplicate config keys")
	case r.Type == loggerResource:
		slot.asLevel()
	case r.Type != meta.TopicResource && r.Type != meta.BrokerResource:
		slot.refuse("resource type " + strconv.Itoa(int(r.Type)) + " has no configurations here")
	}
	a.slots = append(a.slots, slot)
}

func (s *alterSlot) refuse(message string) { s.code, s.message = kafka.InvalidRequest, message }

func twice(ops []meta.ConfigOp) bool {
	seen := map[string]bool{}
	for _, op := range ops {
		if seen[op.Name] {
			return true
		}
		seen[op.Name] = true
	}
	return false
}

// asLevel makes of a change of a broker's loggers one of the level of its event log.
func (s *alterSlot) asLevel() {
	switch {
	case s.change.Replace:
		s.refuse("AlterConfigs does not take the loggers of a broker: use IncrementalAlterConfigs")
	case s.resource.Name == "":
		s.refuse("The loggers are those of one broker: its id is missing")
	}
	s.change.Resource.Type = meta.BrokerResource
	for i := range s.change.Ops {
		op := &s.change.Ops[i]
		switch {
		case op.Name != rootLogger:
			s.code, s.message = kafka.InvalidConfig, "Logger "+op.Name+" does not exist!"
		case op.Op != meta.ConfigSet && op.Op != meta.ConfigDelete:
			s.refuse("The level of a logger can only be set and deleted")
		}
		op.Name, op.Value = meta.EventLogLevelKey, strings.ToLower(op.Value)
	}
}

func (a *alteration) next(c Context, expired bool) []Op {
	switch {
	case expired:
		return nil
	case a.stage == proposalBegins:
		return a.start(c)
	}
	return a.spread(c, slices.ContainsFunc(a.outcome.Verdict.Configs,
		func(v meta.ConfigVerdict) bool { return v.Code == kafka.None }))
}

// start makes the command of what this handler has not refused.
func (a *alteration) start(c Context) []Op {
	for i := range a.slots {
		a.slots[i].at = -1
		if a.slots[i].code == kafka.None {
			a.slots[i].at = len(a.command.Resources)
			a.command.Resources = append(a.command.Resources, a.slots[i].change)
		}
	}
	if len(a.command.Resources) == 0 {
		return nil
	}
	return a.begin(c, c.Settings().AppliedByAll, &a.command, a.validateOnly)
}

// verdict is the answer about one resource: error code and message.
func (a *alteration) verdict(slot *alterSlot) (int16, *string) {
	code, message := slot.code, slot.message
	switch {
	case slot.at < 0:
	case a.outcome.Code != kafka.None:
		code = a.outcome.Code
	default:
		v := &a.outcome.Verdict.Configs[slot.at]
		code, message = v.Code, v.Message
	}
	return int16(code), nullable(message)
}
