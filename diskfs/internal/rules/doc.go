// Package rules holds what every implementation of diskfs must do in the same
// way, wherever it stores the bytes: the order of operations on a handle
// (obligation 2), the check of an operation's fields, and the form of error
// texts (obligation 8).
//
// Nothing here locks or waits; the caller serialises access.
package rules
