package app

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
)

// A viewer sees no whole telephone number, in any field and however it is written.
// Everything that looks like a number is masked, unless it is a date, a time or an id.
var (
	numberLike = regexp.MustCompile(`\+?\(?\d(?:[\s\p{Zs}\p{Pd}._()/,]{0,3}\d){6,}`)
	dateLike   = regexp.MustCompile(`^(?:\d{4}-\d{2}-\d{2}(?:[T ]\d{2}(?:[ .\-]?\d{2})?)?|\d{1,2}[./-]\d{1,2}[./-]\d{4}(?: \d{1,2})?)$`)
	idLike     = regexp.MustCompile(`^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$`)
	momentLike = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$`)
)

// notNumbers are members that contain only ids and amounts.
var notNumbers = map[string]bool{
	"call_uuid": true, "conversation_uuid": true, "attempt_id": true, "price": true, "rate": true, "next_cursor": true,
	"estimated_price": true, "campaign_price": true, "manual_price": true, "leg_price": true, "inbound_price": true, "unmatched_price": true,
}

// MaskText masks the middle digits of every number in a text.
func MaskText(text string) string {
	if idLike.MatchString(text) || momentLike.MatchString(text) {
		return text
	}
	return numberLike.ReplaceAllStringFunc(text, func(found string) string {
		if dateLike.MatchString(strings.TrimSpace(found)) {
			return found
		}
		return maskDigits(found)
	})
}

// maskDigits hides all digits but the first two and the last three.
func maskDigits(text string) string {
	const first, last = 2, 3
	digits := 0
	for _, r := range text {
		if r >= '0' && r <= '9' {
			digits++
		}
	}
	at := 0
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return r
		}
		at++
		if at > first && at <= digits-last {
			return '*'
		}
		return r
	}, text)
}

// hidden are members that a viewer does not see: with the application's key, a
// recording's address gives the voice of a person.
var hidden = map[string]bool{"recording_url": true}

// MaskJSON masks the numbers in a JSON text, also in the names of members, because a
// campaign's columns have any names. A text that is not JSON becomes null.
func MaskJSON(text []byte) []byte {
	if len(text) == 0 {
		return text
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return []byte("null")
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(masked("", v)); err != nil {
		return []byte("null")
	}
	return out.Bytes()
}

func masked(name string, v any) any {
	//guard:false internal/httpapi.TestRecordings: a viewer cannot fetch what a person said
	if hidden[name] {
		return nil
	}
	switch v := v.(type) {
	case string:
		if notNumbers[name] {
			return v
		}
		return MaskText(v)
	case []any:
		for i := range v {
			v[i] = masked(name, v[i])
		}
	case map[string]any:
		of := make(map[string]any, len(v))
		for member, value := range v {
			named := member
			if name == "row" {
				named = "" // a file's column may have the name of one of our members
			}
			of[MaskText(member)] = masked(named, value)
		}
		return of
	}
	return v
}
