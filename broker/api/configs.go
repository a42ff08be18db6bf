package api

import (
	"strconv"

	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/assert"
	"example.com/lockstep/broker/meta"
)

// configValue is a value of a configuration and where it comes from.
type configValue struct {
	name   string // of the key at that place
	value  string
	source kmsg.ConfigSource
}

// topicConfig are the values of a key for a topic with these configurations. The value in
// force comes first, the built-in default last. They are those that
// [meta.Image.TopicConfig] uses: none is a setting of a single broker.
func topicConfig(img *meta.Image, set meta.Configs, k *meta.ConfigKey) []configValue {
	var values []configValue
	if v, ok := set.Get(k.Name); ok {
		values = append(values, configValue{k.Name, v, kmsg.ConfigSourceDynamicTopicConfig})
	}
	return append(values, clusterConfig(img, k.BrokerName, k.Default)...)
}

// clusterConfig are the values of a broker-level key that is the same on all brokers.
func clusterConfig(img *meta.Image, name, builtIn string) []configValue {
	var values []configValue
	if v, ok := img.BrokerConfigs("").Get(name); ok {
		values = append(values, configValue{name, v, kmsg.ConfigSourceDynamicDefaultBrokerConfig})
	}
	return append(values, configValue{name, builtIn, kmsg.ConfigSourceDefaultConfig})
}

// brokerKey is a configuration of a broker.
type brokerKey struct {
	name     string
	kind     meta.ConfigType
	doc      string
	values   []configValue // as topicConfig returns them
	readOnly bool          // can be set only in the broker's file
}

// ownConfig are the values of a key that this broker takes from its settings.
func ownConfig(name, value, builtIn string) []configValue {
	values := []configValue{{name, builtIn, kmsg.ConfigSourceDefaultConfig}}
	if value != builtIn {
		values = []configValue{{name, value, kmsg.ConfigSourceStaticBrokerConfig}, values[0]}
	}
	return values
}

// brokerKeys are all configurations of this broker, in no order. Their values are the
// ones that the broker uses: those in Settings come from there, all others from the
// image.
func brokerKeys(c Context) []brokerKey {
	s := c.Settings()
	id := strconv.Itoa(int(c.Node()))
	keys := []brokerKey{
		{name: "broker.id", kind: meta.ConfigInt,
			doc:    "The id of this broker; the same as node.id.",
			values: ownConfig("broker.id", id, "-1"), readOnly: true},
		{name: "node.id", kind: meta.ConfigInt, doc: "The id of this node.",
			values: ownConfig("node.id", id, "-1"), readOnly: true},
		{name: "delete.topic.enable", kind: meta.ConfigBool, doc: "Whether topics may be deleted.",
			values:   ownConfig("delete.topic.enable", strconv.FormatBool(s.DeleteTopics), "true"),
			readOnly: true},
		{name: "fetch.max.bytes", kind: meta.ConfigInt,
			doc: "The largest answer to a fetch, in bytes; a single larger batch is returned " +
				"whole.",
			values:   ownConfig("fetch.max.bytes", strconv.Itoa(s.FetchMaxBytes), "57671680"),
			readOnly: true},
	}
	for i := range meta.ConfigKeys() {
		k := &meta.ConfigKeys()[i]
		key := brokerKey{name: k.BrokerName, kind: k.Type, doc: k.Doc, readOnly: k.ReadOnly}
		if k.Broker {
			key.name = k.Name
		} else if key.name == "" {
			continue
		}
		switch {
		case k.ReadOnly:
			key.values = ownConfig(key.name, ownSetting(s, key.name), k.Default)
		case k.Own:
			key.values = append(setFor(c.Image(), id, key.name),
				ownConfig(key.name, ownSetting(s, key.name), k.Default)...)
		default:
			key.values = clusterConfig(c.Image(), key.name, k.Default)
		}
		keys = append(keys, key)
	}
	return withFile(keys, s.File)
}

// setFor are the values that commands have set of a key that a broker may have for itself.
func setFor(img *meta.Image, broker, name string) (values []configValue) {
	if v, ok := img.BrokerConfigs(broker).Get(name); ok {
		values = append(values, configValue{name, v, kmsg.ConfigSourceDynamicBrokerConfig})
	}
	if v, ok := img.BrokerConfigs("").Get(name); ok {
		values = append(values, configValue{name, v, kmsg.ConfigSourceDynamicDefaultBrokerConfig})
	}
	return values
}

// withFile adds the keys of the broker's file that are not described yet.
func withFile(keys []brokerKey, file []FileKey) []brokerKey {
	described := map[string]bool{}
	for i := range keys {
		described[keys[i].name] = true
	}
	for _, k := range file {
		if !described[k.Name] {
			keys = append(keys, brokerKey{name: k.Name, kind: k.Type, doc: k.Doc,
				values: ownConfig(k.Name, k.Value, k.Default), readOnly: true})
		}
	}
	return keys
}

// ownSetting returns the value of a key in the settings of this broker.
func ownSetting(s *Settings, name string) string {
	switch name {
	case "auto.create.topics.enable":
		return strconv.FormatBool(s.AutoCreateTopics)
	case "num.partitions":
		return strconv.Itoa(int(s.NumPartitions))
	case "default.replication.factor":
		return strconv.Itoa(int(s.ReplicationFactor))
	case meta.EventLogLevelKey:
		return s.EventLogLevel
	}
	assert.That(false, "api: %s is no setting of a broker", name)
	return ""
}
