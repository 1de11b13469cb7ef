package storage

// Advisory locks of the whole database. Each has a number of its own.
const (
	partitionLock = 7_305_142_002 // one process at a time creates partitions of events
	foldLock      = 7_305_142_003 // one process at a time adds up counters
	rulesLock     = 7_305_142_004 // one process at a time applies rules.sql
	// dialLockKey is held shared by every gate, and exclusively by a transaction that
	// locks or releases the database. So a gate that waits for a row sees a dial lock that
	// was set in the meantime.
	dialLockKey = 7_305_142_005
)
