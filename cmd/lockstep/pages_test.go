package main

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/meta"
	"example.com/lockstep/broker/node"
	"example.com/lockstep/broker/shard"
	"example.com/lockstep/docs"
)

// The pages for operators list keys and metrics by hand. These tests compare them with
// the program.

const configurationPage = "../../docs/configuration.md"

func TestTheConfigurationPageListsEveryKey(t *testing.T) {
	page := readPage(t, configurationPage)
	documented := entries(t, section(t, page, "Keys of a broker"))
	for _, key := range (&brokerConfig{}).keys() {
		text, ok := documented[key.name]
		require.True(t, ok, "%s has no entry", key.name)
		delete(documented, key.name)
		switch {
		case key.required:
			require.Regexp(t, `^required[;.]`, text, key.name)
		case key.fallback == "":
			require.Regexp(t, `^no default\.`, text, key.name)
		default:
			require.Regexp(t, "^default `"+regexp.QuoteMeta(key.fallback)+"`[;.]", text, key.name)
		}
		requireBounds(t, key, text)
	}
	require.Empty(t, documented, "keys that the program does not have")
}

// requireBounds compares the bounds in a key's entry with those that its setter enforces.
func requireBounds(t *testing.T, key configKey, text string) {
	least, most, ok := bounds(text)
	err := key.set.take("no number")
	if err == nil || !strings.Contains(err.Error(), "whole number") {
		require.False(t, ok, "%s is no number", key.name)
		return
	}
	require.True(t, ok, "%s: no bounds in %q", key.name, text)
	for _, n := range []int64{least, most} {
		require.NoError(t, key.set.take(strconv.FormatInt(n, 10)), key.name)
	}
	for _, n := range []int64{least - 1, most + 1} {
		require.Error(t, key.set.take(strconv.FormatInt(n, 10)), "%s=%d", key.name, n)
	}
}

func TestTheConfigurationPageListsEveryKeyOfTopics(t *testing.T) {
	documented := entries(t, section(t, readPage(t, configurationPage), "Keys of topics"))
	for _, key := range meta.ConfigKeys() {
		text, ok := documented[key.Name]
		require.True(t, ok, "%s has no entry", key.Name)
		delete(documented, key.Name)
		if text == asAbove {
			continue
		}
		want := "default `" + key.Default + "`"
		if key.BrokerName != "" {
			want = "(`" + key.BrokerName + "`): " + want
		}
		require.True(t, strings.HasPrefix(text, want), "%s: %q does not begin with %q",
			key.Name, text, want)
		if key.Type == meta.ConfigInt || key.Type == meta.ConfigLong {
			least, most, ok := bounds(text)
			require.True(t, ok, "%s: no bounds in %q", key.Name, text)
			require.Equal(t, [2]int64{key.Min, key.Max}, [2]int64{least, most}, key.Name)
		}
		if key.Allowed != nil {
			require.Contains(t, text, "`"+strings.Join(key.Allowed, "`, `")+"`", key.Name)
		}
	}
	require.Empty(t, documented, "keys that the program does not have")
}

func TestTheCommandsPageListsEveryCommand(t *testing.T) {
	documented := entries(t, section(t, readPage(t, "../../docs/commands.md"), "All commands"))
	for _, c := range everyCommand() {
		require.Equal(t, c.Short+".", documented[c.CommandPath()], c.CommandPath())
		delete(documented, c.CommandPath())
	}
	require.Empty(t, documented, "commands that the program does not have")
}

func TestTheMetricsPageListsEveryMetric(t *testing.T) {
	documented := map[string]docs.Metric{}
	for _, m := range docs.Metrics() {
		require.NotContains(t, documented, m.Name, "listed twice")
		documented[m.Name] = m
	}
	samples := slices.Concat(
		loopMetrics(t),
		structMetrics("lockstep_control", "", node.Stats{}),
		structMetrics("lockstep_shard", "1", shard.Stats{}),
	)
	for _, m := range samples {
		entry, ok := documented[m.name]
		require.True(t, ok, "%s has no entry", m.name)
		delete(documented, m.name)
		kind := map[bool]string{true: "counter", false: "gauge"}[m.kind == counter]
		require.Equal(t, kind, entry.Type, m.name)
		require.NotEmpty(t, entry.Help, m.name)
	}
	require.Empty(t, documented, "metrics that the program does not have")
}

// loopMetrics are the metrics that are not fields of a Stats. They are found in the
// source, because only a running broker has samples of them.
func loopMetrics(t *testing.T) (found []metric) {
	source := readPage(t, "broker.go")
	for _, m := range regexp.MustCompile(`metric\{"(lockstep_\w+)", (\w+),`).
		FindAllStringSubmatch(source, -1) {
		kind := map[string]metric{"counter": {kind: counter}, "gauge": {kind: gauge}}[m[2]].kind
		found = append(found, metric{name: m[1], kind: kind})
	}
	require.NotEmpty(t, found)
	return found
}

func readPage(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	return string(text)
}

// section is the text from a heading of level two to the next one.
func section(t *testing.T, page, title string) string {
	_, text, ok := strings.Cut(page, "\n## "+title+"\n")
	require.True(t, ok, "no section %q", title)
	text, _, _ = strings.Cut(text, "\n## ")
	return text
}

// asAbove stands for the text of an entry that refers to another section.
const asAbove = "as above"

var (
	entry = regexp.MustCompile("(?m)^- ((?:\\*\\*`[^`]+`\\*\\*(?:,\\s+)?)+):?,? " +
		"?((?s:.*?)\n)(?:- |\n|#|\\z)")
	name   = regexp.MustCompile("\\*\\*`([^`]+)`\\*\\*")
	ranged = regexp.MustCompile(`from (-?\d+) to (\d+)`)
)

// entries are the list items of a page that begin with a name in bold: their texts, in
// one line each, by name.
func entries(t *testing.T, page string) map[string]string {
	found := map[string]string{}
	for len(page) > 0 {
		at := entry.FindStringSubmatchIndex(page)
		if at == nil {
			break
		}
		names := name.FindAllStringSubmatch(page[at[2]:at[3]], -1)
		text := strings.Join(strings.Fields(page[at[4]:at[5]]), " ")
		if len(names) > 1 {
			text = asAbove
		}
		for _, n := range names {
			require.NotContains(t, found, n[1], "listed twice")
			found[n[1]] = text
		}
		page = page[at[5]:]
	}
	return found
}

func bounds(text string) (least, most int64, ok bool) {
	m := ranged.FindStringSubmatch(text)
	if m == nil {
		return 0, 0, false
	}
	_, err := fmt.Sscan(m[1]+" "+m[2], &least, &most)
	return least, most, err == nil
}
