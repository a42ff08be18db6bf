package checker

import (
	"fmt"
)

// checkTransactions is P7: read_committed returns neither aborted nor open data
// and leaves out no committed data; a transaction is all or nothing, in all its
// partitions; an EndTxn of an old epoch is refused.
func checkTransactions(x *index, out *verdictOf) {
	t := transactions{byID: map[int]*Transaction{}, verdicts: map[int][]txnVerdict{}}
	for i := range x.h.Transactions {
		txn := &x.h.Transactions[i]
		t.byID[txn.ID] = txn
		out.judged(1)
	}
	if len(t.byID) == 0 {
		return
	}
	for _, v := range x.partitions {
		t.readMarkers(v)
	}
	for i := range x.h.Transactions {
		t.checkVerdicts(&x.h.Transactions[i], x.h.Coverage.Logs, out)
	}
	for _, v := range x.partitions {
		t.checkCommittedReads(v, out)
	}
	checkOldEpochs(x.h, out)
}

type transactions struct {
	byID map[int]*Transaction
	// verdicts are what the final logs say of a transaction, one per partition.
	verdicts map[int][]txnVerdict
}

// txnVerdict is what one partition's log says of a transaction.
type txnVerdict struct {
	partition Partition
	log       *ReplicaLog
	marked    bool // a marker follows its records
	commit    bool
	first     Offset // of its records there
}

// of is the transaction of a value; nil if it has none.
func (t *transactions) of(v *view, val Value) *Transaction {
	if attempts := v.attempts[val]; len(attempts) > 0 {
		return t.byID[attempts[0].Transaction]
	}
	return nil
}

// readMarkers walks the committed log: a marker ends what its producer has open.
func (t *transactions) readMarkers(v *view) {
	best := longestLog(v)
	if best == nil {
		return
	}
	open := map[int64][]txnVerdict{} // by producer
	owner := map[int64][]int{}
	for i := range best.Entries {
		e := &best.Entries[i]
		if e.Offset >= best.Watermark {
			break
		}
		if m := e.Marker; m != nil {
			for j, id := range owner[m.Producer] {
				verdict := open[m.Producer][j]
				verdict.marked, verdict.commit = true, m.Commit
				t.verdicts[id] = append(t.verdicts[id], verdict)
			}
			delete(open, m.Producer)
			delete(owner, m.Producer)
			continue
		}
		txn := t.of(v, e.Value)
		if txn == nil {
			continue
		}
		ids := owner[txn.Producer]
		if len(ids) == 0 || ids[len(ids)-1] != txn.ID {
			owner[txn.Producer] = append(ids, txn.ID)
			open[txn.Producer] = append(open[txn.Producer],
				txnVerdict{partition: v.id, log: best, first: e.Offset})
		}
	}
	for producer, ids := range owner {
		for j, id := range ids {
			t.verdicts[id] = append(t.verdicts[id], open[producer][j])
		}
	}
}

// checkVerdicts compares what the logs say of one transaction with each other
// and with what its client was told.
func (t *transactions) checkVerdicts(txn *Transaction, complete bool, out *verdictOf) {
	asked := txn.Call != Never
	var before *txnVerdict
	for i := range t.verdicts[txn.ID] {
		v := &t.verdicts[txn.ID][i]
		fail := func(anomaly, format string, args ...any) {
			out.fail(Violation{
				Anomaly: anomaly, Partition: v.partition, Offsets: []Offset{v.first},
				Evidence: lines(txn, v.log), Sentence: fmt.Sprintf("transaction %d of %q %s",
					txn.ID, txn.Transactional, fmt.Sprintf(format, args...)),
			})
		}
		switch {
		case !v.marked && complete && asked && txn.Outcome == Acked:
			fail(TornTransaction, "was ended, but its records in %s were left open", v.partition)
		case !v.marked:
		case v.commit && (!asked || !txn.Commit):
			fail(PrecommittedRead, "was committed in %s, but its producer never asked for that",
				v.partition)
		case v.commit && txn.Outcome == Failed:
			fail(PrecommittedRead, "was committed in %s by an EndTxn that was refused with %s",
				v.partition, codeName(txn.Code))
		case !v.commit && txn.Commit && txn.Outcome == Acked:
			fail(LostWrite, "was committed, but is aborted in %s", v.partition)
		case before != nil && before.commit != v.commit:
			fail(TornTransaction, "is committed in one of %s and %s and aborted in the other",
				before.partition, v.partition)
		}
		if v.marked {
			before = v
		}
	}
}

// checkCommittedReads compares what read_committed consumers got with the fate
// of each record.
func (t *transactions) checkCommittedReads(v *view, out *verdictOf) {
	for _, f := range v.fetches {
		if !f.ReadCommitted {
			continue
		}
		out.judged(1)
		for _, r := range f.Records {
			txn := t.of(v, r.Value)
			if txn == nil {
				continue
			}
			anomaly, why := "", ""
			switch {
			case txn.Call != Never && !txn.Commit:
				anomaly, why = AbortedRead, "was aborted"
			case txn.Outcome == Failed && txn.Call != Never:
				anomaly, why = AbortedRead, "was not committed: its EndTxn was refused"
			case txn.Call == Never || f.Return.Before(txn.Call):
				anomaly, why = PrecommittedRead, "was still open"
			default:
				continue
			}
			out.fail(Violation{
				Anomaly: anomaly, Partition: v.id, Values: []Value{r.Value},
				Offsets: []Offset{r.Offset}, Evidence: lines(txn, f),
				Sentence: fmt.Sprintf("a read_committed fetch returned v%d at offset %d of %s, "+
					"of transaction %d, which %s", r.Value, r.Offset, v.id, txn.ID, why),
			})
			break
		}
		t.checkSkipped(v, f, out)
	}
}

// checkSkipped: a read_committed fetch leaves out no committed record between
// its position and its last record.
func (t *transactions) checkSkipped(v *view, f *Fetch, out *verdictOf) {
	best := longestLog(v)
	if best == nil || len(f.Records) == 0 || v.topic.Compacted {
		return
	}
	got := map[Offset]bool{}
	for _, r := range f.Records {
		got[r.Offset] = true
	}
	last := f.Records[len(f.Records)-1].Offset
	for i := range best.Entries {
		e := &best.Entries[i]
		if e.Offset < f.From || e.Offset > last || got[e.Offset] || e.Control ||
			!t.committed(v, e.Value) {
			continue
		}
		out.fail(Violation{
			Anomaly: IntPollSkip, Partition: v.id, Values: []Value{e.Value},
			Offsets: []Offset{e.Offset}, Evidence: lines(f, best),
			Sentence: fmt.Sprintf("a read_committed fetch of %s from %d to %d left out v%d at "+
				"offset %d, which is committed", v.id, f.From, last, e.Value, e.Offset),
		})
		return
	}
}

// committed says whether a value is committed: it belongs to no transaction, or
// a commit marker of the partition covers it.
func (t *transactions) committed(v *view, val Value) bool {
	txn := t.of(v, val)
	if txn == nil {
		return len(v.attempts[val]) > 0
	}
	for _, verdict := range t.verdicts[txn.ID] {
		if verdict.partition == v.id {
			return verdict.marked && verdict.commit
		}
	}
	return false
}

// checkOldEpochs: after a newer epoch of a transactional id was given out, no
// EndTxn of an older one is accepted.
func checkOldEpochs(h *History, out *verdictOf) {
	for i := range h.Transactions {
		txn := &h.Transactions[i]
		if txn.Call == Never || txn.Outcome != Acked {
			continue
		}
		for j := range h.ProducerIDs {
			p := &h.ProducerIDs[j]
			newer := p.Producer != txn.Producer || p.Epoch > txn.ProducerEpoch
			if p.Transactional != txn.Transactional || !newer || !p.Return.Before(txn.Call) ||
				p.Return.Before(txn.Begin) {
				continue
			}
			out.fail(Violation{
				Anomaly: OldEpochAccepted, Evidence: lines(p, txn),
				Sentence: fmt.Sprintf("an EndTxn of producer %d epoch %d was accepted after %q "+
					"had been given to producer %d epoch %d", txn.Producer, txn.ProducerEpoch,
					txn.Transactional, p.Producer, p.Epoch),
			})
			break
		}
	}
}
