package diskfs

// kindNames are the operation names in error texts, reports and traces.
var kindNames = [...]string{
	Open: "open", Close: "close", Read: "read", Write: "write",
	WriteSync: "writesync", Sync: "sync", Truncate: "truncate",
	Allocate: "allocate", Rename: "rename", Remove: "remove",
	RemoveAll: "removeall", List: "list", Mkdir: "mkdir", SyncDir: "syncdir",
	SyncFS: "syncfs", Space: "space", Lock: "lock",
}

// String returns the kind's name in lower case.
func (k Kind) String() string {
	if k == 0 || int(k) >= len(kindNames) {
		return "unknown"
	}
	return kindNames[k]
}
