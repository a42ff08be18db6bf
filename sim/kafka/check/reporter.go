package check

// Reporter takes what is broken. A world is one.
type Reporter interface {
	Violated(property, where, format string, args ...any)
}
