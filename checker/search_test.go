package checker

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// unanswered is a registry history in which many creations and deletions of one
// name got no answer, and then a creation and a look at the topic did.
func unanswered(n int, seen string) *History {
	h := &History{}
	for i := range n {
		kind := CreateTopic
		if i%2 == 1 {
			kind = DeleteTopic
		}
		h.Admins = append(h.Admins,
			Admin{Call: at(i), Return: Never, Kind: kind, Topic: "n", Outcome: Ambiguous})
	}
	h.Admins = append(h.Admins,
		Admin{
			Call: at(n), Return: at(n + 1), Kind: CreateTopic, Topic: "n", Outcome: Acked,
			TopicID: "A",
		},
		Admin{
			Call: at(n + 2), Return: at(n + 3), Kind: DescribeTopic, Topic: "n", Outcome: Acked,
			TopicID: seen,
		},
	)
	h.End = at(n + 4)
	return h
}

func TestManyOperationsWithoutAnAnswerAreJudged(t *testing.T) {
	require.Equal(t, Pass, Check("P9", unanswered(60, "A")).Verdict)
	require.Equal(t, Pass, Check("P9", unanswered(60, "B")).Verdict,
		"one of the unanswered creations may have made B")
}

func TestManyOperationsWithoutAnAnswerDoNotExplainAContradiction(t *testing.T) {
	h := unanswered(60, "A")
	for i := range 60 {
		h.Admins[i].Kind = CreateTopic // nothing deletes
	}
	require.Equal(t, Pass, Check("P9", h).Verdict)
	h.Admins[61].TopicID = "B"
	require.Equal(t, Fail, Check("P9", h).Verdict, "created as A, never deleted, seen as B")
}
