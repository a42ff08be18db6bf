package check

// Reporter takes violations. A world is a Reporter.
type Reporter interface {
	Violated(property, where, format string, args ...any)
}
