package voicesim

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// object is a JSON object whose members keep their order.
type object []member

type member struct {
	name  string
	value any
}

// MarshalJSON writes the members in order.
func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(m.name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(m.value)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// without is the object without the member of this name.
func (o object) without(name string) object {
	return slices.DeleteFunc(o, func(m member) bool { return m.name == name })
}

// has says whether the object has a member of this name.
func (o object) has(name string) bool {
	return slices.ContainsFunc(o, func(m member) bool { return m.name == name })
}

// with is the object with another value for a member that it has; "" and nil
// remove the member.
func (o object) with(name string, value any) object {
	if value == nil || value == "" {
		return o.without(name)
	}
	for i := range o {
		if o[i].name == name {
			o[i].value = value
		}
	}
	return o
}

// query returns the members in the GET form of a webhook: null is empty, and a
// value that is not a string is JSON text.
func (o object) query() (url.Values, error) {
	q := url.Values{}
	for _, m := range o {
		switch v := m.value.(type) {
		case nil:
			q.Set(m.name, "")
		case string:
			q.Set(m.name, v)
		default:
			text, err := json.Marshal(v)
			if err != nil {
				return nil, err
			}
			q.Set(m.name, string(text))
		}
	}
	return q, nil
}

// stamp is a time in nanoseconds of Unix time; zero is none. It is smaller than a
// time.Time, for a ledger of a million calls.
type stamp int64

func stampOf(t time.Time) stamp { return stamp(t.UnixNano()) }

func (s stamp) time() time.Time {
	if s == 0 {
		return time.Time{}
	}
	return time.Unix(0, int64(s)).UTC()
}

const (
	millis          = "2006-01-02T15:04:05.000Z"
	contractSeconds = "2006-01-02 15:04:05"
)

// moment is a time as records show it: whole seconds, null for none.
func (s *Sim) moment(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	if s.cfg.ContractShapes {
		return t.Format(contractSeconds)
	}
	return t.Truncate(time.Second).Format(millis)
}

func reply(w http.ResponseWriter, status int, contentType string, body any) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	// On an error the client has gone.
	_ = json.NewEncoder(w).Encode(body)
}

// refuse answers in form A, that of the voice service.
func refuse(w http.ResponseWriter, status int, invalid ...invalidParameter) {
	body := object{{"type", status}, {"title", http.StatusText(status)}}
	if len(invalid) > 0 {
		body = append(body, member{"invalid_parameters", invalid})
	}
	reply(w, status, "application/json", body)
}

type invalidParameter struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// gatewayError answers in form B, that of the gateway.
func gatewayError(w http.ResponseWriter, status int) {
	title := http.StatusText(status)
	kind := strings.ToUpper(strings.ReplaceAll(title, " ", "_"))
	reply(w, status, "application/json", object{{"type", kind}, {"error_title", title}})
}

// tooManyRequests answers in form C, that of the whole platform.
func tooManyRequests(w http.ResponseWriter) {
	reply(w, http.StatusTooManyRequests, "application/problem+json", object{
		{"type", "https://developer.vonage.com/api-errors#rate-limit"},
		{"title", "Rate Limit Hit"},
		{"detail", "Please wait, then retry your request"},
		{"instance", newTrace()},
	})
}

// unavailable answers like a proxy without a backend.
func unavailable(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = w.Write([]byte("<html><body><h1>503 Service Unavailable</h1></body></html>\n"))
}

// abort cuts the connection.
func abort() { panic(http.ErrAbortHandler) }

// truncateResponse sends half of the body and cuts the connection.
func truncateResponse(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		abort()
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = w.Write(text[:len(text)/2])
	_ = http.NewResponseController(w).Flush()
	abort()
}
