package wire

import "math"

// maxTags bounds the tagged fields of one request. kmsg keeps every unknown one in a map,
// which takes some hundred bytes for three bytes on the wire.
const maxTags = 1 << 14

// shape is the layout of a struct in a request, with just what is needed to find its end.
// kmsg allocates arrays by their count before it has read an element. It also counts down
// the number of tagged fields when no bytes are left: a frame of twenty bytes can keep a
// loop busy for minutes. So every request is walked first. The walk allocates nothing and
// ends with the bytes.
//
// In flexible versions a struct ends with tagged fields.
type shape []field

type fieldKind uint8

const (
	fixedField     fieldKind = iota // size bytes
	stringField                     // must not be null
	nullableField                   // a string that may be null
	bytesField                      // bytes
	structArray                     // of elem; may be null
	scalarArray                     // of elem[0], without tagged fields; may be null
	taggedField                     // a struct elem in tagged field number size
	lastVersionAll = math.MaxInt16
)

type field struct {
	kind     fieldKind
	size     int
	elem     shape
	from, to int16 // versions that have the field
}

func fixed(size int) field { return field{kind: fixedField, size: size, to: lastVersionAll} }

func str() field         { return field{kind: stringField, to: lastVersionAll} }
func nullableStr() field { return field{kind: nullableField, to: lastVersionAll} }

func data() field { return field{kind: bytesField, to: lastVersionAll} }

func arrayOf(scalar field) field {
	return field{kind: scalarArray, elem: shape{scalar}, to: lastVersionAll}
}

func array(elem ...field) field { return field{kind: structArray, elem: elem, to: lastVersionAll} }

func tagged(number int, elem ...field) field {
	return field{kind: taggedField, size: number, elem: elem, to: lastVersionAll}
}

// since and until bound the versions of a field, inclusively.
func (f field) since(version int16) field { f.from = version; return f }
func (f field) until(version int16) field { f.to = version; return f }

// Sizes in bytes of Kafka's scalars.
const (
	boolean = 1
	i8      = 1
	i16     = 2
	i32     = 4
	i64     = 8
	uuid    = 16
)

// shapes are the requests in [Versions], except Produce. A field that only older versions
// have is not listed.
var shapes = [maxKey + 1]shape{
	KeyFetch: {
		fixed(i32).until(14),      // replica id
		fixed(i32 + i32 + i32),    // max wait, min bytes, max bytes
		fixed(i8),                 // isolation level
		fixed(i32 + i32).since(7), // session id and epoch
		array(str().until(12), fixed(uuid).since(13), // topics
			array(
				fixed(i32),           // partition
				fixed(i32).since(9),  // current leader epoch
				fixed(i64),           // offset
				fixed(i32).since(12), // last fetched epoch
				fixed(i64).since(5),  // log start
				fixed(i32),           // max bytes
			)),
		array(str().until(12), fixed(uuid).since(13), // forgotten topics
			arrayOf(fixed(i32))).since(7),
		str().since(11),           // rack
		tagged(1, fixed(i32+i64)), // replica state
	},
	keyListOffsets: {
		fixed(i32),         // replica id
		fixed(i8).since(2), // isolation level
		array(str(), array(
			fixed(i32),          // partition
			fixed(i32).since(4), // current leader epoch
			fixed(i64),          // timestamp
		)),
		fixed(i32).since(10), // timeout
	},
	keyMetadata: {
		array(fixed(uuid).since(10), str().until(9), nullableStr().since(10)),
		fixed(boolean).since(4),           // allow auto creation
		fixed(boolean).since(8).until(10), // cluster operations
		fixed(boolean).since(8),           // topic operations
	},
	keyOffsetCommit: {
		str(), fixed(i32), str(), // group, generation, member
		nullableStr().since(7), // instance
		fixed(i64).until(4),    // retention time
		array(str().until(9), fixed(uuid).since(10),
			array(
				fixed(i32),          // partition
				fixed(i64),          // offset
				fixed(i32).since(6), // leader epoch
				nullableStr(),       // metadata
			)),
	},
	keyOffsetFetch: {
		str().until(7), // group
		array(str(), arrayOf(fixed(i32))).until(7), // topics
		array(str(), // groups
			nullableStr().since(9), fixed(i32).since(9), // member and its epoch
			array(str().until(9), fixed(uuid).since(10), arrayOf(fixed(i32)))).since(8),
		fixed(boolean).since(7), // only stable offsets
	},
	keyFindCoordinator: {
		str().until(3),          // key
		fixed(i8).since(1),      // kind of coordinator
		arrayOf(str()).since(4), // keys
	},
	keyJoinGroup: {
		str(),                  // group
		fixed(i32),             // session timeout
		fixed(i32).since(1),    // rebalance timeout
		str(),                  // member
		nullableStr().since(5), // instance
		str(),                  // protocol type
		array(str(), data()),   // protocols
		nullableStr().since(8), // reason
	},
	keyHeartbeat: {
		str(), fixed(i32), str(), // group, generation, member
		nullableStr().since(3), // instance
	},
	keyLeaveGroup: {
		str(),          // group
		str().until(2), // member
		array(str(), nullableStr(), nullableStr().since(5)).since(3), // members
	},
	keySyncGroup: {
		str(), fixed(i32), str(), // group, generation, member
		nullableStr().since(3), // instance
		nullableStr().since(5), // protocol type
		nullableStr().since(5), // protocol
		array(str(), data()),   // assignment
	},
	keyDescribeGroups: {
		arrayOf(str()),
		fixed(boolean).since(3), // authorized operations
	},
	keyListGroups: {
		arrayOf(str()).since(4), // states
		arrayOf(str()).since(5), // types
	},
	KeyAPIVersions: {
		str().since(3), // software name
		str().since(3), // software version
	},
	keyCreateTopics: {
		array(
			str(),
			fixed(i32),                             // partitions
			fixed(i16),                             // replication factor
			array(fixed(i32), arrayOf(fixed(i32))), // assignment
			array(str(), nullableStr()),            // configs
		),
		fixed(i32),     // timeout
		fixed(boolean), // validate only
	},
	keyDeleteTopics: {
		arrayOf(str()).until(5),
		array(nullableStr(), fixed(uuid)).since(6),
		fixed(i32), // timeout
	},
	keyDeleteRecords: {
		array(str(), array(fixed(i32), fixed(i64))), // topics; partitions and offsets
		fixed(i32), // timeout
	},
	keyInitProducerID: {
		nullableStr(),             // transactional id
		fixed(i32),                // transaction timeout
		fixed(i64 + i16).since(3), // producer id and epoch
	},
	keyOffsetForLeaderEpoch: {
		fixed(i32).since(3), // replica id
		array(str(), array(
			fixed(i32), // partition
			fixed(i32), // current leader epoch
			fixed(i32), // leader epoch
		)),
	},
	keyDescribeConfigs: {
		array(fixed(i8), str(), arrayOf(str())),
		fixed(boolean),          // synonyms
		fixed(boolean).since(3), // documentation
	},
	keyAlterConfigs: {
		array(fixed(i8), str(), array(str(), nullableStr())),
		fixed(boolean), // validate only
	},
	keyCreatePartitions: {
		array(str(), fixed(i32), array(arrayOf(fixed(i32)))), // topics, counts, assignments
		fixed(i32),     // timeout
		fixed(boolean), // validate only
	},
	keyElectLeaders: {
		fixed(i8).since(1),                // kind of election
		array(str(), arrayOf(fixed(i32))), // topics and partitions
		fixed(i32),                        // timeout
	},
	keyIncrementalAlter: {
		array(fixed(i8), str(), array(str(), fixed(i8), nullableStr())),
		fixed(boolean), // validate only
	},
	keyListConfigResources: {
		arrayOf(fixed(i8)).since(1), // types
	},
	keyDeleteGroups: {arrayOf(str())},
	keyOffsetDelete: {
		str(), array(str(), array(fixed(i32))), // group, topics and partitions
	},
	keyDescribeQuorum: {
		array(str(), array(fixed(i32))), // topics and partitions
	},
	keyAddRaftVoter: {
		nullableStr(),                   // cluster id
		fixed(i32 + i32 + uuid),         // timeout, voter and its directory
		array(str(), str(), fixed(i16)), // listeners
	},
	keyRemoveRaftVoter: {
		nullableStr(),     // cluster id
		fixed(i32 + uuid), // voter and its directory
	},
	keyDescribeCluster: {
		fixed(boolean),          // cluster operations
		fixed(i8).since(1),      // endpoint type
		fixed(boolean).since(2), // fenced brokers
	},
}

// wellFormed reports whether body begins with a whole request of the key and version.
func wellFormed(key, version int16, body []byte) bool {
	versions, ok := VersionsOf(key)
	if !ok {
		return false
	}
	w := walker{version: version, tags: maxTags}
	r := reader{src: body, flexible: version >= versions.Flexible}
	w.walkStruct(&r, shapes[key])
	return !r.bad
}

// walker goes through one request.
type walker struct {
	version int16
	tags    int // how many tagged fields may still come
}

func (w *walker) walkStruct(r *reader, s shape) {
	for i := range s {
		if f := &s[i]; w.version >= f.from && w.version <= f.to {
			w.walkField(r, f)
		}
	}
	if r.flexible {
		w.walkTags(r, s)
	}
}

func (w *walker) walkField(r *reader, f *field) {
	switch f.kind {
	case fixedField:
		r.span(f.size)
	case stringField:
		if _, ok := r.nullableString(); !ok {
			r.fail()
		}
	case nullableField:
		r.nullableString()
	case bytesField:
		if r.nullableBytes() == nil {
			r.fail()
		}
	case structArray:
		for n := r.arrayLen(); n > 0 && !r.bad; n-- {
			w.walkStruct(r, f.elem)
		}
	case scalarArray:
		for n := r.arrayLen(); n > 0 && !r.bad; n-- {
			w.walkField(r, &f.elem[0])
		}
	case taggedField: // walkTags finds it
	}
}

func (w *walker) walkTags(r *reader, s shape) {
	r.tags(func(tag uint32, content *reader) {
		if w.tags--; w.tags < 0 {
			content.fail()
			return
		}
		for i := range s {
			if s[i].kind == taggedField && uint32(s[i].size) == tag {
				w.walkStruct(content, s[i].elem)
			}
		}
	})
}
