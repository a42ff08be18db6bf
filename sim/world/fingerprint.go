package world

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
)

// Fingerprint names the bug behind a failure as well as the failure shows it. It depends on the
// broken property, on the shape of the symptom, and for a panic or an assertion on the code that it
// came from. It does not depend on names of nodes, ids, times and numbers. So one bug mostly has
// the same fingerprint under all seeds. It consists of a few words to read, and a hash of
// everything that it depends on.
func (f *Failure) Fingerprint() string {
	shape, frames := shapeOf(f.Symptom), ownFrames(f.Stack)
	var h Hasher
	h.String(f.Property)
	h.String(shape)
	h.String(strings.Join(frames, " "))
	return fmt.Sprintf("%s-%08x", slugOf(f.Property, shape), uint32(h.Sum()))
}

// fingerprint is the fingerprint of the first failure; "" if the run passed.
func (r *Result) fingerprint() string {
	if len(r.Failures) == 0 {
		return ""
	}
	return r.Failures[0].Fingerprint()
}

// FailsWith reports whether a run has a failure with a fingerprint.
func (r *Result) FailsWith(fingerprint string) bool {
	for i := range r.Failures {
		if r.Failures[i].Fingerprint() == fingerprint {
			return true
		}
	}
	return false
}

// varying is what differs when one bug shows twice, and what replaces it in a shape.
var varying = []struct {
	what *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`"[^"]*"`), "_"},
	{regexp.MustCompile(`0x[0-9a-f]+|\b[0-9a-f]{16,}\b`), "#"},
	{regexp.MustCompile(`\b(\d+(\.\d+)?(ns|µs|ms|s|m|h))+\b`), "#"},
	{regexp.MustCompile(`\b[a-zA-Z]+\d+\b`), "_"}, // nodes, topics, values
	{regexp.MustCompile(`-?\d+(\.\d+)?`), "#"},
	{regexp.MustCompile(`[_#]([/.][_#])+`), "_"},        // partitions, incarnations
	{regexp.MustCompile(`[_#]([ ,]+[_#])+`), "#"},       // lists
	{regexp.MustCompile(`\[[ _#]*\]|\{[ _#]*\}`), "[]"}, // also empty ones
}

// shapeOf is the first line of a text without its varying parts.
func shapeOf(text string) string {
	text, _, _ = strings.Cut(text, "\n")
	for _, v := range varying {
		text = v.what.ReplaceAllString(text, v.with)
	}
	return text
}

// ownFrames are the two innermost functions of the broker, its disk or its network in a stack that
// runtime/debug printed. Functions of the simulator are left out, and so are positions, because
// they move with every edit.
func ownFrames(stack string) []string {
	const most = 2
	var frames []string
	for line := range strings.Lines(stack) {
		name, own := strings.CutPrefix(strings.TrimSpace(line), module)
		if !own || strings.HasPrefix(name, "sim/") || strings.HasPrefix(name, "sim.") ||
			strings.HasPrefix(name, "broker/assert.") {
			continue
		}
		name = "lockstep/" + name // does not depend on the path of the module
		if end := strings.LastIndexByte(name, '('); end > 0 {
			name = name[:end]
		}
		if frames = append(frames, name); len(frames) == most {
			break
		}
	}
	return frames
}

// module is the prefix of this module's import paths.
var module = strings.TrimSuffix(reflect.TypeFor[Failure]().PkgPath(), "sim/world")

var (
	propertyNumber = regexp.MustCompile(`^P\d+\b`)
	slugBorder     = regexp.MustCompile(`[^a-z0-9]+`)
)

// slugOf is the part of a fingerprint that people read: the property, then the symptom. If there is
// a symptom, the property is shortened to its number or its first words.
func slugOf(property, shape string) string {
	const most = 64
	if shape != "" {
		if number := propertyNumber.FindString(property); number != "" {
			property = number
		} else if words := strings.Fields(property); len(words) > 4 {
			property = strings.Join(words[:4], " ")
		}
		shape = strings.TrimPrefix(shape, "assertion failed: ")
	}
	slug := strings.Trim(slugBorder.ReplaceAllString(strings.ToLower(property+" "+shape), "-"), "-")
	if len(slug) > most {
		slug = slug[:strings.LastIndexByte(slug[:most+1], '-')]
	}
	return slug
}
