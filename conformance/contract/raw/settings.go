package main

import (
	"sort"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// topicSettings creates a topic for each setting, and tells what is answered.
func (a *asker) topicSettings() {
	t := a.topic("described")
	described := a.describe(t)
	say("a topic with all that is described", a.create(a.prefix+"-copy", described...))
	say("a topic with all that Kafka 4.3 describes", a.create(a.prefix+"-kafka", kafkaDescribes...))
	for _, setting := range settings {
		say("setting "+setting, a.create(a.unique(setting), strings.Split(setting, "; ")...))
	}
	dotted := a.prefix + "-a.b"
	say("a name with a dot", a.create(dotted))
	say("a name that collides with it", a.create(strings.ReplaceAll(dotted, ".", "_")))
}

// unique is a name for the topic of a setting.
func (a *asker) unique(setting string) string {
	clean := func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}
	a.created++
	return a.prefix + "-" + strings.Map(clean, setting)[:min(40, len(setting))] +
		string(rune('a'+a.created/26)) + string(rune('a'+a.created%26))
}

// describe returns the configurations of a topic, as key=value.
func (a *asker) describe(topic string) (all []string) {
	req := kmsg.NewPtrDescribeConfigsRequest()
	req.Version = 4
	r := kmsg.NewDescribeConfigsRequestResource()
	r.ResourceType, r.ResourceName = kmsg.ConfigResourceTypeTopic, topic
	req.Resources = append(req.Resources, r)
	resp, ok := a.ask(req).(*kmsg.DescribeConfigsResponse)
	if !ok {
		return []string{"closed"}
	}
	for _, c := range resp.Resources[0].Configs {
		if c.Value != nil {
			all = append(all, c.Name+"="+*c.Value)
		}
	}
	sort.Strings(all)
	return all
}
