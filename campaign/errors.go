package campaign

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
)

var (
	// ErrNotFound: there is no campaign, contact or attempt with that name or id.
	ErrNotFound = errors.New("not found")
	// ErrEdited: the campaign was edited since it was read.
	ErrEdited = errors.New("the campaign was edited meanwhile; look at it again")
	// ErrExists: there is a campaign with that name.
	ErrExists = errors.New("a campaign of that name exists")
	// ErrStale: the attempt is not (or no longer) reserved, so its task has
	// nothing to do.
	ErrStale = errors.New("attempt is not reserved any more")
	// ErrWithdrawn: the gate found an obstacle and voided the attempt.
	ErrWithdrawn = errors.New("attempt withdrawn at the gate")
	// ErrNoRoom: a limit leaves no room for the call now; the attempt stays reserved.
	ErrNoRoom = errors.New("a limit leaves no room for the call now")
	// ErrDialLocked: the dial lock is set; the attempt stays reserved.
	ErrDialLocked = errors.New("the dial lock is set: nobody is called")
	// ErrNotLocked: the dial lock needs no person: it is not set, or a scan releases it.
	ErrNotLocked = errors.New("the database does not wait for a person")
	// ErrNothingMissing: no scan of Vonage's list lacked a call.
	ErrNothingMissing = errors.New("no scan of Vonage's list has lacked a call since the database was locked, so there is nothing to accept")
	// ErrRenamed: a person released the database under a new name while the process ran,
	// so its queue and its external mark belong to another database.
	ErrRenamed = errors.New("the database was released under a new name: start this process again, so that it takes the new queue")
	// ErrLeaseLost: meanwhile another process has taken over the periodic work.
	ErrLeaseLost = errors.New("another process does the work by now")
	// ErrUnreadable: the stored settings of a campaign cannot be read.
	ErrUnreadable = errors.New("the campaign's stored settings cannot be read")
	// ErrOtherSettings: the campaign with that name has other settings.
	ErrOtherSettings = errors.New("a campaign of that name has other settings")
)

// BlockedError says why a manual call may not be made now. It contains no number.
type BlockedError struct {
	Obstacles []Withdrawal // the most important first
	Attempt   uuid.UUID    // the open attempt at the number or address; uuid.Nil: none
}

func (e *BlockedError) Error() string {
	meanings := make([]string, len(e.Obstacles))
	for i, o := range e.Obstacles {
		meanings[i] = o.Meaning()
	}
	if e.Attempt != uuid.Nil {
		meanings = append(meanings, "see attempt "+e.Attempt.String())
	}
	return strings.Join(meanings, "; ")
}

// GapError: Vonage's records do not reach back to the database's last known state, so
// the calls in between cannot be found.
type GapError struct{ From, To time.Time }

func (e *GapError) Error() string {
	return fmt.Sprintf("the database knows what happened until %s, and Vonage's records begin at %s: who was called between cannot be found out",
		e.From.UTC().Format(time.RFC3339), e.To.UTC().Format(time.RFC3339))
}
