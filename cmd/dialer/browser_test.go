package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
	"dialer/internal/testkit/testkey"

	"github.com/chromedp/chromedp"
)

// screenshots writes the pictures of the docs anew: go test ./cmd/dialer -run Browser -screenshots ../../docs/images
var screenshots = flag.String("screenshots", "", "a folder for pictures of the pages")

// browser is a Chromium that a person might use.
type browser struct {
	t   *testing.T
	ctx context.Context
	at  string // where the pages are
}

// newBrowser starts one. Without a Chromium the test fails: scripts/browser installs it.
func newBrowser(t *testing.T, at string) *browser {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Fatal("there is no Chromium: scripts/browser installs it")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox)
	allocated, end := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(end)
	ctx, closeBrowser := chromedp.NewContext(allocated)
	t.Cleanup(closeBrowser)
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate("about:blank"))) // it starts with this context, and lives as long
	b := &browser{t, ctx, at}
	b.size(1280, 900)
	return b
}

// do runs actions that must end soon.
func (b *browser) do(what string, actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.t.Fatalf("%s: %v\n%s", what, err, b.text())
	}
}

func (b *browser) size(width, height int64) {
	b.t.Helper()
	b.do("size", chromedp.EmulateViewport(width, height))
}

func (b *browser) open(path string) {
	b.t.Helper()
	b.do("open "+path, chromedp.Navigate(b.at+path), chromedp.WaitVisible(chromedp.CSS("h1")))
}

// text is what stands on the page, and its title.
func (b *browser) text() string {
	ctx, cancel := context.WithTimeout(b.ctx, 10*time.Second)
	defer cancel()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`document.title + "\n" + document.body.innerText`))
	if err != nil {
		return err.Error()
	}
	return text
}

func (b *browser) await(says string) {
	b.t.Helper()
	last := ""
	defer func() {
		if b.t.Failed() {
			b.t.Logf("the page says: %s", last)
		}
	}()
	require.Eventually(b.t, "the page says "+says, func() bool {
		last = b.text()
		return strings.Contains(last, says)
	})
}

// fill writes into the fields of a form.
func (b *browser) fill(form string, values map[string]string) {
	b.t.Helper()
	for name, value := range values {
		b.do("fill "+name, chromedp.SetValue(chromedp.CSS(form+" [name="+name+"]"), value))
	}
}

func (b *browser) click(selector string) {
	b.t.Helper()
	b.do("click "+selector, chromedp.Click(chromedp.CSS(selector)))
}

// picture is kept for the docs, if they are asked for; the page must fit its width.
func (b *browser) picture(name string) {
	b.t.Helper()
	wide, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](`document.documentElement.scrollWidth > innerWidth`))
	if err != nil || wide {
		b.t.Errorf("%s: the page is wider than its window (%v)", name, err)
	}
	if *screenshots == "" {
		return
	}
	shot, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	require.NoError(b.t, err)
	require.NoError(b.t, os.MkdirAll(*screenshots, 0o755))
	require.NoError(b.t, os.WriteFile(filepath.Join(*screenshots, name+".png"), shot, 0o644))
}

// complaints are what the browser says of the page, such as what its policy refused.
func (b *browser) complaints() (stop func() []string) {
	ctx, cancel := context.WithCancel(b.ctx)
	console := chromedp.Console(ctx)
	ended := make(chan []string, 1)
	go func() {
		var list []string
		for message, err := range console {
			if err != nil {
				break
			}
			if message.Type == chromedp.ConsoleError || message.Type == chromedp.ConsoleException {
				list = append(list, message.Text)
			}
		}
		ended <- list
	}()
	return func() []string { cancel(); return <-ended }
}

// TestBrowser does with a real browser what an operator does, on the real program.
func TestBrowser(t *testing.T) {
	t.Parallel()
	dir, err := build()
	require.NoError(t, err)
	provider, admin := freeAddress(t), freeAddress(t)
	key := testkey.File(t)
	p := programs{dir: dir, env: []string{
		"DATABASE_URL=" + testkit.New(t).URL, "REDIS_URL=" + testkit.Redis(t), "VONAGE_API_URL=http://" + provider + "/v1", "VONAGE_APPLICATION_ID=app",
		"VONAGE_PRIVATE_KEY=" + key, "VONAGE_SIGNATURE_SECRET=a-secret-of-the-account", "DIALER_PUBLIC_URL=", "DIALER_CALLS_PER_SECOND=10",
		"DIALER_SETTLE_AFTER=2s", "DIALER_RECONCILE_EVERY=1s",
	}}
	p.start(t, "http://"+provider+"/ledger/summary", "dialer", "simulate", "--listen", provider, "--public-key", key, "--speed", "10", "--calls-per-second", "10")
	p.start(t, "http://"+admin+"/readyz", "dialer", "run", "--listen", "127.0.0.1:0", "--admin-listen", admin)
	b := newBrowser(t, "http://"+admin)
	stop := b.complaints()

	b.open("/")
	b.await("Nobody is to be called")
	b.newCampaign()
	b.controls()
	b.person()
	b.open("/")
	b.await("reminders")
	b.picture("campaigns")
	b.open("/calls?all=1")
	b.await("All calls")
	for _, path := range []string{"/alarms", "/suppressions", "/audit", "/health"} {
		b.open(path)
		b.picture(strings.TrimPrefix(path, "/"))
	}
	for _, complaint := range stop() {
		if !strings.Contains(complaint, "422") { // what was refused on purpose
			t.Errorf("the browser complains: %s", complaint)
		}
	}
	b.phone()
	password := p.run(t, "dialer", "user", "add", "--name", "vic", "--role", "viewer")
	lines := strings.Split(strings.TrimSpace(password), "\n")
	b.login("vic", lines[len(lines)-1])
}

const browserDocument = `name: reminders
from: ["442079460000"]
people: {country: GB, key: patient}
message: {language: en-GB, say: "Hello {{name}}, your appointment is {{appointment|date}}. Press 1 to confirm.", keys: {"1": confirmed}}
again: {attempts: 1}
when: {hours: "00:00-24:00"}
`

// newCampaign uploads a file with a bad cell, mends it, and starts.
func (b *browser) newCampaign() {
	b.t.Helper()
	file := func(name, bad string) string {
		text := "patient,to,name,appointment\n"
		for i := range 40 {
			text += fmt.Sprintf("p%02d,+4477009001%02d,%s,2036-12-%02d\n", i, i, []string{"Ann", "Bob", "<b>Eve</b>", "=1+1"}[i%4], 1+i%28)
		}
		path := filepath.Join(b.t.TempDir(), name)
		require.NoError(b.t, os.WriteFile(path, []byte(text+"p99,"+bad+",Zoë,2036-12-03\n"), 0o600))
		return path
	}
	b.open("/new")
	b.click("details summary")
	b.fill("#new", map[string]string{"document": browserDocument})
	b.do("choose a file", chromedp.SetUploadFiles(chromedp.CSS("#new [name=file]"), []string{file("people.csv", "0770")}))
	b.click("#new [value=check]")
	b.await("40 of 41 rows can be called")
	b.await("Cells to mend")
	b.await("Hello Ann, your appointment is")
	b.picture("new")
	b.do("choose the mended file", chromedp.SetUploadFiles(chromedp.CSS("#new [name=file]"), []string{file("mended.csv", "+447700900199")}))
	b.click("#new [value=start]")
	b.await("reminders: ")
	b.await("41 rows =")
}

// controls pause the campaign, resume it, and see it end.
func (b *browser) controls() {
	b.t.Helper()
	b.fill(".controls", map[string]string{"reason": "lunch"})
	b.click(".controls form[action$=pause] button")
	b.await("paused: lunch")
	b.click(".controls form[action$=resume] button")
	b.await("Resumed")
	b.await("0 not called yet + 0 being called + 0 to be called again + 41 ended") // by itself: nobody loads the page again
	b.await("<b>Eve</b>")
	b.open("/campaigns/1")
	b.picture("campaign")
	b.fill(".filter", map[string]string{"q": "p99"})
	b.click(".filter button")
	b.await("Zoë")
}

// person opens one person's page, and suppresses the number.
func (b *browser) person() {
	b.t.Helper()
	b.click("tbody a[href*=contacts]")
	b.await("What happened")
	b.await("asked of Vonage")
	b.picture("person")
	b.click("form[action$=suppress] button")
	b.await("Suppressed: nobody calls this number")
	b.fill(".find", map[string]string{"number": "+447700900199"})
	b.click(".find button")
	b.await("Suppressed since")
}

// phone looks at the pages at a phone's width.
func (b *browser) phone() {
	b.t.Helper()
	b.size(390, 844)
	for _, path := range []string{"/", "/campaigns/1", "/campaigns/1/contacts/1", "/calls?all=1", "/alarms", "/suppressions", "/audit", "/health", "/new"} {
		b.open(path)
		b.picture("phone-" + strings.Trim(strings.NewReplacer("/", "-", "?all=1", "").Replace(path), "-"))
	}
	b.size(1280, 900)
}

// login is needed once there is a user.
func (b *browser) login(name, password string) {
	b.t.Helper()
	b.open("/")
	b.await("Log in")
	b.fill(".login", map[string]string{"name": name, "password": password})
	b.click(".login button")
	b.await("vic (viewer)")
	b.open("/campaigns/1")
	b.await("44*******")
	if text := b.text(); strings.Contains(text, "44770090") || strings.Contains(text, "Stop for good") {
		b.t.Errorf("a viewer sees numbers, or buttons: %s", text)
	}
}
