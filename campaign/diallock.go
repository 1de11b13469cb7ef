package campaign

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// DatabaseIdentity is one database that dials: where it is, how far it got, and why it
// is locked.
type DatabaseIdentity struct {
	ID string // dialers on one database share a queue of this name
	// Server is where the database was when it last dialed; zero before the first start.
	Server ServerIdentity
	// Account is the account that it calls with; zero before the first call.
	Account Account
	// CheckpointAt is how far the database got, by its own clock. The checkpoint only
	// moves forward, and a copy of it is stored outside the database.
	CheckpointAt time.Time
	Lock         DialLock
	// NeedsSchema is the lowest schema version that a program must know to work on the
	// database.
	NeedsSchema int64
	Now         time.Time // by the database's clock
}

// Account is an account at Vonage, as far as the dialer knows it.
type Account struct {
	ApplicationID string
	APIHost       string // "loopback": a simulator on the same machine
}

func (a Account) String() string {
	return fmt.Sprintf("application %s at %s", a.ApplicationID, a.APIHost)
}

// AskedBy tells a person that another account asked to call.
func (a Account) AskedBy(other Account) string {
	return fmt.Sprintf("this database calls with %s, and a dialer with %s was started on it", a, other)
}

// ServerIdentity is where a database is. Values that a server does not report are zero,
// and are not compared.
type ServerIdentity struct {
	System   string // the cluster: every copy of its files has the same value
	Database int64  // the database's number in the cluster: CREATE DATABASE and pg_restore give a new one
	Timeline int64  // of the server's history: a promotion or a point-in-time recovery begins a new one
}

// LockReason says why a database calls nobody. A reason later in LockReasons overrides
// an earlier one.
type LockReason string

const (
	// LockedIdle: no process dialed for a while. A machine that was restored as a whole,
	// with its database and its Redis, looks the same. The lock is released when one scan
	// of Vonage's list shows no call that is unknown here.
	LockedIdle LockReason = "idle"
	// LockedNoMark: no process dialed for a while, and Redis has no mark to compare. The
	// lock is released when Vonage's list shows no call that is unknown here.
	LockedNoMark LockReason = "no_external_mark"
	// LockedFailover: another server took over, and may lack the last commits. The lock is
	// released when Vonage's list was read back.
	LockedFailover LockReason = "failover"
	// LockedRestored: the database lost part of its records. The lock is released when a
	// person has confirmed it, and then Vonage's list was read back.
	LockedRestored LockReason = "restored"
	// LockedAccount: another account than the database's asked to call. The lock is
	// released when a person has decided which account calls. Nothing is read back,
	// because nothing was forgotten. This reason can also hold together with another one.
	LockedAccount LockReason = "account"
	// LockedCopy: the database is not where it was. Two copies that dial would call
	// everybody twice, so a person decides which one dials. Then it continues as
	// LockedRestored.
	LockedCopy LockReason = "copy"
)

// LockReasons lists them all, the least important first.
var LockReasons = []LockReason{LockedAccount, LockedIdle, LockedNoMark, LockedFailover, LockedRestored, LockedCopy}

// NeedsPerson reports whether the release needs a person's decision.
func (r LockReason) NeedsPerson() bool {
	return r == LockedRestored || r == LockedCopy || r == LockedAccount
}

// Meaning explains the reason to a person.
func (r LockReason) Meaning() string {
	switch r {
	case LockedAccount:
		return "another application or API host than this database's asked to call; `dialer lock show` shows both, `dialer lock release` lets it"
	case LockedIdle:
		return "no process dialed for a while, so Vonage's list is read first"
	case LockedNoMark:
		return "no process dialed for a while and Redis lost its mark, so Vonage's list is read first"
	case LockedFailover:
		return "another server took over, so Vonage's list is read back first"
	case LockedRestored:
		return "this database is an older one, as from a backup; `dialer lock release` lets it dial"
	case LockedCopy:
		return "this database is not where it was, so it may be a copy; `dialer lock release` lets it dial"
	}
	return ""
}

// Suspects reports whether the reason makes forgotten calls likely. The other reasons
// only require a look at the list. They become LockedRestored if it has an unknown
// call.
func (r LockReason) Suspects() bool {
	return r != LockedIdle && r != LockedNoMark
}

// ScansToRelease is how many complete scans release the lock. If two: the first matches
// the known calls, the second recovers the unknown ones, and both must show the calls
// that are known to be in them. An idle database only checks whether there is an
// unknown call.
func (r LockReason) ScansToRelease() int {
	if r == LockedIdle {
		return 1
	}
	return 2
}

func (r LockReason) outweighs(other LockReason) bool {
	return slices.Index(LockReasons, r) > slices.Index(LockReasons, other)
}

// DialLock keeps a database from dialing. Its zero value is no lock.
type DialLock struct {
	Reason LockReason
	Since  time.Time
	// KnownUntil is the database's checkpoint when it was locked: later calls may be
	// forgotten here.
	KnownUntil time.Time
	// Server is where the database was when it was locked, or released. A scan that ran
	// partly on another server does not count.
	Server     ServerIdentity
	ReleasedAt time.Time // when a person decided that this copy dials
	ReleasedBy string
	Scans      int       // complete scans of Vonage's list since then
	ScannedAt  time.Time // when the last scan ended

	// Misses counts the scans in a row that do not count because they lacked calls which
	// had to be in them. The last one ended at MissedAt and lacked Missing calls.
	Misses   int
	MissedAt time.Time
	Missing  int
	// AcceptedAt is when a person accepted scans that lack no more calls than the last
	// one. A scan that lacks more cancels this.
	AcceptedAt time.Time

	// OtherAccount asked to call, and a person has not decided yet. Zero: none.
	OtherAccount Account
}

// AwaitsPerson reports whether the lock needs a person's decision.
func (l DialLock) AwaitsPerson() bool {
	return l.Reason.NeedsPerson() && l.ReleasedAt.IsZero() || l.OtherAccount != Account{}
}

// Forgetful reports whether the lock is there because the database may have forgotten
// calls.
func (l DialLock) Forgetful() bool { return l.Reason != "" && l.Reason != LockedAccount }

// Accepts reports whether a person accepted a scan that lacks this many calls.
func (l DialLock) Accepts(lacks int) bool { return !l.AcceptedAt.IsZero() && lacks <= l.Missing }

// Begun is the moment after which no process dials from forgotten records: that of the
// lock, or of the decision by a person, who has ended the other copies before.
func (l DialLock) Begun() time.Time {
	if l.ReleasedAt.After(l.Since) {
		return l.ReleasedAt
	}
	return l.Since
}

// ReadyAt is when Vonage's list may be read: Vonage accepts no request from before the
// lock any more, and the list shows every call. An idle database does not wait:
// forgotten calls began long before a machine is up again.
func (l DialLock) ReadyAt(t Times) time.Time {
	if l.Reason == LockedIdle {
		return l.Since
	}
	return l.Begun().Add(t.TokenLife + DialingGrace + t.SettleAfter)
}

const (
	firstRetryGap = 30 * time.Second
	maxRetryGap   = 15 * time.Minute
)

// RetryAt is when the list is read again after a scan that lacked calls: at first soon,
// then after twice as long each time, up to a quarter of an hour. Zero: the next scan
// may start at once.
func (l DialLock) RetryAt() time.Time {
	if l.Misses == 0 || !l.AcceptedAt.IsZero() {
		return time.Time{}
	}
	return l.MissedAt.Add(min(doubled(firstRetryGap, l.Misses), maxRetryGap))
}

// Moved reports whether yet another server took over since the lock began.
func (l DialLock) Moved(found ServerIdentity) bool { return l.Server.differs(found) }

// ExternalMark is the checkpoint that is stored outside the database. Only this mark
// shows that a disk snapshot was restored.
type ExternalMark struct {
	Of    string // the database of the mark; "": the one that is judged
	Asked bool   // false: the store of the mark gave no answer, which proves nothing
	Known bool
	At    time.Time
}

// Seen combines the mark with a checkpoint that was seen elsewhere. That checkpoint
// counts only if it is ahead of the database's own.
func (m ExternalMark) Seen(checkpoint, own time.Time) ExternalMark {
	if !checkpoint.After(own) {
		return m
	}
	if !m.Known || checkpoint.After(m.At) {
		m.At = checkpoint
	}
	m.Known = true
	return m
}

const (
	// failoverLoss is how much of its last commits a server that took over may lack. A
	// longer gap means that a backup was restored.
	failoverLoss = time.Minute
	// idleAfter is how long no process may dial before Vonage's list must be read first.
	idleAfter = 10 * time.Minute
)

// Judge returns why the database must be locked, given the server on which it was
// found; "" if there is no new reason. A reason that a person has released does not
// return, unless the database has moved since.
func (d DatabaseIdentity) Judge(found ServerIdentity, m ExternalMark) LockReason {
	why := d.suspect(found, m)
	switch {
	case !d.Lock.Forgetful():
		return why
	case !d.Lock.ReleasedAt.IsZero() && why.Suspects():
		return why
	case d.Lock.ReleasedAt.IsZero() && why.outweighs(d.Lock.Reason):
		return why
	//guard:false storage.TestSecondFailoverRestartsScans: a second failover is found
	case d.Lock.Moved(found):
		return d.Lock.Reason // the records that were read back so far may be lost again
	}
	return ""
}

func (d DatabaseIdentity) suspect(found ServerIdentity, m ExternalMark) LockReason {
	ahead := m.Known && m.At.After(d.CheckpointAt)
	unknown := m.Asked && !m.Known
	promoted := other(d.Server.Timeline, found.Timeline)
	switch {
	case d.Server == ServerIdentity{}:
		return "" // the database never dialed
	case other(d.Server.System, found.System) || other(d.Server.Database, found.Database):
		return LockedCopy
	case promoted && unknown:
		return LockedCopy // a copy of the files that was started elsewhere
	case ahead && (!promoted || m.At.Sub(d.CheckpointAt) > failoverLoss):
		return LockedRestored
	case promoted:
		return LockedFailover
	case d.Now.Sub(d.CheckpointAt) <= idleAfter:
		return ""
	case unknown:
		return LockedNoMark
	}
	return LockedIdle
}

// other reports whether two values are both known and differ.
func other[T comparable](known, found T) bool {
	var none T
	return known != none && found != none && known != found
}

func (s ServerIdentity) differs(found ServerIdentity) bool {
	return other(s.System, found.System) || other(s.Database, found.Database) || other(s.Timeline, found.Timeline)
}

// With is the server with its reported values: those found now, else the earlier ones.
func (s ServerIdentity) With(found ServerIdentity) ServerIdentity {
	return ServerIdentity{
		System: cmp.Or(found.System, s.System), Database: cmp.Or(found.Database, s.Database),
		Timeline: cmp.Or(found.Timeline, s.Timeline),
	}
}

// Restored counts the calls in Vonage's list that the database had forgotten.
type Restored struct {
	Forgotten  int // calls without an attempt
	Recovered  int // those that have an attempt now
	Unresolved int // contacts that need a person's decision, because one of the calls may be theirs
}
