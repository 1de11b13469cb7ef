package dashboard

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
)

// make makes a campaign of a document, as the API does.
func (w *world) make(document string, draft bool) campaign.Campaign {
	w.t.Helper()
	d, err := campaign.ParseDocument("", []byte(document))
	require.NoError(w.t, err)
	s, err := d.Settings()
	require.NoError(w.t, err)
	c, err := app.Campaigns{Store: w.db.DB}.Create(w.t.Context(), testkit.Actor, d.Name, s, draft)
	require.NoError(w.t, err)
	return c
}

const dental = "name: dental\nfrom: \"442079460000\"\nmessage:\n  say: Hello {{name}}.\npeople:\n  countries: GB\nwhen:\n  hours: 00:00-24:00\n"

// The snapshot was read before the campaign was made, and is still fresh.
func TestChangeOfACampaignJustMade(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user("olga", app.Operator)
	w.login("olga")
	w.get("/", 200, "Nobody is to be called")
	w.make(dental, false)
	w.post("/campaigns/1/pause", url.Values{"reason": {"lunch"}}, 200, "paused: lunch")
}

func TestEditOnThePage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.make(dental, false)
	_, err := w.db.AddContacts(t.Context(), c.ID, "file", campaign.RowBatch{Rows: testkit.ContactRows(0, 1)})
	require.NoError(t, err)
	w.user("olga", app.Operator)
	w.user("vic", app.Viewer)
	w.login("vic")
	if text := w.get("/campaigns/1", 200, "say: Hello {{name}}."); strings.Contains(text, "<textarea") {
		t.Error("a viewer is offered the form")
	}
	w.post("/campaigns/1/edit", url.Values{"version": {"1"}, "document": {dental}}, 403, "role")
	w.login("olga")
	w.get("/campaigns/1", 200, "<textarea", `name="version" value="1"`, "say: Hello {{name}}.")
	save := func(version, document string, want int, says ...string) string {
		t.Helper()
		return w.post("/campaigns/1/edit", url.Values{"version": {version}, "document": {strings.ReplaceAll(document, "\n", "\r\n")}}, want, says...)
	}
	save("1", dental, 200, "Nothing was to be changed")
	edited := strings.Replace(dental, "say: Hello {{name}}.", "say: |-\n    Dear {{name}},\n    hello.", 1)
	save("1", edited, 200, "Edited", `name="version" value="2"`, "Dear {{name}},\n    hello.")
	if got := testkit.Value[string](t, w.db, `SELECT settings #>> '{message,say}' FROM campaigns`); strings.Contains(got, "\r") || !strings.HasPrefix(got, "Dear {{name}},") {
		t.Errorf("it says %q", got)
	}
	if got := testkit.Value[string](t, w.db, `SELECT made_by FROM campaign_versions WHERE version = 2`); got != "olga" {
		t.Errorf("made by %q", got)
	}
	save("1", dental, 422, "somebody else edited it", "say: Hello {{name}}.", "details id=\"document\" open", `value="1"`)
	save("2", strings.Replace(dental, "dental", "other", 1), 422, "name cannot be changed", "name: other")
	save("2", dental+"colour: red\n", 422, "document:9:", "colour", "colour: red")
	save("2", dental+"  end: 2020-01-01T00:00:00Z\n", 422, "is past")
	save("2", strings.Replace(dental, "Hello", "</textarea><script>alert(1)</script>forbidden", 1), 422, "may not", "&lt;/textarea&gt;&lt;script&gt;")
	save("", dental, 422, "open the campaign&#39;s page again")
	if n := testkit.Value[int](t, w.db, `SELECT version FROM campaigns`); n != 2 {
		t.Errorf("version %d after what was refused", n)
	}
	w.post("/campaigns/9/edit", url.Values{"version": {"1"}, "document": {dental}}, 404)
	w.post("/campaigns/1/stop", url.Values{"people": {"1"}, "typed": {"1"}}, 200, "Stopped")
	if text := w.get("/campaigns/1", 200, "The campaign document"); strings.Contains(text, "<textarea") {
		t.Error("a stopped campaign is offered for an edit")
	}
	save("2", dental, 422, "it is stopped")
}

func checkMessage(_ campaign.Settings, m campaign.Rendered) error {
	if strings.Contains(m.Script.Say, "forbidden") {
		return errors.New("it says what it may not")
	}
	return nil
}

// Each status has its words and its buttons.
func TestStatusesOnThePages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.make(dental, true)
	later := strings.Replace(dental, "hours", "start: "+time.Now().Add(time.Hour).UTC().Format(time.RFC3339)+"\n  hours", 1)
	w.make(strings.Replace(later, "dental", "later", 1), false)
	w.get("/", 200, "Waiting: the next campaign has not begun", "draft", "scheduled")
	buttons := func(path string, has ...string) {
		t.Helper()
		text := w.get(path, 200, has...)
		for _, button := range []string{">Start</button>", ">Resume</button>", ">Pause</button>", ">Stop</button>", ">Save</button>"} {
			if wanted := strings.Contains(strings.Join(has, " "), button); wanted != strings.Contains(text, button) {
				t.Errorf("%s: %s: %t, want %t", path, button, !wanted, wanted)
			}
		}
	}
	buttons("/campaigns/1", "draft", "nobody is called before it is started", ">Start</button>", ">Stop</button>", ">Save</button>")
	buttons("/campaigns/2", "scheduled", "It begins at <time", ">Pause</button>", ">Stop</button>", ">Save</button>")
	w.post("/campaigns/1/resume", nil, 200, "Started: it calls from now on", "running")
	buttons("/campaigns/1", "running", "Nobody is left to call", ">Pause</button>", ">Stop</button>", ">Save</button>")
	w.post("/campaigns/1/pause", nil, 200, "No call begins before it is resumed")
	buttons("/campaigns/1", "paused", ">Resume</button>", ">Stop</button>", ">Save</button>")
	w.post("/campaigns/1/resume", nil, 200, "Resumed: it calls again")
	w.db.Exec(t, `UPDATE campaigns SET status = 'finished' WHERE id = 1`)
	buttons("/campaigns/1", "finished", "It runs again when people are added", ">Stop</button>", ">Save</button>")
	w.db.Exec(t, `UPDATE campaigns SET ends_at = now() WHERE id = 1`)
	w.get("/campaigns/1", 200, "it takes nobody any more")
	w.post("/campaigns/2/stop", url.Values{"people": {"0"}, "typed": {"0"}}, 200)
	buttons("/campaigns/2", "stopped", "It was stopped for good.")
	w.db.Exec(t, `INSERT INTO counter_deltas (campaign_id, subject, state, outcome, n) VALUES (2, 'attempts', 'accepted', '', 1)`)
	buttons("/campaigns/2", "stopping", "calls of it are still up")
}
