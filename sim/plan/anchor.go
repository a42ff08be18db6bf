package plan

import (
	"fmt"
	"strconv"
	"strings"
)

// A fault may be anchored at a milestone instead of a time. The same plan runs with other times on
// another commit, but mostly passes the same milestones.

// Anchor is what [Fault].After means: the n-th milestone with a key that begins with Words.
// "leader t0/0 #2" is the second time that a leader of t0/0 begins, on any node.
type Anchor struct {
	Words string
	Nth   int // from 1 on
}

// ParseAnchor reads "words" or "words #n".
func ParseAnchor(text string) (Anchor, error) {
	a := Anchor{Words: text, Nth: 1}
	if words, n, ok := strings.Cut(text, " #"); ok {
		nth, err := strconv.Atoi(n)
		if err != nil || nth < 1 {
			return a, fmt.Errorf("anchor %q: want #1 or more behind the words", text)
		}
		a.Words, a.Nth = words, nth
	}
	if a.Words == "" || strings.TrimSpace(a.Words) != a.Words {
		return a, fmt.Errorf("anchor %q: want the first words of a milestone's key", text)
	}
	return a, nil
}

func (a Anchor) String() string {
	if a.Nth == 1 {
		return a.Words
	}
	return a.Words + " #" + strconv.Itoa(a.Nth)
}

// Matches reports whether the anchor counts a milestone with this key.
func (a Anchor) Matches(key string) bool {
	rest, ok := strings.CutPrefix(key, a.Words)
	return ok && (rest == "" || rest[0] == ' ')
}
