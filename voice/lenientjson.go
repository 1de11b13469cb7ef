package voice

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/shopspring/decimal"
)

const (
	maxText   = 2000 // bytes of one member that are kept
	maxID     = 200
	maxDigits = 24
)

// object is a JSON object that is read leniently. Vonage writes numbers as
// numbers or strings, omits members or sends null, and adds new members. A
// member of an unexpected type counts as absent.
type object map[string]json.RawMessage

func parseObject(raw []byte) (object, error) {
	var o object
	if err := json.Unmarshal(raw, &o); err != nil || o == nil {
		return nil, errors.New("not a JSON object")
	}
	return o, nil
}

// scalar returns a string as it is, and a number or boolean as it is written.
func scalar(raw json.RawMessage) string {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return ""
	}
	switch raw[0] {
	case '"':
		var s string
		if json.Unmarshal(raw, &s) != nil {
			return ""
		}
		return s
	case '{', '[', 'n':
		return ""
	}
	return string(raw)
}

// text is a member to show or to compare. It is cut to maxText and has no control
// characters, which Postgres and terminals do not take.
func (o object) text(key string) string { return clean(scalar(o[key])) }

func clean(s string) string {
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "")
	}
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, s))
}

// word is a status or another keyword, in lower case.
func (o object) word(key string) string { return strings.ToLower(o.text(key)) }

// id is an opaque identifier, unchanged; "" for one that cannot be stored.
func (o object) id(key string) string {
	var s string
	if json.Unmarshal(o[key], &s) != nil || len(s) > maxID || s != clean(s) {
		return ""
	}
	return s
}

// nested is a member that is an object, or the text of one as in a GET.
func (o object) nested(key string) (object, bool) {
	raw := o[key]
	if text := strings.TrimSpace(scalar(raw)); strings.HasPrefix(text, "{") {
		raw = json.RawMessage(text)
	}
	inner, err := parseObject(raw)
	return inner, err == nil
}

func (o object) has(key string) bool {
	raw, ok := o[key]
	return ok && string(bytes.TrimSpace(raw)) != "null"
}

func (o object) decimal(key string) decimal.NullDecimal {
	return parseDecimal(scalar(o[key]))
}

// parseDecimal reads digits[.digits] and nothing else. With an exponent, decimal
// would allocate as many digits as it says.
func parseDecimal(s string) decimal.NullDecimal {
	whole, fraction, dotted := strings.Cut(s, ".")
	if !isDigits(whole) || dotted && !isDigits(fraction) || len(whole)+len(fraction) > maxDigits {
		return decimal.NullDecimal{}
	}
	d, err := decimal.NewFromString(s)
	return decimal.NullDecimal{Decimal: d, Valid: err == nil}
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// whole is a member that is a whole number, for example of seconds.
func (o object) whole(key string) *int {
	d := o.decimal(key)
	if !d.Valid || !d.Decimal.IsInteger() {
		return nil
	}
	n, err := strconv.ParseInt(d.Decimal.Truncate(0).String(), 10, 32)
	if err != nil {
		return nil
	}
	return new(int(n))
}

func (o object) flag(key string) bool { return o.word(key) == "true" }

var timeLayouts = []string{
	time.RFC3339,
	"2006-01-02 15:04:05",
	"2006-01-02T15:04:05",
	"2006-01-02T15:04:05Z0700",
	"2006-01-02 15:04:05Z07:00",
}

// time is zero if the member is absent or has no known form. A time without a
// zone is UTC.
func (o object) time(key string) time.Time {
	s := o.text(key)
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, s); err == nil && t.UTC().Year() >= 1970 && t.UTC().Year() < 10000 {
			return t.UTC()
		}
	}
	return time.Time{}
}
