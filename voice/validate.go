package voice

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// problems are the mistakes in a request. Each names the field and the limit;
// none shows a phone number, an address or a text from the request.
type problems []error

func (p *problems) add(field, format string, args ...any) {
	*p = append(*p, fmt.Errorf("%s: %s", field, fmt.Sprintf(format, args...)))
}

func (p problems) Error() string {
	texts := make([]string, len(p))
	for i, err := range p {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

func (p problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %w", ErrInvalid, p)
}

// oneOf checks an optional keyword.
func (p *problems) oneOf(field, value string, allowed ...string) {
	if value != "" && !slices.Contains(allowed, value) {
		p.add(field, "must be %s", strings.Join(allowed, " or "))
	}
}

// between checks an optional number; 0 means that it is not set.
func (p *problems) between(field string, value, low, high int) {
	if value != 0 && (value < low || value > high) {
		p.add(field, "is %d, must be %d to %d", value, low, high)
	}
}

// address checks an optional URL of one of the schemes.
func (p *problems) address(field, value string, schemes ...string) {
	if value == "" {
		return
	}
	u, err := url.Parse(value)
	if err != nil || u.Host == "" || !slices.Contains(schemes, u.Scheme) {
		p.add(field, "must be an absolute %s URL", strings.Join(schemes, " or "))
	}
}

// number checks an E.164 number as the API takes it: digits, no plus sign.
func (p *problems) number(field, value string) {
	switch {
	case !isDigits(value):
		p.add(field, "must be digits only, without a plus sign")
	case len(value) < 7 || len(value) > 15:
		p.add(field, "has %d digits, must have 7 to 15", len(value))
	}
}

// within adds the problems of a part, with the part's path before each.
func (p *problems) within(path string, part problems) {
	for _, err := range part {
		*p = append(*p, fmt.Errorf("%s.%w", path, err))
	}
}

// tones checks optional DTMF digits.
func (p *problems) tones(field, digits string) {
	if strings.Trim(digits, dtmfCharacters) != "" {
		p.add(field, "may hold only 0-9, *, # and p")
	}
}

func (p *problems) headerSize(field string, headers map[string]any) {
	if len(headers) == 0 {
		return
	}
	b, err := encodeBody(headers)
	if err != nil || len(b) > maxHeaderBytes {
		p.add(field, "must be at most %d bytes of JSON", maxHeaderBytes)
	}
}

func (p *problems) required(field, value string) {
	if value == "" {
		p.add(field, "is required")
	}
}

// optional checks a whole number that may be absent.
func (p *problems) optional(field string, value *int, low, high int) {
	if value != nil && (*value < low || *value > high) {
		p.add(field, "is %d, must be %d to %d", *value, low, high)
	}
}

// fraction checks a number that may be absent and need not be whole.
func (p *problems) fraction(field string, value *float64, low, high float64) {
	if value != nil && !(*value >= low && *value <= high) {
		p.add(field, "is %g, must be %g to %g", *value, low, high)
	}
}

// oneAddress checks an array that may hold one URL.
func (p *problems) oneAddress(field string, list []string, required bool) {
	switch {
	case len(list) == 1 && list[0] != "":
		p.address(field, list[0], "http", "https")
	case len(list) > 0 || required:
		p.add(field, "must be an array of one URL")
	}
}

// events checks the address and the method of an action's events.
func (p *problems) events(list []string, method string) {
	p.oneAddress("eventUrl", list, false)
	p.oneOf("eventMethod", method, "GET", "POST")
}
