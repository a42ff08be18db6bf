// Package rules holds what every implementation of diskfs must do alike and
// what has nothing to do with where the bytes lie: the order of operations on
// a handle (obligation 2), the check of an operation's fields, and the shape of
// error texts (obligation 8).
//
// Nothing here locks or waits; the caller serialises access.
package rules
