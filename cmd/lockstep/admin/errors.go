package admin

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Exit codes for scripts. Other errors end with 1.
const (
	ExitDegraded  = 2
	ExitUnhealthy = 3
	ExitNoAnswer  = 4
)

// ExitError is an error with an exit code of its own.
type ExitError struct {
	Code int
	Err  error
}

func (e ExitError) Error() string { return e.Err.Error() }
func (e ExitError) Unwrap() error { return e.Err }

// ExitCode is the exit code of the program after an error.
func ExitCode(err error) int {
	var e ExitError
	if errors.As(err, &e) {
		return e.Code
	}
	return 1
}

// advice says what to do about an error of a broker.
var advice = map[*kerr.Error]string{
	kerr.UnknownTopicOrPartition: "'lockstep topic list' shows the topics that exist",
	kerr.TopicAlreadyExists: "'lockstep topic alter' changes it, and --if-not-exists accepts " +
		"that it exists",
	kerr.InvalidReplicationFactor: "there must be as many brokers: 'lockstep cluster status' " +
		"lists them",
	kerr.InvalidTopicException: "a name has letters, digits, '.', '_' and '-', and at most 249 " +
		"of them",
	kerr.PolicyViolation:         "the cluster's configuration forbids it",
	kerr.NotEnoughReplicas:       "'lockstep cluster status' says which replicas are missing",
	kerr.LeaderNotAvailable:      "'lockstep cluster status' says which partitions have no leader",
	kerr.CoordinatorNotAvailable: "'lockstep cluster status' says whether brokers are missing",
	kerr.GroupIDNotFound:         "'lockstep group list' shows the groups that exist",
	kerr.NonEmptyGroup:           "the group has members: stop its consumers first",
	kerr.UnknownMemberID:         "the group has members: stop its consumers first",
	kerr.RebalanceInProgress:     "the group has members: stop its consumers first",
	kerr.MessageTooLarge: "max.message.bytes of the topic bounds a batch: 'lockstep config get " +
		"topic NAME max.message.bytes'",
	kerr.UnsupportedVersion:    "the brokers do not serve this request",
	kerr.OffsetOutOfRange:      "'lockstep topic describe' shows the first and the last offset",
	kerr.TopicDeletionDisabled: "delete.topic.enable is false on the brokers",
}

// problem is an error about a subject, such as "topic orders", with what the broker says and
// what to do. It is nil if err is.
func problem(subject string, err error, message string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", subject, explained{err, message})
}

// explained prints an error with the broker's own words, if there are any, in place of Kafka's
// general ones.
type explained struct {
	error
	message string
}

func (e explained) Unwrap() error { return e.error }

func (e explained) Error() string {
	text := e.error.Error()
	var k *kerr.Error
	switch {
	case errors.As(e.error, &k):
		if e.message != "" {
			text = k.Message + ": " + e.message
		}
		if what := advice[k]; what != "" {
			text = strings.TrimSuffix(text, ".") + "; " + what
		}
	case errors.Is(e.error, context.DeadlineExceeded):
		return text + "; no answer within --timeout: 'lockstep cluster status' says whether " +
			"brokers are missing"
	case strings.Contains(text, "broker is too old") ||
		strings.Contains(text, "request key is unknown"):
		return "the brokers do not serve this request"
	}
	return text
}
