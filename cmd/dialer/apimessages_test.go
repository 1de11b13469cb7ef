package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"dialer/internal/app"
	"dialer/internal/auth"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
)

// A message that Vonage would refuse is refused before a row is stored, whether rows
// come to the API in one request or one person at a time.
func TestAPIRefusesMessages(t *testing.T) {
	t.Parallel()
	l := newLine(t)
	address := l.dials(t)
	awaitHTTP(t, "http://"+address+"/readyz")
	token, hash := auth.NewSecret()
	require.NoError(t, app.Access{Store: l.db.DB}.AddToken(t.Context(), testkit.Actor, "crm", app.Operator, hash))
	ask := func(method, path, body string, status int, says string) {
		t.Helper()
		got, answer := askAPI(t, address, token, method, path, body)
		if got != status || !strings.Contains(string(answer), says) {
			t.Errorf("%s %s %s: status %d, %s; want %d and %q", method, path, body, got, answer, status, says)
		}
	}
	stored := func(want ...string) {
		t.Helper()
		got := testkit.Rows[string](t, l.db, `SELECT c.name || ' ' || k.to_number FROM contacts k JOIN campaigns c ON c.id = k.campaign_id ORDER BY k.id`)
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("contacts %q, want %q", got, want)
		}
	}
	campaign := func(name, message string) {
		t.Helper()
		ask(http.MethodPost, "campaigns?draft=true", `{"name":"`+name+`","from":["442079460000"],"message":`+message+`}`, http.StatusCreated, name)
	}

	// Of everybody.
	const refused = "Vonage would refuse the message"
	campaign("all", `{"say":"<speak>Hello {{name}} & co</speak>"}`)
	ask(http.MethodPost, "campaigns/all/contacts", `[{"to":"+447700900101","name":"Ann"}]`, http.StatusUnprocessableEntity, refused)
	ask(http.MethodPut, "campaigns/all/contacts/447700900101", `{"to":"+447700900101","name":"Ann"}`, http.StatusUnprocessableEntity, refused)
	stored()

	// Of those whose values do not fit.
	campaign("some", `{"ncco":[{"action":"talk","text":"Hello.","voiceName":"{{voice}}"}]}`)
	ask(http.MethodPost, "campaigns/some/contacts", `[{"to":"+447700900101","voice":"Amy"},{"to":"+447700900102","voice":"nobody"}]`, http.StatusAccepted, refused)
	stored("some 447700900101")
	for _, number := range []string{"447700900101", "447700900103"} { // one who is there, and one who is new
		ask(http.MethodPut, "campaigns/some/contacts/"+number, `{"to":"+`+number+`","voice":"nobody"}`, http.StatusUnprocessableEntity, refused)
	}
	stored("some 447700900101")
	if got := testkit.Value[string](t, l.db, `SELECT vars->>'voice' FROM contacts`); got != "Amy" {
		t.Errorf("the person's row has the voice %q, which was refused", got)
	}

	// Of which nothing can be said.
	campaign("dates", `{"say":"We come on {{when|date}}."}`)
	ask(http.MethodPost, "campaigns/dates/contacts", `[{"to":"+447700900104","when":"soon"}]`, http.StatusAccepted, `"refused":1`)
	ask(http.MethodPut, "campaigns/dates/contacts/447700900104", `{"to":"+447700900104","when":"soon"}`, http.StatusUnprocessableEntity, "when")
	stored("some 447700900101")
}
