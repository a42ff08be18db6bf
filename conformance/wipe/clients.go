package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	topic      = "wiped"
	partitions = 3
)

func (c *cluster) client(opts ...kgo.Opt) (*kgo.Client, error) {
	var seeds []string
	for node := 1; node <= 4; node++ {
		seeds = append(seeds, c.port(node, 0))
	}
	return kgo.NewClient(append(opts, kgo.SeedBrokers(seeds...),
		kgo.DialTimeout(time.Second), kgo.MetadataMinAge(50*time.Millisecond),
		kgo.RecordDeliveryTimeout(limit))...)
}

// prepare creates the topic when all nodes are there.
func (c *cluster) prepare() error {
	if err := c.createTopic(topic); err != nil {
		return err
	}
	return c.awaitInSync()
}

func (c *cluster) createTopic(name string) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	defer client.Close()
	var last error
	err = c.await("the topic is created", func() bool {
		req := kmsg.NewPtrCreateTopicsRequest()
		t := kmsg.NewCreateTopicsRequestTopic()
		t.Topic, t.NumPartitions, t.ReplicationFactor = name, partitions, 3
		config := kmsg.NewCreateTopicsRequestTopicConfig()
		config.Name, config.Value = "min.insync.replicas", kmsg.StringPtr("2")
		t.Configs = append(t.Configs, config)
		req.Topics = append(req.Topics, t)
		ctx, cancel := context.WithTimeout(c.ctx, 5*time.Second)
		defer cancel()
		var resp *kmsg.CreateTopicsResponse
		if resp, last = req.RequestWith(ctx, client); last != nil {
			return false
		}
		last = kerr.ErrorForCode(resp.Topics[0].ErrorCode)
		return last == nil || errors.Is(last, kerr.TopicAlreadyExists)
	})
	if err != nil {
		return errors.Join(err, last)
	}
	return nil
}

// awaitInSync waits until all replicas of the topic are in sync.
func (c *cluster) awaitInSync() error {
	client, err := c.client()
	if err != nil {
		return err
	}
	defer client.Close()
	return c.await("all replicas are in sync", func() bool {
		req := kmsg.NewPtrMetadataRequest()
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = kmsg.StringPtr(topic)
		req.Topics = append(req.Topics, t)
		ctx, cancel := context.WithTimeout(c.ctx, 5*time.Second)
		defer cancel()
		resp, err := req.RequestWith(ctx, client)
		if err != nil || len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != partitions {
			return false
		}
		for _, p := range resp.Topics[0].Partitions {
			if len(p.ISR) != 3 {
				return false
			}
		}
		return true
	})
}

// produce acknowledges n records, in any partition.
func (c *cluster) produce(n int) error {
	client, err := c.client(kgo.DefaultProduceTopic(topic))
	if err != nil {
		return err
	}
	defer client.Close()
	for range n {
		c.next++
		value := fmt.Sprintf("record %d", c.next)
		ctx, cancel := context.WithTimeout(c.ctx, limit)
		err := client.ProduceSync(ctx, kgo.StringRecord(value)).FirstErr()
		cancel()
		if err != nil {
			return fmt.Errorf("%s: %w", value, err)
		}
		c.acked[value] = true
	}
	return nil
}

// whileProducing acknowledges records until do has ended, and then some.
func (c *cluster) whileProducing(do func() error) error {
	var wg sync.WaitGroup
	var done error
	ended := make(chan struct{})
	wg.Go(func() {
		done = do()
		close(ended)
	})
	var err error
	for more := true; more && err == nil; {
		select {
		case <-ended:
			more = false
		default:
		}
		err = c.produce(20)
	}
	wg.Wait()
	return errors.Join(done, err)
}

// verify reads the topic and looks for every acknowledged record.
func (c *cluster) verify() error {
	client, err := c.client(kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return err
	}
	defer client.Close()
	missing := len(c.acked)
	seen := map[string]bool{}
	err = c.await("all acknowledged records are read", func() bool {
		ctx, cancel := context.WithTimeout(c.ctx, 5*time.Second)
		defer cancel()
		client.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
			if value := string(r.Value); c.acked[value] && !seen[value] {
				seen[value] = true
				missing--
			}
		})
		return missing == 0
	})
	if err != nil {
		return fmt.Errorf("LOST %d of %d acknowledged records: %w", missing, len(c.acked), err)
	}
	return nil
}
