package admin

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ConfigCommand has what an operator does with configurations.
func ConfigCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "config",
		Short: "Read and change configurations of topics, of brokers and of the cluster",
		Long: `Read and change configurations. What they belong to is given by words:

  topic NAME    a topic
  broker ID     one broker
  cluster       the default of all brokers
  logger ID     the log levels of one broker`,
	}
	c.AddCommand(configGetCommand(), configSetCommand(), configDeleteCommand())
	return c
}

// resource is what configurations belong to.
type resource struct {
	kind kmsg.ConfigResourceType
	word string // "topic"
	name string // "" is the cluster
}

// takeResource takes a resource from the front of the arguments of a command.
func takeResource(args []string) (r resource, rest []string, err error) {
	kinds := map[string]kmsg.ConfigResourceType{
		"topic": kmsg.ConfigResourceTypeTopic, "broker": kmsg.ConfigResourceTypeBroker,
		"cluster": kmsg.ConfigResourceTypeBroker, "logger": kmsg.ConfigResourceTypeBrokerLogger,
	}
	var ok bool
	if len(args) > 0 {
		r.word = args[0]
		r.kind, ok = kinds[r.word]
	}
	switch {
	case !ok:
		return r, nil, fmt.Errorf("%q: want topic NAME, broker ID, logger ID or cluster", r.word)
	case r.word == "cluster":
		return r, args[1:], nil
	case len(args) < 2:
		return r, nil, fmt.Errorf("%s: which one? Give its name or id", r.word)
	}
	r.name = args[1]
	if _, err := strconv.Atoi(r.name); r.word != "topic" && err != nil {
		return r, nil, fmt.Errorf("%s %s: want the id of a broker, a number", r.word, r.name)
	}
	return r, args[2:], nil
}

func (r resource) String() string { return strings.TrimSpace(r.word + " " + r.name) }

// config is one key of a configuration.
type config struct {
	Key           string  `json:"key"`
	Value         *string `json:"value"` // nil: none, or it is not shown
	Source        string  `json:"source"`
	ReadOnly      bool    `json:"read_only"`
	Sensitive     bool    `json:"sensitive"`
	Documentation string  `json:"documentation,omitempty"`

	source kmsg.ConfigSource
}

// configList is the answer of config get. Only JSON always has the documentation.
type configList struct {
	list []config
	docs bool
}

func (l configList) MarshalJSON() ([]byte, error) { return json.Marshal(list(l.list)) }

func (l configList) text(p *page) {
	rows := make([][]any, len(l.list))
	for i, c := range l.list {
		value := cell(c.Value)
		if c.Sensitive {
			value = "(sensitive)"
		}
		change := "yes"
		if c.ReadOnly {
			change = "no"
		}
		rows[i] = []any{c.Key, value, c.Source, change}
		if l.docs {
			rows[i] = append(rows[i], c.Documentation)
		}
	}
	columns := []string{"KEY", "VALUE", "SOURCE", "CHANGEABLE"}
	if l.docs {
		columns = append(columns, "DOCUMENTATION")
	}
	p.table(columns, rows)
}

func configGetCommand() *cobra.Command {
	var changed, docs bool
	c := connected(&cobra.Command{
		Use:   "get (topic NAME | broker ID | logger ID | cluster) [KEY...]",
		Short: "Show configurations, with where each value comes from",
		Long: `Show configurations, with where each value comes from.

SOURCE is topic, broker (dynamic, of this broker), cluster (dynamic, of all brokers), file (of
the broker) or default. For the cluster only what was set is shown.`,
		Example: `  lockstep config get topic orders
  lockstep config get topic orders retention.ms --json
  lockstep config get broker 1 --changed
  lockstep config get cluster`,
		Args: cobra.MinimumNArgs(1),
	}, func(s *session, args []string) error {
		r, keys, err := takeResource(args)
		if err != nil {
			return err
		}
		configs, err := s.configs(r.kind, r.name, keys...)
		if err != nil {
			return err
		}
		if changed {
			configs = slices.DeleteFunc(configs, config.isDefault)
		}
		return s.print(configList{configs, docs})
	})
	c.Flags().BoolVar(&changed, "changed", false, "show only what is not a default")
	c.Flags().BoolVar(&docs, "docs", false, "show what each key means")
	return c
}

func (c config) isDefault() bool { return c.source == kmsg.ConfigSourceDefaultConfig }

// sources are the words of an answer for Kafka's sources of a value.
var sources = map[kmsg.ConfigSource]string{
	kmsg.ConfigSourceDynamicTopicConfig:         "topic",
	kmsg.ConfigSourceDynamicBrokerConfig:        "broker",
	kmsg.ConfigSourceDynamicDefaultBrokerConfig: "cluster",
	kmsg.ConfigSourceStaticBrokerConfig:         "file",
	kmsg.ConfigSourceDefaultConfig:              "default",
	kmsg.ConfigSourceDynamicBrokerLoggerConfig:  "logger",
	kmsg.ConfigSourceGroupConfig:                "group",
	kmsg.ConfigSourceClientMetricsConfig:        "client metrics",
}

// configs are the keys of a resource in the order of their names: all, or those that are given.
func (s *session) configs(
	kind kmsg.ConfigResourceType, name string, keys ...string,
) ([]config, error) {
	ctx, cancel := s.within()
	defer cancel()
	req := kmsg.NewPtrDescribeConfigsRequest()
	req.IncludeDocumentation = true
	asked := kmsg.NewDescribeConfigsRequestResource()
	asked.ResourceType, asked.ResourceName = kind, name
	if len(keys) > 0 { // nil asks for all
		asked.ConfigNames = keys
	}
	req.Resources = append(req.Resources, asked)
	subject := subjectOf(kind, name)
	resp, err := req.RequestWith(ctx, s.client)
	if err != nil {
		return nil, problem(subject, err, "")
	}
	list := []config{}
	for _, r := range resp.Resources {
		if r.ErrorCode != 0 {
			return nil, problem(subject, kerr.ErrorForCode(r.ErrorCode), unpointed(r.ErrorMessage))
		}
		for _, c := range r.Configs {
			list = append(list, config{c.Name, c.Value,
				cmp.Or(sources[c.Source], c.Source.String()), c.ReadOnly, c.IsSensitive,
				unpointed(c.Documentation), c.Source})
		}
	}
	slices.SortFunc(list, func(a, b config) int { return strings.Compare(a.Key, b.Key) })
	for _, key := range keys {
		if !slices.ContainsFunc(list, func(c config) bool { return c.Key == key }) {
			return nil, fmt.Errorf("%s has no key %s: 'lockstep config get %s' lists them",
				subject, key, subject)
		}
	}
	return list, nil
}

func subjectOf(kind kmsg.ConfigResourceType, name string) string {
	switch {
	case kind == kmsg.ConfigResourceTypeTopic:
		return "topic " + name
	case kind == kmsg.ConfigResourceTypeBrokerLogger:
		return "logger " + name
	case name == "":
		return "cluster"
	}
	return "broker " + name
}

func unpointed(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

func configSetCommand() *cobra.Command {
	var dryRun bool
	c := connected(&cobra.Command{
		Use:   "set (topic NAME | broker ID | logger ID | cluster) KEY=VALUE...",
		Short: "Set keys; other keys keep their values",
		Example: `  lockstep config set topic orders retention.ms=86400000
  lockstep config set cluster log.retention.ms=604800000
  lockstep config set broker 1 event.log.level=debug --dry-run`,
		Args: cobra.MinimumNArgs(2),
	}, func(s *session, args []string) error {
		return s.changeConfigs(args, dryRun, func(rest []string) ([]configChange, error) {
			return configChanges(rest, nil)
		})
	})
	c.Flags().BoolVar(&dryRun, "dry-run", false, "let the brokers check it, and change nothing")
	return c
}

func configDeleteCommand() *cobra.Command {
	var dryRun bool
	c := connected(&cobra.Command{
		Use:   "delete (topic NAME | broker ID | logger ID | cluster) KEY...",
		Short: "Remove what was set: the keys get their defaults again",
		Example: `  lockstep config delete topic orders retention.ms
  lockstep config delete broker 1 event.log.level`,
		Args: cobra.MinimumNArgs(2),
	}, func(s *session, args []string) error {
		return s.changeConfigs(args, dryRun, func(rest []string) ([]configChange, error) {
			return configChanges(nil, rest)
		})
	})
	c.Flags().BoolVar(&dryRun, "dry-run", false, "let the brokers check it, and change nothing")
	return c
}

// changeConfigs changes the resource at the front of args by what the rest says.
func (s *session) changeConfigs(
	args []string, dryRun bool, changes func(rest []string) ([]configChange, error),
) error {
	r, rest, err := takeResource(args)
	if err != nil {
		return err
	}
	if len(rest) == 0 {
		return fmt.Errorf("%v: no key is given", r)
	}
	list, err := changes(rest)
	if err != nil {
		return err
	}
	done := outcomes{kind: r.word}
	if err := s.alterConfigs(r.kind, []string{r.name}, list, dryRun, &done); err != nil {
		return err
	}
	return s.finish(&done)
}

type configChange = kmsg.IncrementalAlterConfigsRequestResourceConfig

// configChanges are the changes that flags or arguments ask for: key=value, and keys.
func configChanges(set, remove []string) (changes []configChange, err error) {
	for _, text := range set {
		key, value, ok := strings.Cut(text, "=")
		if !ok || key == "" {
			return nil, fmt.Errorf("%s: want key=value", text)
		}
		changes = append(changes, configChange{Name: key, Value: &value,
			Op: kmsg.IncrementalAlterConfigOpSet})
	}
	for _, key := range remove {
		if key == "" || strings.Contains(key, "=") {
			return nil, fmt.Errorf("%q: want the name of a key alone", key)
		}
		changes = append(changes, configChange{Name: key, Op: kmsg.IncrementalAlterConfigOpDelete})
	}
	return changes, nil
}

// alterConfigs makes the changes to each of the resources, and adds what became of them.
func (s *session) alterConfigs(
	kind kmsg.ConfigResourceType, names []string, changes []configChange, dryRun bool,
	done *outcomes,
) error {
	req := kmsg.NewPtrIncrementalAlterConfigsRequest()
	req.ValidateOnly = dryRun
	for _, name := range names {
		r := kmsg.NewIncrementalAlterConfigsRequestResource()
		r.ResourceType, r.ResourceName, r.Configs = kind, name, changes
		req.Resources = append(req.Resources, r)
	}
	ctx, cancel := s.within()
	defer cancel()
	resp, err := req.RequestWith(ctx, s.client)
	if err != nil {
		return problem("alter configurations", err, "")
	}
	if len(resp.Resources) == 0 {
		return errors.New("alter configurations: the answer is empty")
	}
	for _, r := range resp.Resources {
		done.add(r.ResourceName, changesText(changes, dryRun), kerr.ErrorForCode(r.ErrorCode),
			unpointed(r.ErrorMessage))
	}
	return nil
}

// changesText says what was changed: "set a=1, deleted b".
func changesText(changes []configChange, dryRun bool) string {
	var parts []string
	for _, c := range changes {
		if c.Op == kmsg.IncrementalAlterConfigOpSet {
			parts = append(parts, "set "+c.Name+"="+*c.Value)
		} else {
			parts = append(parts, "deleted "+c.Name)
		}
	}
	text := strings.Join(parts, ", ")
	if dryRun {
		return "would accept: " + text
	}
	return text
}
