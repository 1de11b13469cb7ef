package voicesim

import (
	"regexp"
	"slices"
	"time"

	"github.com/google/uuid"
)

// record records the call. If no member ends it, the flow continues meanwhile and
// the recording ends with the call.
type record struct {
	Given given `json:"-"`
	callbackURL
	Format        string         `json:"format"`
	Split         string         `json:"split"`
	Channels      flexInt        `json:"channels"`
	EndOnSilence  flexFloat      `json:"endOnSilence"`
	EndOnKey      string         `json:"endOnKey"`
	TimeOut       flexInt        `json:"timeOut"`
	BeepStart     flexBool       `json:"beepStart"`
	Transcription *transcription `json:"transcription"`
}

type transcription struct {
	Given given `json:"-"`
	callbackURL
	Language  string   `json:"language"`
	Sentiment flexBool `json:"sentimentAnalysis"`

	wrong problems
}

func (a *transcription) UnmarshalJSON(raw []byte) error { return readPart(raw, a, &a.wrong) }

var endKey = regexp.MustCompile(`^[0-9*#]$`)

func (a *record) check() (c problems) {
	c.word(a.Given, "format", a.Format, "mp3", "wav", "ogg")
	c.word(a.Given, "split", a.Split, "conversation")
	c.within("channels", a.Channels, 1, 32)
	c.require(!a.Given["endOnSilence"] || a.EndOnSilence.within(3, 10), "endOnSilence", "is not from 3 to 10")
	c.require(!a.Given["endOnKey"] || endKey.MatchString(a.EndOnKey), "endOnKey", "is not one of 0 to 9, * and #")
	c.within("timeOut", a.TimeOut, 3, 7200)
	c.events(a.Given, a.callbackURL)
	c.nested(a.Transcription.check())
	return c
}

func (a *transcription) check() problems {
	if a == nil {
		return nil
	}
	c := a.wrong
	c.events(a.Given, a.callbackURL)
	return c
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
	length := a.duration()
	if h := s.held(c); h != nil {
		h.hear(HeardRecords, a.EndOnKey)
		length = time.Duration(a.TimeOut.or(7200)) * time.Second
	}
	s.laterInFlow(c, length, func() {
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
