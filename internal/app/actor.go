package app

import (
	"errors"
	"fmt"
	"slices"
)

// Actor makes a change. The audit names it.
type Actor struct {
	Name    string // a person's or a program's
	Role    Role   // "" at the command line: a person with the database's password may do everything
	Through Through
}

// Role is what a person may do.
type Role string

const (
	Viewer   Role = "viewer"   // reads
	Operator Role = "operator" // changes campaigns, contacts, calls and suppressions
	Admin    Role = "admin"    // changes everything
)

// roles are from the least to the most.
var roles = []Role{Viewer, Operator, Admin}

// MostRole is the role that allows most; "" if there is none.
func MostRole(of []Role) (most Role) {
	for _, r := range of {
		if slices.Index(roles, r) > slices.Index(roles, most) {
			most = r
		}
	}
	return most
}

// Through is the way by which a change came.
type Through string

const (
	ThroughCommand Through = "command"
	ThroughPage    Through = "page"
	ThroughAPI     Through = "api"
	ThroughDialer  Through = "dialer" // the dialer itself, without a person
)

// Dialer makes the changes that no person requested.
var Dialer = Actor{Name: "dialer", Through: ThroughDialer}

// ErrForbidden means that the actor's role does not allow the change.
var ErrForbidden = errors.New("your role does not allow this")

var errNoActor = errors.New("a change needs the name of who makes it")

// may is nil if the actor's role allows what needs the role least.
func (a Actor) may(least Role) error {
	switch {
	case a.Name == "":
		return errNoActor
	case a.Role == "" && (a.Through == ThroughCommand || a.Through == ThroughDialer):
		return nil
	//guard:false internal/app.TestRoles: a viewer changes nothing
	case slices.Index(roles, a.Role) < slices.Index(roles, least):
		return fmt.Errorf("%w: it takes the role %s", ErrForbidden, least)
	}
	return nil
}

// May reports whether the actor's role allows what needs the role least.
func (a Actor) May(least Role) bool { return a.may(least) == nil }
