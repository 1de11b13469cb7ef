package httpapi_test

import (
	"testing"
	"time"

	"dialer/internal/app"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
)

func TestErase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.db.StartCampaign(t, "outage", 2)
	path := "numbers/" + testkit.Number(0)
	w.want(w.do(app.Admin, "DELETE", path+"?try=true", ""), 200, `"contacts":1`)
	w.want(w.do(app.Admin, "DELETE", path+"?try=perhaps", ""), 422, "want true or false")
	w.want(w.do(app.Admin, "DELETE", path, ""), 200, `"contacts":1`, `"suppressed":1`)
	w.want(w.do(app.Admin, "DELETE", path, ""), 404)
	w.want(w.do(app.Admin, "DELETE", "numbers/07", ""), 422)
	w.want(w.do(app.Operator, "GET", path+"/why", ""), 200, `"contacts":[]`, `"source":"erasure"`)
	queued, err := w.db.Claim(t.Context(), 1)
	require.NoError(t, err)
	_, err = w.db.Gate(t.Context(), queued[0].AttemptID, 30*time.Second)
	require.NoError(t, err)
	w.want(w.do(app.Admin, "DELETE", "numbers/"+testkit.Number(1), ""), 409, "a call to this person")
}
