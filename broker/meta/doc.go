// Package meta is the cluster's metadata: one deterministic state machine,
// replicated by Raft, and the duties that come with it.
package meta
