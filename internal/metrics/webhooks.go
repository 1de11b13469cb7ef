package metrics

import (
	"net/http"
	"path"
	"slices"
)

// webhookKinds are the last parts of the webhooks' paths.
var webhookKinds = []string{"event", "input", "answer"}

// Webhooks counts the requests to the webhooks by what they were answered.
func (m *Metrics) Webhooks(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		noted := &noting{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(noted, r)
		kind := path.Base(r.URL.Path)
		if !slices.Contains(webhookKinds, kind) {
			kind = "other"
		}
		m.webhooks.WithLabelValues(kind, taken(kind, noted.status)).Inc()
	})
}

// taken says what became of a request by the status that it was answered.
func taken(kind string, status int) string {
	switch {
	case status == http.StatusUnauthorized:
		return "unsigned"
	case status == http.StatusServiceUnavailable:
		return "put_off"
	case status >= 400:
		return "bad"
	case kind == "answer":
		return "served"
	}
	return "stored"
}

// noting notes the status.
type noting struct {
	http.ResponseWriter
	status int
}

func (n *noting) WriteHeader(status int) {
	n.status = status
	n.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController find the writer.
func (n *noting) Unwrap() http.ResponseWriter { return n.ResponseWriter }
