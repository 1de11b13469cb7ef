package campaign

import (
	"cmp"
	"slices"
	"time"
)

// Installation is one database that dials: where it lives, how far it got, and
// what it is held for.
type Installation struct {
	ID string // dialers on one database share a queue of this name
	// Place is where it lived when it last dialed; zero before the first start.
	Place Place
	// MarkedAt is how far it got, by its own clock. The mark only ever moves
	// forward, and a copy of it is kept outside the database.
	MarkedAt time.Time
	Hold     Hold
	// NeedsSchema is the least schema that a program must know to work on it.
	NeedsSchema int64
	Now         time.Time // by the database's clock
}

// Place is where a database lives. What a server does not tell is zero, and is
// then not compared.
type Place struct {
	System   string // the cluster: every copy of its files has the same
	Database int64  // the database's number in the cluster: CREATE DATABASE and pg_restore give a new one
	Timeline int64  // of the server's history: a promotion and a recovery to a point in time begin a new one
}

// HoldReason says why a database calls nobody. One that is later in
// HoldReasons outweighs one that is earlier.
type HoldReason string

const (
	// HeldUnwitnessed: nobody dialed for a while, and Redis has no mark to
	// compare. It is released when Vonage's list shows nothing that is
	// not known here.
	HeldUnwitnessed HoldReason = "unwitnessed"
	// HeldFailover: another server took over, and may lack the last commits. It
	// is released when Vonage's list has been folded back.
	HeldFailover HoldReason = "failover"
	// HeldRestored: the database forgot what it knew. It is released when a
	// person said so, and then Vonage's list has been folded back.
	HeldRestored HoldReason = "restored"
	// HeldCopy: the database is not where it was. Two copies that dial ring
	// everybody twice, so a person says which one dials; then as HeldRestored.
	HeldCopy HoldReason = "copy"
)

// HoldReasons lists them all, the least weighty first.
var HoldReasons = []HoldReason{HeldUnwitnessed, HeldFailover, HeldRestored, HeldCopy}

// NeedsPerson reports whether only a person's word leads to the release.
func (r HoldReason) NeedsPerson() bool { return r == HeldRestored || r == HeldCopy }

// Meaning says it to a person.
func (r HoldReason) Meaning() string {
	switch r {
	case HeldUnwitnessed:
		return "nobody dialed for a while and Redis lost its mark, so Vonage's list is read first"
	case HeldFailover:
		return "another server took over, so Vonage's list is read back first"
	case HeldRestored:
		return "this database is an older one, as from a backup; `dialer installation adopt` lets it dial"
	case HeldCopy:
		return "this database is not where it was, so it may be a copy; `dialer installation adopt` lets it dial"
	}
	return ""
}

func (r HoldReason) outweighs(other HoldReason) bool {
	return slices.Index(HoldReasons, r) > slices.Index(HoldReasons, other)
}

// Hold keeps a database from dialing. Its zero value keeps it from nothing.
type Hold struct {
	Reason HoldReason
	Since  time.Time
	// KnownUntil is the mark of the database when it was held: what was dialed
	// later may be forgotten here.
	KnownUntil time.Time
	// Place is where the database was when it was held, or adopted. A reading
	// that another server has a part of is no reading.
	Place       Place
	ConfirmedAt time.Time // when a person said that this copy dials
	Readings    int       // how many complete readings of Vonage's list were folded back
	ReadAt      time.Time // when the last of them ended

	// Misses are the readings in a row that lacked calls which had to be in
	// them, and so counted for nothing: the last ended at MissedAt and lacked
	// Missing.
	Misses   int
	MissedAt time.Time
	Missing  int
	// DespiteMissingAt is when a person said that readings count which lack no
	// more than the last one did. A reading that lacks more takes it back.
	DespiteMissingAt time.Time
}

// Waits reports whether the hold waits for a person.
func (h Hold) Waits() bool { return h.Reason.NeedsPerson() && h.ConfirmedAt.IsZero() }

// Begun is the moment after which nobody dials from what was forgotten: the
// hold's, or a person's, who has ended the other copies before.
func (h Hold) Begun() time.Time {
	if h.ConfirmedAt.After(h.Since) {
		return h.ConfirmedAt
	}
	return h.Since
}

const (
	firstRetry = 30 * time.Second
	mostRetry  = 15 * time.Minute
)

// RetryAt is when the list is read again after a reading that lacked calls: at
// first soon, then after twice as long each time, up to a quarter of an hour.
// Zero: nothing keeps the next reading back.
func (h Hold) RetryAt() time.Time {
	if h.Misses == 0 || !h.DespiteMissingAt.IsZero() {
		return time.Time{}
	}
	return h.MissedAt.Add(min(doubled(firstRetry, h.Misses), mostRetry))
}

// Moved reports whether yet another server took over since the hold began.
func (h Hold) Moved(found Place) bool {
	return other(h.Place.System, found.System) || other(h.Place.Database, found.Database) || other(h.Place.Timeline, found.Timeline)
}

// EnoughReadings is how many complete readings release a hold: the first binds
// what is known here, the second what is not, and both must show the calls that
// are known to be in them.
const EnoughReadings = 2

// Witness is the mark as it is known outside the database.
type Witness struct {
	Of    string // the installation whose mark it is; "": of the one that is judged
	Asked bool   // false: it could not be asked, which says nothing
	Known bool
	At    time.Time
}

// Seen is the witness together with a mark that was seen elsewhere, which adds
// to it only where it is ahead of the database's own.
func (w Witness) Seen(mark, own time.Time) Witness {
	if !mark.After(own) {
		return w
	}
	if !w.Known || mark.After(w.At) {
		w.At = mark
	}
	w.Known = true
	return w
}

const (
	// failoverLoss is how much of its last commits a server that took over may
	// lack. More of it is gone only from a backup.
	failoverLoss = time.Minute
	// unwitnessedAfter is how long nobody dialed before a missing mark is
	// looked into. Redis may lose it at any moment.
	unwitnessedAfter = 10 * time.Minute
)

// Judge says what the database is to be held for, found where it is: "" when
// for nothing that it is not held for already. What a person has confirmed is
// not asked again, unless the database moved on since.
func (i Installation) Judge(found Place, w Witness) HoldReason {
	why := i.suspect(found, w)
	switch {
	case i.Hold.Reason == "":
		return why
	case !i.Hold.ConfirmedAt.IsZero() && why != HeldUnwitnessed:
		return why
	case i.Hold.ConfirmedAt.IsZero() && why.outweighs(i.Hold.Reason):
		return why
	case i.Hold.Moved(found):
		return i.Hold.Reason // what was read back so far may be lost again
	}
	return ""
}

func (i Installation) suspect(found Place, w Witness) HoldReason {
	ahead := w.Known && w.At.After(i.MarkedAt)
	unknown := w.Asked && !w.Known
	promoted := other(i.Place.Timeline, found.Timeline)
	switch {
	case i.Place == Place{}:
		return "" // it never dialed
	case other(i.Place.System, found.System) || other(i.Place.Database, found.Database):
		return HeldCopy
	case promoted && unknown:
		return HeldCopy // a copy of the files that somebody started elsewhere
	case ahead && (!promoted || w.At.Sub(i.MarkedAt) > failoverLoss):
		return HeldRestored
	case promoted:
		return HeldFailover
	case unknown && i.Now.Sub(i.MarkedAt) > unwitnessedAfter:
		return HeldUnwitnessed
	}
	return ""
}

// other reports whether two things that are both known differ.
func other[T comparable](known, found T) bool {
	var none T
	return known != none && found != none && known != found
}

// Amended is the place with what a server told, now or before.
func (p Place) Amended(found Place) Place {
	return Place{
		System: cmp.Or(found.System, p.System), Database: cmp.Or(found.Database, p.Database),
		Timeline: cmp.Or(found.Timeline, p.Timeline),
	}
}

// Word is what a person decided about a hold.
type Word struct {
	At      time.Time
	Who     string
	Word    string // adopt, adopt despite gap, despite missing
	HeldFor HoldReason
}

// FoldedBack counts what a part of a reading brought back.
type FoldedBack struct {
	Forgotten  int // calls that no attempt had
	Adopted    int // of these, that stand on an attempt now
	Unresolved int // contacts that a person decides about, because a call may be of any of them
}
