// Package property names the properties that the simulator judges by itself, in one place: a
// failure, a planted bug and a test use the same name for the same property.
//
// It holds only constants and imports none of the packages that judge.
package property
