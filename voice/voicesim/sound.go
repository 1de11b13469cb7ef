package voicesim

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// sound is the common part of talk and stream.
type sound struct {
	Loop    flexInt   `json:"loop"`
	Level   flexFloat `json:"level"`
	BargeIn flexBool  `json:"bargeIn"`
}

func (a sound) check() (c problems) {
	c.require(a.Loop.or(1) >= 0, "loop", "is negative")
	c.require(a.Level.within(-1, 1), "level", "is not from -1 to 1")
	return c
}

// inTenths checks a level that is set on a call in progress: it has a precision of 0.1. A
// level in an NCCO has no such limit.
func (c *problems) inTenths(level flexFloat) {
	tenths := float64(level) * 10
	c.require(math.Abs(tenths-math.Round(tenths)) < 1e-6, "level", "must have a precision of 0.1")
}

// duration is how long it plays; endless is true for loop 0.
func (a sound) duration(once time.Duration) (total time.Duration, endless bool) {
	loops := a.Loop.or(1)
	return time.Duration(loops) * once, loops == 0
}

type talk struct {
	Given given `json:"-"`
	sound
	Text      string   `json:"text"`
	Language  string   `json:"language"`
	Style     flexInt  `json:"style"`
	Premium   flexBool `json:"premium"`
	VoiceName string   `json:"voiceName"`
}

const maxText = 1500

var tags = regexp.MustCompile(`<[^>]*>`)

func (a *talk) check() problems {
	c := a.sound.check()
	n := spoken(a.Text)
	c.require(1 <= n && n <= maxText && strings.TrimSpace(a.Text) != "", "text", fmt.Sprintf("has %d characters, not 1 to %d", n, maxText))
	c.require(isSpeech(a.Text), "text", "is not well-formed SSML")
	c.require(!a.Given["language"] || a.Language != "", "language", "is empty")
	c.require(a.Style.or(0) >= 0, "style", "is negative")
	c.voice(a.Given, "voiceName", a.VoiceName, false)
	return c
}

// spoken counts the characters that are spoken.
func spoken(text string) int { return utf8.RuneCountInString(tags.ReplaceAllString(text, "")) }

// isSpeech says whether a text is plain or well-formed SSML.
func isSpeech(text string) bool {
	if !strings.HasPrefix(strings.TrimSpace(text), "<speak") {
		return true
	}
	for d := xml.NewDecoder(strings.NewReader(text)); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return true
		} else if err != nil {
			return false
		}
	}
}

// speakingTime is how long a text takes: 15 characters per second.
func speakingTime(text string) time.Duration {
	return time.Duration(spoken(text)) * time.Second / 15
}

type stream struct {
	Given given `json:"-"`
	sound
	StreamURL []string `json:"streamUrl"`
}

// streamTime is how long every sound file plays: the simulator does not download
// them.
const streamTime = 10 * time.Second

func (a *stream) check() problems {
	c := a.sound.check()
	c.require(a.Given["streamUrl"], "streamUrl", "is required")
	c.oneURL(a.Given, "streamUrl", a.StreamURL)
	return c
}

// contractVoices are the voices of the contract, and newerVoices those that came
// later. Today's way to choose a voice is language and style.
var (
	contractVoices = strings.Fields(`Salli Joey Naja Mads Marlene Hans Nicole Russell Amy Brian Emma Geraint Gwyneth
		Raveena Chipmunk Eric Ivy Jennifer Justin Kendra Kimberly Conchita Enrique Penelope Miguel Chantal Celine
		Mathieu Dora Karl Carla Giorgio Liv Lotte Ruben Agnieszka Jacek Ewa Jan Maja Vitoria Ricardo Cristiano Ines
		Carmen Maxim Tatyana Astrid Filiz Mizuki Seoyeon`)
	newerVoices = strings.Fields(`Aditi Alva Bianca Carmit Catarina Cem Damayanti Empar Felipe Henrik Ioana Iveta Joana
		Joanna Jordi Kanya Laila Laura Lea Lekha Lucia Luciana Maged Mariska Matthew Mei-Jia Melina Mia Miren
		Montserrat Nikos Nora Oskar Satu Sin-Ji Sora Takumi Tarik Tessa Tian-Tian Vicki Yelda Zeina Zhiyu Zuzana`)
)

func (c *problems) voice(g given, name, voice string, contract bool) {
	known := !g[name] || slices.Contains(contractVoices, voice) || !contract && slices.Contains(newerVoices, voice)
	c.require(known, name, "is not a voice")
}
