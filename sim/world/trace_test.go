package world

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"example.com/lockstep/diskfs"
	"example.com/lockstep/netsim"
)

func TestHasherTellsBordersAndOrderApart(t *testing.T) {
	sum := func(fields ...string) uint64 {
		var h, g Hasher
		for _, f := range fields {
			h.String(f)
			g.Bytes([]byte(f))
		}
		require.Equal(t, h.Sum(), g.Sum())
		return h.Sum()
	}
	seen := make(map[uint64][]string)
	for _, fields := range [][]string{
		{}, {""}, {"", ""}, {"a"}, {"a", "b"}, {"ab"}, {"b", "a"}, {"ab", ""}, {"", "ab"},
		{"abcdefgh"}, {"abcdefgh\x00"}, {"abcdefghi"}, {"abcdefgh", "i"}, {strings.Repeat("x", 16)},
		{strings.Repeat("x", 17)},
	} {
		s := sum(fields...)
		require.Nil(t, seen[s], "%q and %q collide", seen[s], fields)
		seen[s] = append(fields, "")
	}
}

func TestHasherNoticesEveryBitOfALongBuffer(t *testing.T) {
	buffer := make([]byte, 203)
	seen := map[uint64]bool{SumBytes(buffer): true}
	for bit := range len(buffer) * 8 {
		buffer[bit/8] ^= 1 << (bit % 8)
		require.False(t, seen[SumBytes(buffer)], "bit %d", bit)
		seen[SumBytes(buffer)] = true
		buffer[bit/8] ^= 1 << (bit % 8)
	}
	for n := range len(buffer) {
		require.False(t, seen[SumBytes(buffer[:n])], "length %d", n)
		seen[SumBytes(buffer[:n])] = true
	}
}

// The hash is part of the replay contract: if it changes, all trace hashes that were written down
// become worthless. So it must not change by accident.
func TestHasherIsPinned(t *testing.T) {
	var h Hasher
	h.Word(1)
	h.String("lockstep")
	h.Bytes(bytes.Repeat([]byte("simulator"), 20))
	require.Equal(t, "227851c03410c7c9", hex64(h.Sum()))
}

func TestTraceHashCoversEveryFieldButDetail(t *testing.T) {
	base := record{at: 1, node: 2, loop: 3, incarnation: 4, what: NetSent, id: 5, size: 6,
		content: 7, detail: "x"}
	sum := func(change func(*record)) uint64 {
		tr := Trace{names: make([]string, 8)}
		r := base
		change(&r)
		tr.add(r)
		return tr.Sum()
	}
	same := sum(func(*record) {})
	require.Equal(t, same, sum(func(r *record) { r.detail = "y" }))
	for i, change := range []func(*record){
		func(r *record) { r.at++ }, func(r *record) { r.node++ }, func(r *record) { r.loop++ },
		func(r *record) { r.incarnation++ }, func(r *record) { r.what++ },
		func(r *record) { r.id++ }, func(r *record) { r.size++ },
		func(r *record) { r.content++ },
	} {
		require.NotEqual(t, same, sum(change), "field %d", i)
	}
}

func TestErrorsEnterTheTraceByClassOnly(t *testing.T) {
	require.Zero(t, errorClass(nil))
	require.Equal(t, errorClass(diskfs.ErrIO), errorClass(fmt.Errorf("write x: %w", diskfs.ErrIO)))
	require.NotEqual(t, errorClass(diskfs.ErrIO), errorClass(netsim.ErrReset))
	require.Equal(t, errorClass(errors.New("a")), errorClass(errors.New("b")))
}

func TestTraceKeepsTheLastRecordsAndPrintsAWindow(t *testing.T) {
	var text strings.Builder
	tr := Trace{text: &text, from: 2, upTo: 4, names: []string{"a", "b"}}
	for i := range 3 * recentRecords {
		tr.add(record{node: 1, what: MailSent, id: uint64(i)})
	}
	recent := tr.Recent(10)
	require.Len(t, recent, 10)
	require.Contains(t, recent[9], fmt.Sprintf("#%d ", 3*recentRecords-1))
	lines := strings.Split(strings.TrimSpace(text.String()), "\n")
	require.Len(t, lines, 2)
	require.Contains(t, lines[0], "#2 0s b.0/0 mail-to id=2")
}
