package metrics

import (
	"net/http"
	"path"
	"slices"
)

// webhookKinds are the last parts of the webhooks' paths.
var webhookKinds = []string{"event", "input", "answer"}

// Webhooks counts the requests to the webhooks by their answers.
func (m *Metrics) Webhooks(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recorder := &statusRecorder{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(recorder, r)
		kind := path.Base(r.URL.Path)
		if !slices.Contains(webhookKinds, kind) {
			kind = "other"
		}
		m.webhooks.WithLabelValues(kind, webhookResult(kind, recorder.status)).Inc()
	})
}

func webhookResult(kind string, status int) string {
	switch {
	case status == http.StatusUnauthorized:
		return "unsigned"
	case status == http.StatusServiceUnavailable:
		return "delayed"
	case status >= 400:
		return "bad"
	case kind == "answer":
		return "served"
	}
	return "stored"
}

// statusRecorder remembers the status.
type statusRecorder struct {
	http.ResponseWriter
	status int
}

func (r *statusRecorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController find the writer.
func (r *statusRecorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
