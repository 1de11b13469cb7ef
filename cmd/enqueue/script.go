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
	line("says", s.Say)
	for _, pressed := range s.Pressable() {
		line("key "+pressed, keyText(s, s.Keys[pressed]))
	}
	if len(s.Keys) > 0 {
		line("wrong key", cmp.Or(s.Wrong, "the message again"))
		line("no key", cmp.Or(s.Silent, "the call ends"))
		line("waits", fmt.Sprintf("%d s for a key, %d times at most", s.Wait, s.Tries))
	}
	if s.Voicemail != "" {
		line("voicemail", s.Voicemail)
	}
	takes := fmt.Sprintf("about %v to say", campaign.SpeakingTime(s.Say).Round(time.Second))
	if s.Voicemail != "" {
		takes += fmt.Sprintf(", the voicemail about %v", campaign.SpeakingTime(s.Voicemail).Round(time.Second))
	}
	line("takes", takes)
	line("voice", "Vonage's for "+cmp.Or(s.Language, "en-US"))
	return text.String()
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
		parts = append(parts, fmt.Sprintf("says %q", said))
	}
	if k.Connect == "" && !k.Repeat {
		parts = append(parts, "the call ends")
	}
	return strings.Join(parts, ", ")
}
