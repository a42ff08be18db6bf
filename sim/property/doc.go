// Package property names what the simulator judges by itself, in one place: a
// failure, a planted bug and a test mean the same property by the same name.
//
// It holds constants only, and knows none of the packages that judge.
package property
