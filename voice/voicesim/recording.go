package voicesim

import (
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
)

// record records the call. If no member ends it, the flow continues meanwhile and
// the recording ends with the call.
type record struct {
	callbackURL
	EndOnSilence flexFloat `json:"endOnSilence"`
	EndOnKey     string    `json:"endOnKey"`
	TimeOut      flexInt   `json:"timeOut"`
	Channels     flexInt   `json:"channels"`
}

func (a *record) check() error {
	switch {
	case a.EndOnSilence != 0 && (a.EndOnSilence < 3 || a.EndOnSilence > 10):
		return errors.New("endOnSilence is not from 3 to 10")
	case a.TimeOut.or(3) < 3 || a.TimeOut.or(3) > 7200:
		return errors.New("timeOut is not from 3 to 7200")
	case a.Channels.or(1) < 1 || a.Channels.or(1) > 32:
		return errors.New("channels is not from 1 to 32")
	}
	return nil
}

// recording is a recording in progress.
type recording struct {
	id    uuid.UUID
	to    callbackURL
	began time.Time
	at    time.Duration // in the call's time
}

// speechTime is how long a person speaks before they stop, or press the key that
// ends a recording.
const speechTime = 5 * time.Second

func (a *record) run(s *Sim, c *call) {
	r := recording{id: uuid.New(), to: a.callbackURL, began: s.now(), at: c.live.at}
	c.live.recordings = append(c.live.recordings, r)
	if a.EndOnSilence == 0 && a.EndOnKey == "" && !a.TimeOut.set {
		s.advance(c)
		return
	}
	s.laterInFlow(c, a.duration(), func() {
		c.live.recordings = slices.DeleteFunc(c.live.recordings, func(other recording) bool { return other.id == r.id })
		s.sendRecording(c, r)
		s.advance(c)
	})
}

// duration is the length of a recording that a member ends.
func (a *record) duration() time.Duration {
	longest := time.Duration(a.TimeOut.or(7200)) * time.Second
	switch {
	case a.EndOnKey != "":
		return min(longest, speechTime)
	case a.EndOnSilence != 0:
		return min(longest, speechTime+time.Duration(float64(a.EndOnSilence)*float64(time.Second)))
	}
	return longest
}

const wholeSeconds = "2006-01-02T15:04:05Z"

// sendRecording sends the event of a finished recording.
func (s *Sim) sendRecording(c *call, r recording) {
	url, method := r.to.or(c.live)
	size := int64((c.live.at - r.at) / time.Second * 16000)
	s.send(c, url, method, object{
		{"start_time", r.began.Format(wholeSeconds)},
		{"recording_url", "https://api.nexmo.com/v1/files/" + r.id.String()}, {"size", size},
		{"recording_uuid", r.id.String()}, {"end_time", s.now().Format(wholeSeconds)},
		{"conversation_uuid", c.conversation()}, {"timestamp", s.now().Format(millis)},
	}, nil)
}
