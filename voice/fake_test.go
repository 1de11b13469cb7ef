package voice

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// inProcess serves requests without a socket, as a synctest bubble needs it.
type inProcess struct{ http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if r.Body == nil {
		r = r.Clone(r.Context())
		r.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w.Result(), nil
}

// newFakeClient is a client of the handler.
func newFakeClient(t testing.TB, h http.HandlerFunc, edit ...func(*Config)) *Client {
	t.Helper()
	edit = append([]func(*Config){func(cfg *Config) { cfg.Transport = inProcess{h} }}, edit...)
	return newTestClient(t, "http://provider.example", edit...)
}

// logged is a value as slog's two handlers write it.
func logged(t *testing.T, value any) string {
	t.Helper()
	var b strings.Builder
	slog.New(slog.NewTextHandler(&b, nil)).Info("m", "v", value)
	slog.New(slog.NewJSONHandler(&b, nil)).Info("m", "v", value)
	return b.String()
}
