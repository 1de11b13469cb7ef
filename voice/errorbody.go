package voice

import (
	"cmp"
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

const maxParameters = 20

// readBody takes the texts from the body of an error. The API uses three forms:
// {type, title, invalid_parameters} from the voice service, {type, error_title}
// from the gateway, and {type, title, detail} by RFC 7807. Some errors have only
// a msg_error. It ignores a body of another form. Only the status decides what
// the error means.
func (e *Error) readBody(body []byte) {
	o, err := parseObject(body)
	if err != nil {
		return
	}
	e.Title = scrub(cmp.Or(o.text("title"), o.text("error_title"), o.text("msg_error")))
	e.Detail = scrub(o.text("detail"))
	var list []json.RawMessage
	if json.Unmarshal(o["invalid_parameters"], &list) != nil {
		return
	}
	for _, raw := range list[:min(len(list), maxParameters)] {
		if p, err := parseObject(raw); err == nil {
			e.InvalidParameters = append(e.InvalidParameters,
				InvalidParameter{scrub(p.text("name")), scrub(p.text("reason"))})
		}
	}
}

// retryAfter reads the header in either of its forms and limits it to a day; 0 if there
// is none.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := h.Get("Retry-After")
	if s, err := strconv.Atoi(v); err == nil {
		return time.Duration(max(0, min(s, 86400))) * time.Second
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(0, min(at.Sub(now), 24*time.Hour))
	}
	return 0
}
