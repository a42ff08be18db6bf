package wire

import (
	"reflect"

	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"
)

// fillRandom sets the fields of a kmsg message to drawn values. kmsg knows which of them
// a version encodes. Some messages get unknown tags.
func fillRandom(t *rapid.T, v reflect.Value, depth int) {
	switch v.Kind() {
	case reflect.Struct:
		if tags, ok := v.Addr().Interface().(*kmsg.Tags); ok {
			if rapid.IntRange(0, 9).Draw(t, "tagged") == 0 {
				tags.Set(rapid.Uint32Range(100, 1<<31).Draw(t, "tag"),
					rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "tag data"))
			}
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).Name != "Version" {
				fillRandom(t, v.Field(i), depth)
			}
		}
	case reflect.Slice:
		n := rapid.IntRange(-1, 3).Draw(t, "elements")
		if n < 0 {
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			fillRandom(t, v.Index(i), depth+1)
		}
	case reflect.Pointer:
		if rapid.Bool().Draw(t, "present") {
			v.Set(reflect.New(v.Type().Elem()))
			fillRandom(t, v.Elem(), depth)
		}
	case reflect.Array:
		for i := range v.Len() {
			v.Index(i).SetUint(uint64(rapid.Byte().Draw(t, "byte")))
		}
	case reflect.String:
		v.SetString(rapid.StringN(0, 20, 200).Draw(t, "string"))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "bool"))
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		bits := v.Type().Bits()
		v.SetInt(rapid.Int64().Draw(t, "int") >> (64 - bits))
	case reflect.Uint16:
		v.SetUint(uint64(rapid.Uint16().Draw(t, "uint")))
	case reflect.Uint8:
		v.SetUint(uint64(rapid.Byte().Draw(t, "byte")))
	default:
		panic("no random value for " + v.Type().String())
	}
}

// randomRequest draws a message of one key and version.
func randomRequest(t *rapid.T, key, version int16) kmsg.Request {
	req := kmsg.RequestForKey(key)
	req.SetVersion(version)
	fillRandom(t, reflect.ValueOf(req).Elem(), 0)
	return req
}
