package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// readyTopic is a topic for the records of the check. The check deletes it.
const readyTopic = "__lockstep_ready"

// untilReady tries until the cluster works end to end:
//
//  1. the /healthz of every node says that it is registered and unfenced;
//  2. the metadata of every node lists all nodes;
//  3. a topic with one partition per node can be created;
//  4. each of its partitions accepts a record with acks=all;
//  5. the topic can be deleted.
//
// If ctx ends first, the error says what failed at the last try.
func untilReady(ctx context.Context, nodes []devNode) error {
	for {
		attempt, cancel := context.WithTimeout(ctx, 15*time.Second)
		err := readyNow(attempt, nodes)
		cancel()
		if err == nil {
			return nil
		}
		if !sleep(ctx, 100*time.Millisecond) {
			return err
		}
	}
}

func readyNow(ctx context.Context, nodes []devNode) error {
	for _, n := range nodes {
		if err := healthy(ctx, n); err != nil {
			return fmt.Errorf("node %d: %w", n.id, err)
		}
	}
	for _, n := range nodes {
		if err := listsAll(ctx, n, len(nodes)); err != nil {
			return fmt.Errorf("node %d: %w", n.id, err)
		}
	}
	return recordGoesThrough(ctx, nodes)
}

// healthy asks a node's /healthz.
func healthy(ctx context.Context, n devNode) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.http+"/healthz", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	reason, err := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("not healthy: %s", strings.TrimSpace(string(reason)))
	}
	return nil
}

// listsAll asks one node for its metadata, which must list all nodes.
func listsAll(ctx context.Context, n devNode, want int) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(n.kafka), kgo.ClientID("lockstep-dev"))
	if err != nil {
		return err
	}
	defer client.Close()
	metadata, err := kadm.NewClient(client).BrokerMetadata(ctx)
	if err != nil {
		return fmt.Errorf("metadata: %w", err)
	}
	if len(metadata.Brokers) != want {
		return fmt.Errorf("metadata lists %d of %d brokers", len(metadata.Brokers), want)
	}
	return nil
}

// recordGoesThrough produces a record to each partition of the ready topic.
func recordGoesThrough(ctx context.Context, nodes []devNode) error {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(strings.Split(bootstrapServers(nodes), ",")...),
		kgo.ClientID("lockstep-dev"), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.DisableIdempotentWrite(), // producer ids are not part of the check
	)
	if err != nil {
		return err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	partitions := len(nodes)
	// An earlier attempt that did not end may have left the topic.
	_, err = admin.CreateTopic(ctx, int32(partitions), int16(min(3, len(nodes))), nil, readyTopic)
	if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		return fmt.Errorf("create topic %s: %w", readyTopic, err)
	}
	var records []*kgo.Record
	for i := range partitions {
		records = append(records,
			&kgo.Record{Topic: readyTopic, Partition: int32(i), Value: []byte("ready?")})
	}
	if err := client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		return fmt.Errorf("produce to topic %s: %w", readyTopic, err)
	}
	deleted, err := admin.DeleteTopics(ctx, readyTopic)
	if err == nil {
		err = deleted.Error()
	}
	if err != nil {
		return fmt.Errorf("delete topic %s: %w", readyTopic, err)
	}
	return nil
}
