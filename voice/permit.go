package voice

import (
	"context"
	"errors"
	"time"
)

// Permit is the right to send one request at one moment. The caller gives permits to keep
// the account's limits; see package internal/pace.
type Permit interface {
	// Hold waits for the moment and returns the time until which the request may be
	// written. It is called when everything else is ready. With this package's own
	// transport that includes the connection. After an error nothing is sent.
	Hold(ctx context.Context) (until time.Time, err error)
	// Written is called when a part of the request was written to the
	// connection, or may have been, no later than at.
	Written(at time.Time)
	// Done is called once, last. It says when the response's header came and
	// with what status, or zeros without a response.
	Done(answered time.Time, status int)
}

// ErrMissed means that the permit's time had passed before anything was written, so
// nothing was sent.
var ErrMissed = errors.New("the moment to send had passed")

// unpaced is the permit of a request without a limit.
type unpaced struct{}

func (unpaced) Hold(context.Context) (until time.Time, err error) { return time.Time{}, nil }
func (unpaced) Written(time.Time)                                 {}
func (unpaced) Done(time.Time, int)                               {}
