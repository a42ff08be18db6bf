package checker

import "fmt"

// checkRequests is P11: on each connection responses come in the order of the
// requests, and every request ends, with an answer or with its connection,
// before its deadline plus the slack of the history.
func checkRequests(x *index, out *verdictOf) {
	requests := make([]*Request, 0, len(x.h.Requests))
	for i := range x.h.Requests {
		requests = append(requests, &x.h.Requests[i])
	}
	sortByMoment(requests)
	latest := map[int]*Request{} // by connection: the earlier request that ended last
	for _, r := range requests {
		out.judged(1)
		if r.NoResponse {
			continue
		}
		old := latest[r.Conn]
		answered := !r.Closed && r.Return != Never
		if old != nil && answered && r.Return.Before(old.Return) && old.Call.Before(r.Call) {
			out.fail(Violation{
				Anomaly: ResponseOrder, Evidence: lines(old, r),
				Sentence: fmt.Sprintf("on connection %d request %d was answered before request "+
					"%d, which was sent before it", r.Conn, r.Correlation, old.Correlation),
			})
		}
		if old == nil || old.Return.Before(r.Return) {
			latest[r.Conn] = r
		}
		if r.Deadline == 0 || r.Excused != "" {
			continue
		}
		limit := r.Deadline + x.h.Slack
		if r.Return.At > limit && x.h.End.At > limit {
			out.fail(Violation{
				Anomaly: RequestOverdue, Evidence: lines(r),
				Sentence: fmt.Sprintf("%s request %d on connection %d should have ended by %v "+
					"and ended %v", r.Name, r.Correlation, r.Conn, r.Deadline, r.Return),
			})
		}
	}
}
