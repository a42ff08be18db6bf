package docs

import (
	"fmt"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/broker/wire"
)

// versionRow is "| key | name | Kafka's range | ours |".
var versionRow = regexp.MustCompile(
	`(?m)^\| ([0-9]+) \| (\w+) \| ([0-9]+)–([0-9]+) \| (no|[0-9–]+) \|$`)

// checkVersions holds the table of a page to the broker's.
func checkVersions(page string, served []wire.VersionRange) (found findings) {
	ours := map[string]wire.VersionRange{}
	for _, v := range served {
		ours[fmt.Sprint(v.Key)] = v
	}
	seen := map[string]bool{}
	for _, m := range versionRow.FindAllStringSubmatch(page, -1) {
		key, name, says, want := m[1], m[2], m[5], "no"
		v, ok := ours[key]
		seen[key] = true
		if ok {
			want = fmt.Sprintf("%d–%d", v.Min, v.Max)
		}
		switch {
		case ok && v.Name != name:
			found.add("key %s is %s, not %s", key, v.Name, name)
		case says != want:
			found.add("%s: the page says %s, served is %s", name, says, want)
		case ok && (v.Min < version(m[3]) || v.Max > version(m[4])):
			found.add("%s: we serve versions that Kafka has not", name)
		}
	}
	for key, v := range ours {
		if !seen[key] {
			found.add("%s: the page does not have it", v.Name)
		}
	}
	return found
}

func version(digits string) int16 {
	n, err := strconv.ParseInt(digits, 10, 16)
	if err != nil {
		panic(err)
	}
	return int16(n)
}

func TestTheTableOfVersionsIsTheBrokers(t *testing.T) {
	require.Empty(t, checkVersions(theRepository().read("docs/kafka.md"), wire.Versions[:]))
}

func TestATableOfVersionsThatIsWrongIsFound(t *testing.T) {
	served := []wire.VersionRange{{Key: 0, Name: "Produce", Min: 3, Max: 13}}
	require.Empty(t, checkVersions("| 0 | Produce | 3–13 | 3–13 |", served))
	require.Empty(t, checkVersions("| 0 | Produce | 3–13 | 3–13 |\n| 1 | Fetch | 4–18 | no |",
		served))
	for _, c := range []struct{ page, finding string }{
		{"| 0 | Produce | 3–13 | 3–12 |", "Produce: the page says 3–12, served is 3–13"},
		{"| 0 | Produce | 3–13 | no |", "Produce: the page says no, served is 3–13"},
		{"| 0 | Fetch | 3–13 | 3–13 |", "key 0 is Produce, not Fetch"},
		{"| 0 | Produce | 3–12 | 3–13 |", "Produce: we serve versions that Kafka has not"},
		{"| 1 | Fetch | 4–18 | 4–18 |", "Fetch: the page says 4–18, served is no"},
		{"", "Produce: the page does not have it"},
	} {
		require.Contains(t, checkVersions(c.page, served), c.finding)
	}
}
