package campaign

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// DatabaseIdentity is one database that dials: where it lives, how far it got, and
// what it is locked for.
type DatabaseIdentity struct {
	ID string // dialers on one database share a queue of this name
	// Server is where it lived when it last dialed; zero before the first start.
	Server ServerIdentity
	// Account is the one that it calls with; zero before the first call.
	Account Account
	// CheckpointAt is how far it got, by its own clock. The checkpoint only ever
	// moves forward, and a copy of it is kept outside the database.
	CheckpointAt time.Time
	Lock         DialLock
	// NeedsSchema is the least schema that a program must know to work on it.
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

// AskedBy says to a person that another account asked to call.
func (a Account) AskedBy(other Account) string {
	return fmt.Sprintf("this database calls with %s, and a dialer with %s was started on it", a, other)
}

// ServerIdentity is where a database lives. What a server does not tell is zero,
// and is then not compared.
type ServerIdentity struct {
	System   string // the cluster: every copy of its files has the same
	Database int64  // the database's number in the cluster: CREATE DATABASE and pg_restore give a new one
	Timeline int64  // of the server's history: a promotion and a recovery to a point in time begin a new one
}

// LockReason says why a database calls nobody. One that is later in LockReasons
// outweighs one that is earlier.
type LockReason string

const (
	// LockedIdle: no process dialed for a while. A machine that was put back whole, with
	// its database and its Redis, looks the same. It is released when one scan of Vonage's
	// list shows no call that is not known here.
	LockedIdle LockReason = "idle"
	// LockedNoMark: no process dialed for a while, and Redis has no mark to
	// compare. It is released when Vonage's list shows nothing that is not known
	// here.
	LockedNoMark LockReason = "no_external_mark"
	// LockedFailover: another server took over, and may lack the last commits. It
	// is released when Vonage's list was read back.
	LockedFailover LockReason = "failover"
	// LockedRestored: the database forgot what it knew. It is released when a
	// person said so, and then Vonage's list was read back.
	LockedRestored LockReason = "restored"
	// LockedAccount: another account than the database's asked to call. It is
	// released when a person said which one calls; nothing is read back, because
	// nothing was forgotten. It also holds together with another reason.
	LockedAccount LockReason = "account"
	// LockedCopy: the database is not where it was. Two copies that dial call
	// everybody twice, so a person says which one dials; then as LockedRestored.
	LockedCopy LockReason = "copy"
)

// LockReasons lists them all, the least weighty first.
var LockReasons = []LockReason{LockedAccount, LockedIdle, LockedNoMark, LockedFailover, LockedRestored, LockedCopy}

// NeedsPerson reports whether only a person's decision leads to the release.
func (r LockReason) NeedsPerson() bool {
	return r == LockedRestored || r == LockedCopy || r == LockedAccount
}

// Meaning says it to a person.
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

// Suspects reports whether the reason makes forgotten calls likely. The others only have
// the list looked at, and become LockedRestored where it has a call that is not known.
func (r LockReason) Suspects() bool {
	return r != LockedIdle && r != LockedNoMark
}

// ScansToRelease is how many complete scans release the lock. Of two, the first matches
// what is known here, the second recovers what is not, and both must show the calls that
// are known to be in them. An idle database only asks whether there is a call that is
// not known.
func (r LockReason) ScansToRelease() int {
	if r == LockedIdle {
		return 1
	}
	return 2
}

func (r LockReason) outweighs(other LockReason) bool {
	return slices.Index(LockReasons, r) > slices.Index(LockReasons, other)
}

// DialLock keeps a database from dialing. Its zero value keeps it from nothing.
type DialLock struct {
	Reason LockReason
	Since  time.Time
	// KnownUntil is the checkpoint of the database when it was locked: what was
	// dialed later may be forgotten here.
	KnownUntil time.Time
	// Server is where the database was when it was locked, or released. A scan that
	// another server has a part of is no scan.
	Server     ServerIdentity
	ReleasedAt time.Time // when a person said that this copy dials
	ReleasedBy string
	Scans      int       // complete scans of Vonage's list since then
	ScannedAt  time.Time // when the last of them ended

	// Misses are the scans in a row that lacked calls which had to be in them, and
	// so count for nothing: the last ended at MissedAt and lacked Missing.
	Misses   int
	MissedAt time.Time
	Missing  int
	// AcceptedAt is when a person said that scans count which lack no more than the
	// last one did. A scan that lacks more takes it back.
	AcceptedAt time.Time

	// OtherAccount asked to call, and a person has not decided yet. Zero: none.
	OtherAccount Account
}

// AwaitsPerson reports whether the lock waits for a person.
func (l DialLock) AwaitsPerson() bool {
	return l.Reason.NeedsPerson() && l.ReleasedAt.IsZero() || l.OtherAccount != Account{}
}

// Forgetful reports whether the lock is for what the database may have forgotten.
func (l DialLock) Forgetful() bool { return l.Reason != "" && l.Reason != LockedAccount }

// Accepts reports whether a person accepted a scan that lacks so many calls.
func (l DialLock) Accepts(lacks int) bool { return !l.AcceptedAt.IsZero() && lacks <= l.Missing }

// Begun is the moment after which no process dials from what was forgotten: the
// lock's, or that of the person's decision, who has ended the other copies before.
func (l DialLock) Begun() time.Time {
	if l.ReleasedAt.After(l.Since) {
		return l.ReleasedAt
	}
	return l.Since
}

// ReadyAt is when Vonage's list may be read: no request from before the lock is accepted
// any more, and the list shows every call. An idle database waits for nothing: what was
// forgotten was made long before a machine is up again.
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

// RetryAt is when the list is read again after a scan that lacked calls: at first
// soon, then after twice as long each time, up to a quarter of an hour. Zero:
// nothing keeps the next scan back.
func (l DialLock) RetryAt() time.Time {
	if l.Misses == 0 || !l.AcceptedAt.IsZero() {
		return time.Time{}
	}
	return l.MissedAt.Add(min(doubled(firstRetryGap, l.Misses), maxRetryGap))
}

// Moved reports whether yet another server took over since the lock began.
func (l DialLock) Moved(found ServerIdentity) bool { return l.Server.differs(found) }

// ExternalMark is the checkpoint as it is known outside the database. It alone
// tells of a disk snapshot that was put back.
type ExternalMark struct {
	Of    string // the database whose mark it is; "": of the one that is judged
	Asked bool   // false: it could not be asked, which says nothing
	Known bool
	At    time.Time
}

// Seen is the mark together with a checkpoint that was seen elsewhere, which adds
// to it only where it is ahead of the database's own.
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
	// failoverLoss is how much of its last commits a server that took over may
	// lack. More of it is gone only from a backup.
	failoverLoss = time.Minute
	// idleAfter is how long no process dialed before Vonage's list is read first.
	idleAfter = 10 * time.Minute
)

// Judge returns why the database must be locked, given the server on which it was
// found; "" if there is no new reason. A reason that a person has released does
// not come back, unless the database has moved since.
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
		return d.Lock.Reason // what was read back so far may be lost again
	}
	return ""
}

func (d DatabaseIdentity) suspect(found ServerIdentity, m ExternalMark) LockReason {
	ahead := m.Known && m.At.After(d.CheckpointAt)
	unknown := m.Asked && !m.Known
	promoted := other(d.Server.Timeline, found.Timeline)
	switch {
	case d.Server == ServerIdentity{}:
		return "" // it never dialed
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

// other reports whether two things that are both known differ.
func other[T comparable](known, found T) bool {
	var none T
	return known != none && found != none && known != found
}

func (s ServerIdentity) differs(found ServerIdentity) bool {
	return other(s.System, found.System) || other(s.Database, found.Database) || other(s.Timeline, found.Timeline)
}

// With is the server with what it told, now or before.
func (s ServerIdentity) With(found ServerIdentity) ServerIdentity {
	return ServerIdentity{
		System: cmp.Or(found.System, s.System), Database: cmp.Or(found.Database, s.Database),
		Timeline: cmp.Or(found.Timeline, s.Timeline),
	}
}

// Restored counts what was found in Vonage's list that the database had forgotten.
type Restored struct {
	Forgotten  int // calls that no attempt had
	Recovered  int // those that have an attempt now
	Unresolved int // contacts that a person decides about, because a call may be of any of them
}
