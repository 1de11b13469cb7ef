package storage

// Advisory locks of the whole database. Each has a number of its own.
const (
	partitionLock = 7_305_142_002 // partitions of events are made by one process at a time
	foldLock      = 7_305_142_003 // counters are added up by one process at a time
	rulesLock     = 7_305_142_004 // rules.sql is applied by one process at a time
	// dialLockKey is held shared by every gate, and exclusively by a transaction
	// that locks or releases the database. So a gate that waits for a row sees a
	// dial lock that was set meanwhile.
	dialLockKey = 7_305_142_005
)
