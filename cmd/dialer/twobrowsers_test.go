package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
	"dialer/internal/testkit/testkey"

	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"
)

// Two browsers that were opened before the calls began, and that got all changes since,
// show the figures of the API. The calls are paused for each comparison, and calls under
// way then end. At a million people: go test ./cmd/dialer -run TwoBrowsers -v -timeout
// 60m -people 1000000
func TestTwoBrowsersAndTheAPIAgree(t *testing.T) {
	t.Parallel()
	dir, err := build()
	require.NoError(t, err)
	provider, admin, key := freeAddress(t), freeAddress(t), testkey.File(t)
	rate := fmt.Sprint(min(4+*howMany/1000, 100)) // some are left at the last pause, on a slow machine too
	p := programs{dir: dir, env: []string{
		"DATABASE_URL=" + testkit.New(t).URL, "REDIS_URL=" + testkit.Redis(t), "VONAGE_API_URL=http://" + provider + "/v1", "VONAGE_APPLICATION_ID=app",
		"VONAGE_PRIVATE_KEY=" + key, "VONAGE_SIGNATURE_SECRET=a-secret-of-the-account", "DIALER_PUBLIC_URL=", "DIALER_CALLS_PER_SECOND=" + rate,
		"DIALER_REQUESTS_PER_SECOND=100", "DIALER_SETTLE_AFTER=2s", "DIALER_RECONCILE_EVERY=1s",
	}}
	p.start(t, "http://"+provider+"/ledger/summary", "dialer", "simulate", "--listen", provider, "--public-key", key, "--speed", "50", "--calls-per-second", rate)
	p.start(t, "http://"+admin+"/readyz", "dialer", "run", "--listen", "127.0.0.1:0", "--admin-listen", admin)
	file := manyPeople(t, *howMany)
	enqueue := p.command(t.Context(), "enqueue", "--name", "many", "--from", "442079460000", "--default-country", "GB", "--hours", "00:00-24:00",
		"--start", time.Now().Add(24*time.Hour).Format(time.RFC3339), "--attempts", "1", "--say", "Hello {{name}}.", file)
	if out, err := enqueue.CombinedOutput(); err != nil {
		t.Fatalf("enqueue: %v\n%s", err, out)
	}
	browsers := []*browser{newBrowser(t, "http://"+admin), newBrowser(t, "http://"+admin)}
	for _, b := range browsers {
		b.open("/campaigns/1")
	}
	token := strings.Fields(p.run(t, "dialer", "token", "add", "--name", "figures", "--role", "viewer"))
	environment := []string{"TOKEN=" + token[len(token)-1], "API=http://" + admin + "/api/v1"}
	api := func() map[string]string {
		return figuresOfAPI(t, p.shell(t, `curl -sS --fail-with-body -H "Authorization: Bearer $TOKEN" "$API/campaigns/many"`, environment...))
	}
	p.run(t, "dialer", "campaign", "edit", "many", "--start", time.Now().Add(-time.Minute).Format(time.RFC3339))
	called := "0"
	for range 3 {
		before := called
		require.Eventually(t, "more people are called", func() bool { called = api()["people_called"]; return called != before })
		p.run(t, "dialer", "campaign", "pause", "many")
		called = agree(t, browsers, api)
		t.Logf("%s of %d people called", called, *howMany)
		p.run(t, "dialer", "campaign", "resume", "many")
	}
}

// agree waits until calls under way have ended and all browsers have the API's figures,
// and returns how many people are called.
func agree(t *testing.T, browsers []*browser, api func() map[string]string) (called string) {
	t.Helper()
	diff := ""
	defer func() {
		if t.Failed() {
			t.Log(diff)
		}
	}()
	require.Eventually(t, "the pages say what the API says", func() bool {
		want := api()
		for i, b := range browsers {
			if diff = cmp.Diff(want, figuresOfPage(t, b.html())); diff != "" {
				diff = fmt.Sprintf("browser %d (-API +page)\n%s", i, diff)
				return false
			}
		}
		called = want["people_called"]
		return cmp.Equal(want, api())
	})
	return called
}

// html is the present content of the page.
func (b *browser) html() string {
	b.t.Helper()
	text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.documentElement.outerHTML`))
	require.NoError(b.t, err)
	return text
}

// manyPeople is a file of n people.
func manyPeople(t *testing.T, n int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "many.csv")
	f, err := os.Create(path)
	require.NoError(t, err)
	out := bufio.NewWriter(f)
	fmt.Fprintln(out, "to,name")
	for i := range n {
		fmt.Fprintf(out, "+%d,Person %d\n", 447400000000+i, i)
	}
	require.NoError(t, out.Flush())
	require.NoError(t, f.Close())
	return path
}
