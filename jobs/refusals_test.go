package jobs

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"dialer/campaign"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
	"dialer/voice/voicesim"
)

// before starts a server in front of Vonage that answers all POSTs itself while status is
// not 0.
func (w *world) before(t *testing.T, status *atomic.Int64, body string) {
	t.Helper()
	u, err := url.Parse(w.url)
	require.NoError(t, err)
	u.Path = ""
	pass := httputil.NewSingleHostReverseProxy(u)
	front := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if code := int(status.Load()); code != 0 && r.Method == http.MethodPost {
			_, _ = io.Copy(io.Discard, r.Body) // like a server that reads the body first
			rw.Header().Set("Location", "/elsewhere")
			rw.WriteHeader(code)
			_, _ = io.WriteString(rw, body)
			return
		}
		pass.ServeHTTP(rw, r)
	}))
	t.Cleanup(front.Close)
	w.url = front.URL + "/v1"
}

// If Vonage refuses all calls, for any reason, the campaign is paused with Vonage's
// words, and no contact loses an attempt.
func TestRefusalOfEveryCallPausesTheCampaign(t *testing.T) {
	t.Parallel()
	for _, code := range []int{400, 402, 405, 413, 422} {
		t.Run(http.StatusText(code), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 100, voicesim.Config{Outcomes: allAnswered})
			var status atomic.Int64
			status.Store(int64(code))
			w.before(t, &status, `{"title":"Not today","detail":"Ask +44 7700 900999"}`)
			w.campaign(t, 60)
			w.dial(t, w.db, w.redis)
			require.Eventually(t, "the campaign is paused", func() bool { return w.count(t, `SELECT count(*) FROM campaigns WHERE status = 'paused'`) == 1 })
			detail := testkit.Value[string](t, w.db, `SELECT detail FROM alarms WHERE kind = 'campaign_paused'`)
			if !strings.HasSuffix(detail, ": Not today: Ask [number]") {
				t.Errorf("the alarm says %q", detail)
			}
			status.Store(0)
			// An outcome that comes after the token expired finds its attempt unknown,
			// and pauses the campaign too.
			require.Eventually(t, "every outcome is recorded", func() bool {
				return w.count(t, `SELECT count(*) FROM attempts WHERE state IN ('dialing', 'unknown')`) == 0
			})
			if n := w.count(t, `SELECT count(*) FROM contacts WHERE reason = 'refused'`); n != 0 {
				t.Errorf("%d contacts were used up", n)
			}
			require.NoError(t, w.db.Resume(t.Context(), 1))
			w.db.Exec(t, `UPDATE contacts SET due_at = now() WHERE state = 'pending'`)
			w.awaitEnd(t)
			w.wantBalance(t, 60)
		})
	}
}

// Nobody follows a redirect, and it proves nothing: its call is settled from Vonage's
// list, and made once.
func TestRedirectIsNoRefusal(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 100, voicesim.Config{Outcomes: allAnswered})
	var status atomic.Int64
	status.Store(http.StatusTemporaryRedirect)
	w.before(t, &status, "")
	w.campaign(t, 1)
	w.dial(t, w.db, w.redis)
	require.Eventually(t, "its outcome is unknown", func() bool { return w.count(t, `SELECT count(*) FROM attempts WHERE state = 'unknown'`) == 1 })
	if said := testkit.Value[string](t, w.db, `SELECT post_error FROM attempts`); said != "307 Temporary Redirect" {
		t.Errorf("the attempt says %q", said)
	}
	if n := w.count(t, `SELECT count(*) FROM alarms WHERE kind = '`+campaign.AlarmPaused+`'`); n != 0 {
		t.Error("the campaign was paused")
	}
	status.Store(0)
}
