package auth

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestSecret(t *testing.T) {
	t.Parallel()
	a, hash := NewSecret()
	b, _ := NewSecret()
	if a == b || len(a) < 43 || string(hash) != string(HashSecret(a)) || strings.Contains(string(hash), a) {
		t.Errorf("%d characters, twice the same: %t", len(a), a == b)
	}
}

func TestBearer(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{"Bearer abc": "abc", "bearer  abc": "abc", "Basic abc": "", "": "", "abc": ""} {
		r := &http.Request{Header: http.Header{"Authorization": {header}}}
		if got := Bearer(r); got != want {
			t.Errorf("%q: %q, want %q", header, got, want)
		}
	}
}

func TestPassword(t *testing.T) {
	t.Parallel()
	hash := HashPassword("correct horse battery")
	if hash == HashPassword("correct horse battery") || strings.Contains(hash, "horse") {
		t.Error("the hash has no salt, or shows the password")
	}
	for _, test := range []struct {
		hash, password string
		want, fails    bool
	}{
		{hash, "correct horse battery", true, false},
		{hash, "correct horse batterz", false, false},
		{hash, "", false, false},
		{"", "correct horse battery", false, false},
		{hash[:strings.LastIndex(hash, "$")], "correct horse battery", false, true},
		{"$argon2id$v=19$m=99999999,t=2,p=1$AAAA$AAAA", "x", false, true},
		{"plain", "plain", false, true},
	} {
		got, err := CheckPassword(t.Context(), test.hash, test.password)
		if got != test.want || (err != nil) != test.fails {
			t.Errorf("%.20q %q: %t, %v", test.hash, test.password, got, err)
		}
	}
}

func TestLimiter(t *testing.T) {
	t.Parallel()
	now := time.Now()
	l := NewLimiter(0.1, 2)
	for i, want := range []bool{true, true, false} {
		if ok, after := l.Allow("ann", now); ok != want || !ok && after != 10 {
			t.Errorf("try %d: %t, after %d s", i+1, ok, after)
		}
	}
	if ok, _ := l.Allow("bob", now); !ok {
		t.Error("bob waits for ann")
	}
	if ok, _ := l.Allow("ann", now.Add(10*time.Second)); !ok {
		t.Error("ann waits longer than was said")
	}
}

func TestLimiterIsBounded(t *testing.T) {
	t.Parallel()
	l := NewLimiter(1, 1)
	for i := range maxNames + 10 {
		l.Allow(strconv.Itoa(i), time.Now())
	}
	if len(l.names) > maxNames {
		t.Errorf("%d names are kept", len(l.names))
	}
}

// A proxy on this machine that names itself, or speaks like nginx by default, is
// distinguished from a browser here.
func TestFromThisMachine(t *testing.T) {
	t.Parallel()
	request := func(edit func(*http.Request)) bool {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1:8081/", nil)
		r.RemoteAddr = "127.0.0.1:4711"
		edit(r)
		return FromThisMachine(r)
	}
	if !request(func(*http.Request) {}) {
		t.Error("a browser here is not taken for one")
	}
	for what, edit := range map[string]func(*http.Request){
		"another machine": func(r *http.Request) { r.RemoteAddr = "192.0.2.1:4711" },
		"nginx":           func(r *http.Request) { r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/1.0", 1, 0 },
		"X-Forwarded-For": func(r *http.Request) { r.Header.Set("X-Forwarded-For", "127.0.0.1") },
		"Forwarded":       func(r *http.Request) { r.Header.Set("Forwarded", "for=127.0.0.1") },
	} {
		if request(edit) {
			t.Errorf("%s is taken for a browser here", what)
		}
	}
}
