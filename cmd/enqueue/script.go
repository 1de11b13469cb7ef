package main

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"dialer/campaign"
	"dialer/internal/cli"
)

// scriptText is the message as a person hears it, with what the keys do.
func scriptText(r campaign.Rendered) string {
	s := r.Script
	if s == nil {
		return fmt.Sprintf("  %s\n", r.NCCO)
	}
	var text strings.Builder
	line := func(who, what string) { fmt.Fprintf(&text, "  %-10s %s\n", who, cli.OneLine(what)) }
	line("says", spokenText(s.Say)+times(s.Loop))
	for _, pressed := range s.Pressable() {
		line("key "+pressed, orWords(s, pressed)+keyText(s, s.Keys[pressed]))
	}
	if len(s.Keys) > 0 {
		line("wrong key", cmp.Or(spokenText(s.Wrong), "the message again"))
		line("no key", cmp.Or(spokenText(s.Silent), "the call ends"))
		line("waits", fmt.Sprintf("%d s for a key%s, %d times at most", s.Wait, orWord(s), s.Tries))
	}
	if s.Voicemail != "" {
		line("voicemail", spokenText(s.Voicemail))
	}
	takes := length(s.Say, s.Loop) + " to say"
	if s.Voicemail != "" {
		takes += ", the voicemail " + length(s.Voicemail, 1)
	}
	line("takes", takes)
	if s.Level != 0 {
		line("level", fmt.Sprintf("%g, from -1 to 1", s.Level))
	}
	line("voice", "Vonage's for "+cmp.Or(s.Language, "en-US"))
	return text.String()
}

// spokenText is a text, or the sound that is played in its place.
func spokenText(text string) string {
	if address, ok := campaign.Sound(text); ok {
		return "(plays " + address + ")"
	}
	return text
}

func times(loop int) string {
	if loop <= 1 {
		return ""
	}
	return fmt.Sprintf(" (%d times)", loop)
}

// length is how long it takes to say a text this often.
func length(text string, loop int) string {
	if _, ok := campaign.Sound(text); ok {
		return "a sound of unknown length"
	}
	return fmt.Sprintf("about %v", (campaign.SpeakingTime(text) * time.Duration(max(loop, 1))).Round(time.Second))
}

// orWords are what a person may say in place of the key.
func orWords(s *campaign.Script, pressed string) string {
	words := s.WordsFor(pressed)
	if len(words) == 0 {
		return ""
	}
	return fmt.Sprintf("or %q: ", words)
}

func orWord(s *campaign.Script) string {
	if len(s.Words) == 0 {
		return ""
	}
	return " or a word"
}

func keyText(s *campaign.Script, k campaign.Key) string {
	var parts []string
	if k.Result != "" {
		parts = append(parts, "result "+k.Result)
	}
	switch {
	case k.OptOut:
		parts = append(parts, "opts out")
	case k.Repeat:
		parts = append(parts, "the message again")
	case k.Connect != "":
		parts = append(parts, "is put through to "+k.Connect)
	}
	if said := s.SaidBy(k); said != "" {
		if _, sound := campaign.Sound(said); sound {
			parts = append(parts, spokenText(said))
		} else {
			parts = append(parts, fmt.Sprintf("says %q", said))
		}
	}
	if k.Record != 0 {
		parts = append(parts, fmt.Sprintf("records what is said after a beep, %v at most", time.Duration(k.Record)*time.Second))
	}
	if k.Connect == "" && !k.Repeat {
		parts = append(parts, "the call ends")
	}
	return strings.Join(parts, ", ")
}
