package voicesim

import (
	"strings"
	"time"

	"github.com/google/uuid"
)

// flow is where a call is in its NCCO.
type flow struct {
	actions []action
	next    int
	turn    int  // grows with each flow and each action: what an older one planned is void
	waits   bool // until it is known who has answered
}

// run replaces the call's flow.
func (s *Sim) run(c *call, actions []action) {
	c.live.flow = flow{actions: actions, turn: c.live.flow.turn + 1}
	s.leave(c)
	s.release(c)
	s.advance(c)
}

// advance does the next action; after the last one the call ends.
func (s *Sim) advance(c *call) {
	f := &c.live.flow
	f.turn++
	if f.next >= len(f.actions) {
		s.hangUp(c, "platform")
		return
	}
	f.next++
	f.actions[f.next-1].run(s, c)
}

// then runs f in d of the call's own time, unless the flow has moved on.
func (s *Sim) then(c *call, d time.Duration, f func()) {
	turn := c.live.flow.turn
	s.later(c, d, func() {
		if c.live.flow.turn == turn {
			f()
		}
	})
}

func (a *talk) run(s *Sim, c *call) { s.play(c, a.sound, speakingTime(a.Text)) }

func (a *stream) run(s *Sim, c *call) { s.play(c, a.sound, streamTime) }

// play goes on when the sound is over, or when the person barges in because
// they know what to press.
func (s *Sim) play(c *call, a sound, once time.Duration) {
	lasts, endless := a.lasts(once)
	if bool(a.BargeIn) && s.pressesNext(c) {
		lasts, endless = min(time.Second, once), false
	}
	if !endless {
		s.then(c, lasts, func() { s.advance(c) })
	}
}

func (a *wait) run(s *Sim, c *call) {
	seconds := 10.0
	if a.Timeout != nil {
		seconds = float64(*a.Timeout)
	}
	s.then(c, time.Duration(seconds*float64(time.Second)), func() { s.advance(c) })
}

// run posts the payload and waits for the reply, which may be a new flow.
func (a *notify) run(s *Sim, c *call) {
	s.report(c, a.callbackURL, object{
		{"payload", a.Payload}, {"conversation_uuid", c.conversation()}, {"timestamp", s.now().Format(millis)},
	})
}

// report sends an action's event, and goes on with the flow that the reply
// brings, or with the one there is.
func (s *Sim) report(c *call, to callbackURL, e object) {
	url, method := to.or(c.live)
	if url == "" {
		s.advance(c)
		return
	}
	turn := c.live.flow.turn
	s.send(c, url, method, e, s.whenBack(c, func(got received) {
		if c.live.flow.turn == turn {
			s.resume(c, got)
		}
	}))
}

// resume goes on with the flow that a reply brings, or with the one there is.
func (s *Sim) resume(c *call, got received) {
	if actions, ok := got.flow(); ok {
		s.run(c, actions)
		return
	}
	s.advance(c)
}

// flow is the one that the reply to an event brings, if it brings one.
func (r received) flow() ([]action, bool) {
	actions, err := parseNCCO(r.body)
	return actions, err == nil && r.ok() && len(actions) > 0
}

// tellOfError sends the event that tells of a flow that cannot be run.
func (s *Sim) tellOfError(c *call, err error) {
	s.emit(c, object{
		{"reason", err.Error()}, {"conversation_uuid", c.conversation()}, {"timestamp", s.now().Format(millis)},
	}, nil)
}

// room is a named conversation.
type room struct {
	name    string
	id      uuid.UUID
	members map[*call]bool // true: its leaving ends the conversation
}

// run joins the named conversation. Nothing after it runs.
func (a *conversation) run(s *Sim, c *call) {
	r := s.rooms[a.Name]
	if r == nil {
		r = &room{name: a.Name, id: c.conv, members: map[*call]bool{}}
		s.rooms[a.Name] = r
	}
	r.members[c] = bool(a.EndOnExit)
	c.live.room = r
	s.move(c, r.id)
}

// leave takes the call out of its named conversation, and ends that if it was
// to end with the call.
func (s *Sim) leave(c *call) {
	r := c.live.room
	if r == nil {
		return
	}
	c.live.room = nil
	ends := r.members[c]
	delete(r.members, c)
	if len(r.members) == 0 || ends {
		delete(s.rooms, r.name)
	}
	for other := range r.members {
		if ends && other.goesOn() {
			s.catchUp(other)
			s.hangUp(other, "platform")
		}
	}
}

// run moves the call into another conversation. Nothing after it runs.
func (a *transfer) run(s *Sim, c *call) {
	id, err := uuid.Parse(strings.TrimPrefix(a.ConversationID, "CON-"))
	if err != nil {
		s.tellOfError(c, errSyntax)
		s.hangUp(c, "platform")
		return
	}
	s.move(c, id)
}

// move puts the call into a conversation, and tells of it when it is another.
func (s *Sim) move(c *call, to uuid.UUID) {
	if c.conv == to {
		return
	}
	before := c.conversation()
	c.conv = to
	s.emit(c, object{
		{"conversation_uuid_from", before}, {"conversation_uuid_to", c.conversation()},
		{"type", "transfer"}, {"uuid", c.uuid()}, {"timestamp", s.now().Format(millis)},
	}, nil)
}
