package node

import (
	"strings"

	"example.com/lockstep/broker/event"
	"example.com/lockstep/broker/meta"
)

// narrateConfigs tells which configurations have changed: one line for each resource.
func (c *Control) narrateConfigs(old, image *meta.Image, changed []meta.ConfigResource) {
	told := map[meta.ConfigResource]bool{}
	for _, r := range changed {
		if told[r] {
			continue
		}
		told[r] = true
		was, is, subject := old.BrokerConfigs(r.Name), image.BrokerConfigs(r.Name), "cluster"
		switch t, before := image.Topic(r.Name), old.Topic(r.Name); {
		case r.Type == meta.TopicResource && (t == nil || before == nil || t.ID != before.ID):
			continue // it was created or deleted since, which has lines of its own
		case r.Type == meta.TopicResource:
			was, is, subject = before.Configs, t.Configs, "topic "+r.Name
		case r.Name != "":
			subject = "broker " + r.Name
		}
		set, unset := differences(was, is)
		if len(set)+len(unset) > 0 {
			c.host.Log(event.New(event.ConfigChanged, event.Text("of", subject),
				event.Few("set", set), event.Text("unset", strings.Join(unset, ","))))
		}
	}
}

// differences lists what is set in a new way, as key=value, and what is not set any more.
func differences(was, is meta.Configs) (set, unset []string) {
	for _, e := range is {
		if v, ok := was.Get(e.Name); !ok || v != e.Value {
			set = append(set, e.Name+"="+e.Value)
		}
	}
	for _, e := range was {
		if _, ok := is.Get(e.Name); !ok {
			unset = append(unset, e.Name)
		}
	}
	return set, unset
}

// applyLogLevel makes the event log of the node follow event.log.level.
func (c *Control) applyLogLevel(image *meta.Image) {
	level, set := image.OwnConfig(c.cfg.Node, meta.EventLogLevelKey)
	if !set {
		level = c.cfg.Settings.EventLogLevel
	}
	if level != c.logLevel {
		c.logLevel = level
		c.host.LogLevel(event.ParseLevel(level))
	}
}
