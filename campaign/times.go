package campaign

import (
	"errors"
	"fmt"
	"time"
)

// The times on which the proof of absence depends are only in this file. The
// proof needs three things, and TestTimesProveAbsence checks that they follow
// from the numbers:
//
//   - a call that an attempt's POST made started within the attempt's window;
//   - a scan that begins SettleAfter after the token's expiry shows that call;
//   - Vonage still keeps the record when the second scan is over.
const (
	// windowBefore is how long before its gate an attempt's window begins: the clocks of
	// Vonage and of the database may differ by this much.
	windowBefore = time.Minute
	// windowSettles is how many times SettleAfter after its token's expiry an attempt's
	// window ends. A call may ring for two minutes, and the start in its record may be the
	// answer. Vonage may also queue calls that it has accepted.
	windowSettles = 2
	// secondScanPart is the least time between the beginnings of the two scans,
	// as a part of SettleAfter: one half.
	secondScanPart = 2
	// retentionMargin is how long before Vonage deletes its record a window must begin to
	// count: both scans must be over by then.
	retentionMargin = 2 * time.Hour
	// longestKept is the longest time for which an application at Vonage can keep records.
	longestKept = 31 * 24 * time.Hour
	// DialingGrace is how long after its token's expiry an attempt may still be dialing.
	// By then its own process, if it lives, has recorded the outcome.
	DialingGrace = 5 * time.Second
	// ClockTolerance is the largest difference between Vonage's clock and ours. Beyond it
	// a process calls nobody: a token must expire for both at the same moment.
	ClockTolerance = 5 * time.Second
	// longestLook is the longest pause between two looks at a blocked attempt.
	longestLook = 6 * time.Hour
)

// The defaults of Times.
const (
	DefaultSettleAfter = 2 * time.Minute
	DefaultTokenLife   = 30 * time.Second // the least that Vonage documents
	DefaultRecordsKept = 48 * time.Hour   // Vonage's default, unless the application has another setting
)

// Times are the settings on which absence, matching and restore rest.
type Times struct {
	// SettleAfter is how late Vonage's list may be: a call that is not in it by then does
	// not exist.
	SettleAfter time.Duration
	// TokenLife is how long after the gate Vonage accepts an attempt's POST.
	TokenLife time.Duration
	// RecordsKept is how long Vonage keeps the record of a call.
	RecordsKept time.Duration
}

// DefaultTimes are the times for production.
var DefaultTimes = Times{SettleAfter: DefaultSettleAfter, TokenLife: DefaultTokenLife, RecordsKept: DefaultRecordsKept}

// WithDefaults replaces zero values.
func (t Times) WithDefaults() Times {
	if t.SettleAfter == 0 {
		t.SettleAfter = DefaultSettleAfter
	}
	if t.TokenLife == 0 {
		t.TokenLife = DefaultTokenLife
	}
	if t.RecordsKept == 0 {
		t.RecordsKept = DefaultRecordsKept
	}
	return t
}

// Validate reports times that would make a proof impossible.
func (t Times) Validate() error {
	var errs []error
	if t.SettleAfter <= 0 || t.TokenLife <= 0 {
		errs = append(errs, errors.New("settle after and token life must be above 0"))
	}
	if least := t.leastKept(); t.RecordsKept < least {
		errs = append(errs, fmt.Errorf("records kept is %v: with a settle time of %v nothing can be proved in less than %v", t.RecordsKept, t.SettleAfter, least))
	}
	return errors.Join(errs...)
}

// leastKept is how long records must be kept for a proof to be possible: an
// attempt's window, both scans, and the margin.
func (t Times) leastKept() time.Duration {
	return windowBefore + t.TokenLife + windowSettles*t.SettleAfter + t.ScanGap() + retentionMargin
}

// WindowBefore is how long before its gate an attempt's window begins.
func (t Times) WindowBefore() time.Duration { return windowBefore }

// WindowAfter is how long after its token's expiry an attempt's window ends.
func (t Times) WindowAfter() time.Duration { return windowSettles * t.SettleAfter }

// ScanGap is the least time between the beginnings of the two scans that prove
// absence.
func (t Times) ScanGap() time.Duration { return t.SettleAfter / secondScanPart }

// Provable is the greatest age of a window's beginning that a scan still covers.
func (t Times) Provable() time.Duration { return t.RecordsKept - retentionMargin }

// LongestKept is the greatest age of a record at Vonage, with any setting of the
// application.
func (t Times) LongestKept() time.Duration { return max(longestKept, t.RecordsKept) }

// Window is the time within which a call of the attempt may have begun, on the
// database's clock.
func (t Times) Window(a Attempt) (from, to time.Time) {
	return a.DialedAt.Add(-t.WindowBefore()), a.TokenExpiresAt.Add(t.WindowAfter())
}

// FirstScan is when the first scan for the attempt may begin. Vonage refuses its POST
// from the token's expiry on, and by then the list shows every call that Vonage
// accepted before.
func (t Times) FirstScan(a Attempt) time.Time { return a.TokenExpiresAt.Add(t.SettleAfter) }

// NextLook is when to look at the attempt again after its n-th look, which began at the
// given time and left it unknown. The second look is when the whole window is past;
// later ones after twice as long each time.
func (t Times) NextLook(a Attempt, n int, begun time.Time) time.Time {
	wait := t.ScanGap()
	for range n - 1 {
		if wait = 2 * wait; wait >= longestLook {
			wait = longestLook
			break
		}
	}
	next := begun.Add(wait)
	if _, end := t.Window(a); next.Before(end) {
		next = end
	}
	return UpToSecond(next)
}

// UpToSecond rounds up, because the list is read by whole seconds.
func UpToSecond(at time.Time) time.Time {
	if whole := at.Truncate(time.Second); !whole.Equal(at) {
		return whole.Add(time.Second)
	}
	return at
}
