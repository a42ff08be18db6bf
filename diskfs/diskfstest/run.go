package diskfstest

import (
	"testing"
)

// seeds is how many seeds a test tries: a "may lose" test fails if none of them
// loses, and a "never loses" test passes if none of them does.
const seeds = 64

// Run runs the suite.
func Run(t *testing.T, open Open) {
	tests := []struct {
		name string
		test func(*testing.T, Open)
	}{
		{"1 each operation completes exactly once and echoes its fields", eachCompletesOnce},
		{"1 the sink may submit", sinkMaySubmit},
		{"2 operations begin after the open of their handle", opsFollowOpen},
		{"2 operations on a handle that did not open fail", opsOfFailedOpen},
		{"2 close begins after the operations before it", closeComesLast},
		{"2 operations after close fail", opsAfterClose},
		{"3 data comes back with the completion", dataComesBack},
		{"4 synced writes survive a crash", syncedWritesSurvive},
		{"4 a writesync survives a crash", writeSyncSurvives},
		{"4 size and truncation are durable after sync", syncedSizeSurvives},
		{"4 sync does not cover what completes after its submission", syncCoversCompletedOnly},
		{"4 writesync makes no other write durable", writeSyncVouchesForItselfOnly},
		{"5 a created name needs its directory synced", createdNameNeedsSyncDir},
		{"5 a name in a new directory needs both directories synced", nameInNewDirectory},
		{"5 a renamed name needs its directory synced", renamedName},
		{"5 a removed name needs its directory synced", removedName},
		{"5 syncfs makes everything durable", syncFSCoversAll},
		{"6 a crash may lose unsynced sectors in any order", crashLosesAnySubset},
		{"6 a crash keeps rename atomic", renameIsAtomic},
		{"6 operations in flight vanish or happen", inFlightAtCrash},
		{"7 a failed write leaves a mixture of old and new", failedWriteLeavesMixture},
		{"7 a failed sync promises nothing, even if a retry succeeds", failedSyncPromisesNothing},
		{"7 reads after an uncached sync show what is durable", uncachedSyncShowsTheMedium},
		{"8 errors carry operation, path and sentinel", errorsAreWrapped},
		{"8 paths that leave the root are refused", pathsAreChecked},
		{"9 what needs a descriptor fails as unavailable without one", descriptorsRunOut},
		{"open", opOpen},
		{"read and write", opReadWrite},
		{"truncate", opTruncate},
		{"allocate", opAllocate},
		{"rename", opRename},
		{"remove", opRemove},
		{"directories", opDirectories},
		{"space", opSpace},
		{"lock", opLock},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.test(t, open) })
	}
}

// needCrash skips a test where the power cannot be cut.
func needCrash(t *testing.T, open Open) {
	t.Helper()
	if open(t, 0).Crash == nil {
		t.Skip("this disk cannot be crashed")
	}
}

// needFail skips a test where failures cannot be injected.
func needFail(t *testing.T, open Open) {
	t.Helper()
	if open(t, 0).Fail == nil {
		t.Skip("this disk cannot be made to fail")
	}
}

// always runs a test that must pass with every seed.
func always(t *testing.T, open Open, test func(t *testing.T, sys System)) {
	t.Helper()
	needCrash(t, open)
	for seed := range uint64(seeds) {
		test(t, open(t, seed))
	}
}

// sometimes demands that the test returns true for some seed and false for
// another: the contract allows both outcomes.
func sometimes(t *testing.T, open Open, what string, test func(sys System) bool) {
	t.Helper()
	needCrash(t, open)
	yes, no := 0, 0
	for seed := range uint64(seeds) {
		if test(open(t, seed)) {
			yes++
		} else {
			no++
		}
	}
	if yes == 0 || no == 0 {
		t.Fatalf("%s: %d times yes, %d times no; a good disk does both", what, yes, no)
	}
}
