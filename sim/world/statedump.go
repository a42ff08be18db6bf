package world

import (
	"encoding/hex"
	"fmt"
	"hash/crc64"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"example.com/lockstep/broker/loop"
	"example.com/lockstep/sim/plan"
)

// dumpState writes a loop's whole state as lines "path = value", with unexported fields, for the
// determinism check: two loops in equal states give equal lines in any process. It changes nothing.
//
// No address enters the dump. The value behind a pointer is written where it is met first; at later
// places stands the path of the first one. Maps are sorted by their keys. Of a function the dump
// shows only that there is one. What belongs to the machine and not to the loop (host, disk,
// network, the world) is left out, and so is what is Outside. A StateNamer gives a short text for
// large values that never change.
func dumpState(l loop.Loop, namer StateNamer) []string {
	d := &stateDump{seen: map[unsafe.Pointer]string{}, namer: namer}
	d.value("", reflect.ValueOf(l))
	return d.lines
}

type stateDump struct {
	lines []string
	seen  map[unsafe.Pointer]string
	namer StateNamer // nil: there is none
}

const (
	// dumpShown is how many elements at each end of a long list or map have their own lines. A hash
	// stands for those between.
	dumpShown = 64
	// dumpDepth bounds how many steps lead from the loop to a value.
	dumpDepth = 64
)

func (d *stateDump) line(path, value string) { d.lines = append(d.lines, path+" = "+value) }

// What is not part of a loop's state: packages, by the beginnings of their paths, and types.
var (
	outsidePackages = []string{"sync", "reflect", "google.golang.org/protobuf/",
		module + "netsim/virtual", module + "diskfs/virtual"}
	outsideTypes = []reflect.Type{
		reflect.TypeFor[World](), reflect.TypeFor[Node](), reflect.TypeFor[loopHost](),
		reflect.TypeFor[diskPort](), reflect.TypeFor[netPort](),
		reflect.TypeFor[plan.Plan](), reflect.TypeFor[Streams](), reflect.TypeFor[Incarnation](),
	}
	outside = reflect.TypeFor[Outside]()
)

func isOutside(t reflect.Type) bool {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if slices.Contains(outsideTypes, t) || t.Kind() != reflect.Interface &&
		reflect.PointerTo(t).Implements(outside) {
		return true
	}
	path := t.PkgPath()
	return slices.ContainsFunc(outsidePackages, func(p string) bool {
		return path == p || strings.HasPrefix(path, strings.TrimSuffix(p, "/")+"/")
	})
}

func (d *stateDump) value(path string, v reflect.Value) {
	if strings.Count(path, ".")+strings.Count(path, "[") > dumpDepth {
		d.line(path, "(too deep)")
		return
	}
	if !v.IsValid() {
		d.line(path, "nil")
		return
	}
	if isOutside(v.Type()) {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		d.pointer(path, v)
	case reflect.Interface:
		if v.IsNil() {
			d.line(path, "nil")
			return
		}
		d.value(path, v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			if name := v.Type().Field(i).Name; name != "_" {
				d.value(path+"."+name, v.Field(i))
			}
		}
	case reflect.Slice:
		if v.IsNil() || v.Len() == 0 {
			return // nil and empty count as equal
		}
		d.list(path, v)
	case reflect.Array:
		d.list(path, v)
	case reflect.Map:
		d.mapping(path, v)
	default:
		if text, ok := scalar(v); ok {
			d.line(path, text)
		}
	}
}

func (d *stateDump) pointer(path string, v reflect.Value) {
	if v.IsNil() {
		return // a missing line means nil: most pointers of a state are nil
	}
	p := v.UnsafePointer()
	if v.Type() == reflect.TypeFor[*conn]() {
		d.line(path, fmt.Sprintf("connection %d", (*conn)(p).ID()))
		return
	}
	if d.namer != nil {
		if text, ok := d.namer.StateText(reflect.NewAt(v.Type().Elem(), p).Interface()); ok {
			d.line(path, text)
			return
		}
	}
	if first, ok := d.seen[p]; ok && v.Type().Elem().Size() > 0 {
		d.line(path, "as "+first)
		return
	}
	d.seen[p] = path + "(" + v.Type().Elem().Name() + ")"
	d.value(path, v.Elem())
}

var crcTable = crc64.MakeTable(crc64.ECMA)

// list writes a slice or an array. Many bytes are written as their number and a hash.
func (d *stateDump) list(path string, v reflect.Value) {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		d.line(path, bytesText(v))
		return
	}
	d.folded(path, v.Len(), func(i int) { d.value(path+"["+strconv.Itoa(i)+"]", v.Index(i)) })
}

func bytesText(v reflect.Value) string {
	var b []byte
	if v.Kind() == reflect.Slice {
		b = v.Bytes()
	} else {
		for i := range v.Len() {
			b = append(b, byte(v.Index(i).Uint()))
		}
	}
	if len(b) <= 20 {
		return hex.EncodeToString(b)
	}
	return fmt.Sprintf("%d bytes, %016x", len(b), crc64.Checksum(b, crcTable))
}

// mapping writes a map in the order of the texts of its keys.
func (d *stateDump) mapping(path string, v reflect.Value) {
	type pair struct {
		key   string
		value reflect.Value
	}
	var pairs []pair
	for it := v.MapRange(); it.Next(); {
		k := &stateDump{seen: map[unsafe.Pointer]string{}, namer: d.namer}
		k.value("", it.Key())
		key := strings.ReplaceAll(strings.Join(k.lines, " "), " = ", "")
		pairs = append(pairs, pair{key, it.Value()})
	}
	slices.SortFunc(pairs, func(a, b pair) int { return strings.Compare(a.key, b.key) })
	d.folded(path, len(pairs), func(i int) { d.value(path+"["+pairs[i].key+"]", pairs[i].value) })
}

// folded writes n elements. If they are many, it writes both ends in full, a hash of the elements
// between, and the length.
func (d *stateDump) folded(path string, n int, element func(i int)) {
	for i := range n {
		if n > 2*dumpShown && i == dumpShown {
			from := len(d.lines)
			for ; i < n-dumpShown; i++ {
				element(i)
			}
			sum := crc64.Checksum([]byte(strings.Join(d.lines[from:], "\n")), crcTable)
			d.lines = d.lines[:from]
			d.line(fmt.Sprintf("%s[%d..%d]", path, dumpShown, n-dumpShown-1),
				fmt.Sprintf("%016x", sum))
		}
		if n > 2*dumpShown && i >= dumpShown && i < n-dumpShown {
			continue
		}
		element(i)
	}
	if n > 2*dumpShown {
		d.line("len("+path+")", strconv.Itoa(n))
	}
}

func scalar(v reflect.Value) (string, bool) {
	switch v.Kind() {
	case reflect.Bool:
		return strconv.FormatBool(v.Bool()), true
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return strconv.FormatInt(v.Int(), 10), true
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return strconv.FormatUint(v.Uint(), 10), true
	case reflect.Float32, reflect.Float64:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64), true
	case reflect.String:
		return strconv.Quote(v.String()), true
	case reflect.Func:
		if !v.IsNil() {
			return "a function", true
		}
		return "", false
	}
	return "(" + v.Kind().String() + ")", true
}
