package rawkafka

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Metadata asks the broker at addr about a topic.
func Metadata(addr, topic string, timeout time.Duration) (*kmsg.MetadataResponse, error) {
	c, err := Dial(addr, timeout)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	r := kmsg.NewPtrMetadataRequest()
	r.Version = 9
	t := kmsg.NewMetadataRequestTopic()
	t.Topic = kmsg.StringPtr(topic)
	r.Topics = append(r.Topics, t)
	response, err := c.Ask(r, timeout)
	if err != nil {
		return nil, err
	}
	m := response.(*kmsg.MetadataResponse)
	return m, kerr.ErrorForCode(m.Topics[0].ErrorCode)
}

// CreateTopic creates a topic. replicas lists the replicas of each partition,
// the leader first.
func CreateTopic(
	addr, topic string, replicas [][]int32, minInSync string, timeout time.Duration,
) error {
	c, err := Dial(addr, timeout)
	if err != nil {
		return err
	}
	defer c.Close()
	r := kmsg.NewPtrCreateTopicsRequest()
	r.Version, r.TimeoutMillis = 5, int32(timeout.Milliseconds())
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = topic, -1, -1
	for i, nodes := range replicas {
		a := kmsg.NewCreateTopicsRequestTopicReplicaAssignment()
		a.Partition, a.Replicas = int32(i), nodes
		t.ReplicaAssignment = append(t.ReplicaAssignment, a)
	}
	config := kmsg.NewCreateTopicsRequestTopicConfig()
	config.Name, config.Value = "min.insync.replicas", kmsg.StringPtr(minInSync)
	t.Configs = append(t.Configs, config)
	r.Topics = append(r.Topics, t)
	response, err := c.Ask(r, timeout)
	if err != nil {
		return err
	}
	answer := response.(*kmsg.CreateTopicsResponse).Topics[0]
	err = kerr.ErrorForCode(answer.ErrorCode)
	if err != nil && answer.ErrorMessage != nil {
		err = fmt.Errorf("%w: %s", err, *answer.ErrorMessage)
	}
	return err
}

// NewProducer draws a producer id from the broker at addr.
func NewProducer(addr string, timeout time.Duration) (Producer, error) {
	c, err := Dial(addr, timeout)
	if err != nil {
		return NoProducer, err
	}
	defer c.Close()
	r := kmsg.NewPtrInitProducerIDRequest()
	r.Version = 2
	r.TransactionTimeoutMillis = 60_000
	response, err := c.Ask(r, timeout)
	if err != nil {
		return NoProducer, err
	}
	answer := response.(*kmsg.InitProducerIDResponse)
	return Producer{answer.ProducerID, answer.ProducerEpoch}, kerr.ErrorForCode(answer.ErrorCode)
}

// ErrNoProcess is what PID returns while a node is not running.
var ErrNoProcess = errors.New("rawkafka: node is not running")

// PID finds the process of a node of a dev cluster by its configuration file.
func PID(dir string, node int32) (int, error) {
	want := filepath.Join(dir, "node-"+strconv.Itoa(int(node)), "server.properties")
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0, err
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		line, err := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		if err != nil {
			continue // it has ended meanwhile
		}
		args := strings.Split(strings.TrimRight(string(line), "\x00"), "\x00")
		if len(args) >= 4 && args[1] == "serve" && args[3] == want {
			return pid, nil
		}
	}
	return 0, ErrNoProcess
}
