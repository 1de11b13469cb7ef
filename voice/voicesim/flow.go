package voicesim

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// flow is the progress of a call in its NCCO.
type flow struct {
	actions []action
	next    int
	version int  // grows with each flow and each action; steps planned by an older version are ignored
	waits   bool // for the detection of machines
}

// run replaces the call's flow.
func (s *Sim) run(c *call, actions []action) {
	c.live.flow = flow{actions: actions, version: c.live.flow.version + 1}
	c.live.message.follow(actions, len(c.keys) > 0 || c.heardAt != 0)
	s.leaveRoom(c)
	s.endLegs(c)
	s.advance(c)
}

// advance runs the next action. After the last one the call ends.
func (s *Sim) advance(c *call) {
	f := &c.live.flow
	f.version++
	if f.next >= len(f.actions) {
		s.hangUp(c, "platform")
		return
	}
	f.next++
	f.actions[f.next-1].run(s, c)
}

// laterInFlow runs f after d of the call's time, unless the flow has changed.
func (s *Sim) laterInFlow(c *call, d time.Duration, f func()) {
	version := c.live.flow.version
	s.later(c, d, func() {
		if c.live.flow.version == version {
			f()
		}
	})
}

func (a *talk) run(s *Sim, c *call) {
	if c.said == "" {
		c.said = a.Text
	}
	s.play(c, a, a.sound, speakingTime(a.Text))
}

func (a *stream) run(s *Sim, c *call) { s.play(c, a, a.sound, streamTime) }

// play continues when the sound ends, or earlier if bargeIn is set and the person
// presses a key.
func (s *Sim) play(c *call, a action, sound sound, once time.Duration) {
	s.speakTo(c, a)
	lasts, endless := sound.duration(once)
	cuts := c.live.hears(bool(sound.BargeIn) && c.live.flow.waitsForKeys())
	if cuts || bool(sound.BargeIn) && s.pressesKeyNext(c) {
		lasts, endless = min(time.Second, once), false
	}
	if endless || lasts >= once {
		s.laterInFlow(c, once, func() {
			if c.live.message.ends(a) && c.heardAt == 0 {
				c.heardAt = stampOf(s.now())
			}
		})
	}
	if !endless {
		s.laterInFlow(c, lasts, func() {
			if h := s.held(c); h != nil {
				h.hear(HeardEnd, "")
			}
			s.advance(c)
		})
	}
}

// message is the message of a call: the first talk and stream actions of its flow that
// follow each other. If another flow replaces it before anybody pressed a key or heard
// it, for example after an answering machine's beep, the message is that of the new flow.
// A later flow can only repeat the message.
type message struct {
	sounds []action
	played int // of the sounds, without a gap
}

// follow looks for the message in a new flow. said means that the message was heard, or a
// key was pressed.
func (m *message) follow(actions []action, said bool) {
	sounds := firstSounds(actions)
	m.played = 0
	if !said && len(sounds) > 0 || reflect.DeepEqual(sounds, m.sounds) {
		m.sounds = sounds
	} else if said {
		m.played = -1 // this flow says something else
	}
}

// firstSounds is the first talk and stream actions that follow each other.
func firstSounds(actions []action) []action {
	isOther := func(a action) bool {
		switch a.(type) {
		case *talk, *stream:
			return false
		}
		return true
	}
	first := slices.IndexFunc(actions, func(a action) bool { return !isOther(a) })
	if first < 0 {
		return nil
	}
	sounds := actions[first:]
	if end := slices.IndexFunc(sounds, isOther); end >= 0 {
		sounds = sounds[:end]
	}
	return sounds
}

// ends notes that a sound was played to its end, and says whether that completed the
// message.
func (m *message) ends(a action) bool {
	if m.played < 0 || m.played >= len(m.sounds) || m.sounds[m.played] != a {
		return false
	}
	m.played++
	return m.played == len(m.sounds)
}

func (a *wait) run(s *Sim, c *call) {
	seconds := 10.0
	if a.Timeout != nil {
		seconds = float64(*a.Timeout)
	}
	s.laterInFlow(c, time.Duration(seconds*float64(time.Second)), func() { s.advance(c) })
}

// run sends the payload and waits for the reply, which may be an NCCO.
func (a *notify) run(s *Sim, c *call) {
	s.report(c, a.callbackURL, object{
		{"payload", a.Payload}, {"conversation_uuid", c.conversation()}, {"timestamp", s.now().Format(millis)},
	})
}

// report sends an action's event and continues with the NCCO in the reply, or
// without one with the current flow.
func (s *Sim) report(c *call, to callbackURL, e object) {
	url, method := to.or(c.live)
	if url == "" {
		s.advance(c)
		return
	}
	version := c.live.flow.version
	s.send(c, url, method, e, s.awaited(c, func(reply callbackReply) {
		if c.live.flow.version == version {
			s.resume(c, reply)
		}
	}))
}

// resume continues with the NCCO in a reply, or without one with the current flow.
func (s *Sim) resume(c *call, reply callbackReply) {
	if actions, ok := reply.flow(); ok {
		s.run(c, actions)
		return
	}
	s.advance(c)
}

// flow is the NCCO in the reply to an event, if there is one.
func (r callbackReply) flow() ([]action, bool) {
	actions, err := parseNCCO(r.body)
	return actions, err == nil && r.ok() && len(actions) > 0
}

// sendErrorEvent reports an NCCO that cannot be run.
func (s *Sim) sendErrorEvent(c *call, err error) {
	s.emit(c, object{
		{"reason", err.Error()}, {"conversation_uuid", c.conversation()}, {"timestamp", s.now().Format(millis)},
	}, nil)
}

// room is a named conversation.
type room struct {
	name    string
	id      uuid.UUID
	members map[*call]bool // true: the conversation ends when it leaves
}

// run joins the named conversation. Later actions do not run.
func (a *conversation) run(s *Sim, c *call) {
	r := s.rooms[a.Name]
	if r == nil {
		r = &room{name: a.Name, id: c.conv, members: map[*call]bool{}}
		s.rooms[a.Name] = r
	}
	r.members[c] = bool(a.EndOnExit)
	c.live.room = r
	s.moveTo(c, r.id)
}

// leaveRoom removes the call from its named conversation, and ends the conversation
// if endOnExit says so.
func (s *Sim) leaveRoom(c *call) {
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
		if ends && other.active() {
			s.catchUp(other)
			s.hangUp(other, "platform")
		}
	}
}

// run moves the call into another conversation. Later actions do not run.
func (a *transfer) run(s *Sim, c *call) {
	id, err := uuid.Parse(strings.TrimPrefix(a.ConversationID, "CON-"))
	if err != nil {
		s.sendErrorEvent(c, errSyntax)
		s.hangUp(c, "platform")
		return
	}
	s.moveTo(c, id)
}

// moveTo moves the call into a conversation, and sends an event if that is a new one.
func (s *Sim) moveTo(c *call, to uuid.UUID) {
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
