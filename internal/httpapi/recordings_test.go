package httpapi_test

import (
	"strings"
	"testing"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"

	"github.com/google/uuid"
)

// A call's answer has its recordings. A viewer sees that there is a recording, but not
// where to fetch it.
func TestRecordings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	call := campaign.Attempt{
		ID: uuid.Must(uuid.NewV7()), Kind: campaign.ManualCall, To: "447700900101", From: "442079460000",
		Manual: campaign.Manual{RequestedBy: "ann", ToKind: campaign.KindPhone, Detail: "says Hello"},
	}
	require.NoError(t, w.db.ReserveManual(t.Context(), testkit.Actor, call))
	path := "calls/" + call.ID.String()
	w.want(w.do(app.Operator, "GET", path, ""), 200, `"recordings":[]`)
	w.db.Exec(t, `INSERT INTO recordings (url, recording_id, attempt_id, duration_s) VALUES ('https://api.test/files/1', 'R1', $1, 12)`, call.ID)
	w.want(w.do(app.Operator, "GET", path, ""), 200, `"recording_url":"https://api.test/files/1"`, `"duration_s":12`)
	seen := w.want(w.do(app.Viewer, "GET", path, ""), 200, `"recording_url":null`, `"duration_s":12`)
	if strings.Contains(seen.body, "files/1") {
		t.Errorf("a viewer sees %s", seen.body)
	}
}
