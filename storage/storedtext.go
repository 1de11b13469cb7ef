package storage

import (
	"bytes"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"dialer/campaign"
)

// clean makes evidence storable. Postgres accepts no text with a zero byte or with
// invalid UTF-8; if we refused such an event, the provider would send it for ever.
func clean(e campaign.Evidence) campaign.Evidence {
	e.CallUUID, e.ConversationUUID = plain(e.CallUUID), plain(e.ConversationUUID)
	e.Status, e.Direction = plain(e.Status), plain(e.Direction)
	e.To, e.From = plain(e.To), plain(e.From)
	e.Bill.Network = plain(e.Bill.Network)
	return e
}

func plain(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// readable replaces the escapes in JSON that mean no character of Postgres: \u0000, and
// halves of surrogate pairs. Postgres stores them, but then cannot read any member of
// the document.
func readable(document []byte) []byte {
	var changed []byte // nil: unchanged so far
	for i := 0; i < len(document)-1; i++ {
		if document[i] != '\\' {
			continue
		}
		code, ok := unicodeEscape(document[i:])
		switch low, second := unicodeEscape(document[min(i+6, len(document)):]); {
		case !ok:
			i++ // the character after the backslash
			continue
		case second && utf16.DecodeRune(code, low) != utf8.RuneError:
			i += 11
			continue
		//guard:false storage.TestEveryEventCanBeQueried: every event can be read by Postgres's JSON operators
		case code == 0 || utf16.IsSurrogate(code):
			if changed == nil {
				changed = bytes.Clone(document)
			}
			copy(changed[i:], `\ufffd`)
		}
		i += 5
	}
	if changed != nil {
		return changed
	}
	return document
}

// unicodeEscape reads an escape such as \u00e9 at the beginning of the text.
func unicodeEscape(text []byte) (code rune, ok bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	return rune(n), err == nil
}

func plainAll(list []string) []string { return column(list, plain) }
