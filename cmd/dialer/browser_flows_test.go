package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
	"dialer/internal/testkit/testkey"

	"github.com/chromedp/chromedp"
)

// TestBrowser does an operator's work with a real browser and the real program:
// everything at a desktop's width and again at a phone's.
func TestBrowser(t *testing.T) {
	t.Parallel()
	dir, err := build()
	require.NoError(t, err)
	provider, admin := freeAddress(t), freeAddress(t)
	key := testkey.File(t)
	telephones := filepath.Join(t.TempDir(), "telephones.csv")
	require.NoError(t, os.WriteFile(telephones, []byte("number,outcome,keys\n447700900100,human,1\n447700900101,human,9\n447700900102,busy,\n447700900200,human,1\n447700900201,human,9\n447700900202,busy,\n"+
		"447700900180,human,\n447700900280,human,\n"), 0o600))
	p := programs{dir: dir, env: []string{
		"DATABASE_URL=" + testkit.New(t).URL, "REDIS_URL=" + testkit.Redis(t), "VONAGE_API_URL=http://" + provider + "/v1", "VONAGE_APPLICATION_ID=app",
		"VONAGE_PRIVATE_KEY=" + key, "VONAGE_SIGNATURE_SECRET=a-secret-of-the-account", "DIALER_PUBLIC_URL=", "DIALER_CALLS_PER_SECOND=10",
		"DIALER_SETTLE_AFTER=2s", "DIALER_RECONCILE_EVERY=1s",
	}}
	p.start(t, "http://"+provider+"/ledger/summary", "dialer", "simulate", "--listen", provider, "--public-key", key, "--speed", "10", "--calls-per-second", "10", "--people", telephones)
	p.start(t, "http://"+admin+"/readyz", "dialer", "run", "--listen", "127.0.0.1:0", "--admin-listen", admin)
	b := newBrowser(t, "http://"+admin)
	stop := b.complaints()

	b.open("/")
	b.await("Nobody is to be called")
	for _, w := range []struct {
		name, begin   string
		width, height int64
		long          int // the id of the campaign with a long call
	}{{"desk", "4477009001", 1280, 900, 2}, {"phone", "4477009002", 390, 844, 6}} {
		b.size(w.width, w.height)
		b.newCampaign(w.name, w.begin)
		if w.name == "phone" && *screenshots == "" {
			b.everyPage(w.name) // the other flows take another half a minute there
			break
		}
		b.liveCall(w.name, w.begin, w.long)
		b.appointment(w.name, w.begin)
		b.ended(w.name, w.begin)
		b.everyPage(w.name)
	}
	for _, complaint := range stop() {
		if !strings.Contains(complaint, "422") { // refused on purpose
			t.Errorf("the browser complains: %s", complaint)
		}
	}
	b.size(1280, 900)
	b.printed("/campaigns/1/by-hand")
	b.printed("/campaigns/3")
	password := p.run(t, "dialer", "user", "add", "--name", "vic", "--role", "viewer")
	lines := strings.Split(strings.TrimSpace(password), "\n")
	b.login("vic", lines[len(lines)-1])
}

const browserDocument = `name: reminders-%s
from: ["442079460000"]
people: {country: GB, key: patient}
message: {language: en-GB, say: "Hello {{name}}, your appointment is {{appointment|date}}. Press 1 to confirm, or 9 and nobody calls you again.", keys: {"1": "confirmed:Thank you.", "9": opt_out}}
again: {attempts: 1}
when: {hours: "00:00-24:00"}
`

// file is a file of people for the browser to upload.
func (b *browser) file(text string) []string {
	b.t.Helper()
	path := filepath.Join(b.t.TempDir(), "people.csv")
	require.NoError(b.t, os.WriteFile(path, []byte(text), 0o600))
	return []string{path}
}

// choose opens the page of a new campaign, and fills it with a document and a file.
func (b *browser) choose(document, file string) {
	b.t.Helper()
	b.open("/new")
	b.click("#new details summary")
	b.fill("#new", map[string]string{"document": document})
	b.do("choose a file", chromedp.SetUploadFiles(chromedp.CSS("#new [name=file]"), b.file(file)))
}

// newCampaign uploads a file with a bad cell, corrects it on the page or in the file, and
// starts.
func (b *browser) newCampaign(name, begin string) {
	b.t.Helper()
	text := func(bad string) string {
		text := "patient,to,name,appointment\n"
		for i := range 40 {
			text += fmt.Sprintf("p%02d,+%s%02d,%s,2036-12-%02d\n", i, begin, i, []string{"Ann", "Bob", "<b>Eve</b>", "=1+1"}[i%4], 1+i%28)
		}
		return text + "p99," + bad + ",Zoë,2036-12-03\n"
	}
	b.choose(fmt.Sprintf(browserDocument, name), text("0770"))
	b.await("40 of 41 rows can be called") // the file is checked as soon as it is chosen
	b.await("Cells to mend")
	b.await("Hello Ann, your appointment is")
	b.await("costs") // or that it is not known what a minute costs
	b.await("Nothing on record holds a number of these now")
	b.fill("#new", map[string]string{"row": "2"})
	b.do("another row", chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Run(ctx, chromedp.Evaluate[int](`document.querySelector("#new [name=row]").dispatchEvent(new Event("change", {bubbles: true})); 1`))
		return err
	}))
	b.await("Hello Bob, your appointment is")
	b.accessible(name + "-new")
	mended := "+" + begin + "99"
	if name == "desk" {
		b.do("mend the cell", chromedp.SetValue(chromedp.CSS(`[name="mend:42:to"]`), mended))
		b.click("#result button[value=check]")
		b.await("1 cell is mended here")
	} else {
		b.do("choose the mended file", chromedp.SetUploadFiles(chromedp.CSS("#new [name=file]"), b.file(text(mended))))
	}
	b.await("41 of 41 rows can be called")
	b.follow("#new [value=start]")
	b.await("reminders-" + name)
	b.await("41 rows =")
}

const longDocument = `name: long-%s
from: ["442079460000"]
message:
  ncco: [%s]
call: {length_timer: 7200}
again: {attempts: 1}
when: {hours: "00:00-24:00"}
`

// liveCall hangs up a call in progress.
func (b *browser) liveCall(name, begin string, id int) {
	b.t.Helper()
	b.choose(fmt.Sprintf(longDocument, name, strings.Repeat(`{action: talk, text: "`+strings.Repeat("This takes a while to say. ", 50)+`"}, `, 20)), "to\n+"+begin+"80\n")
	b.await("1 of 1 rows can be called")
	b.follow("#new [value=start]")
	b.open("/calls")
	row := fmt.Sprintf(`tr:has(a[href^="/campaigns/%d/"]) `, id)
	hangUp := row + "form[action$=hangup] button"
	// The page updates itself. It may show the call before the call is up.
	require.Eventually(b.t, "a call is up", func() bool {
		up, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool]("!!document.querySelector(`"+hangUp+"`)"))
		return up && err == nil
	})
	b.accessible(name + "-calls-now")
	b.click(row + ".menu summary")
	b.picture(name + "-call-menu")
	b.do("close the menu", chromedp.KeyEvent("\x1b"))
	b.follow(hangUp)
	b.await("Hung up.")
}

const laterDocument = `name: later-%s
from: ["442079460000"]
people: {key: patient}
remind: {column: appointment, before: [24h]}
message: {language: en-GB, say: "Hello {{name}}, your appointment is {{appointment|date}}."}
when: {hours: "00:00-24:00", zone: Europe/London}
`

// appointment moves an appointment, cancels a person and undoes that, pauses the campaign
// and undoes that, and calls an own telephone with the message.
func (b *browser) appointment(name, begin string) {
	b.t.Helper()
	day := time.Now().AddDate(0, 2, 0)
	on := func(days int, layout string) string { return day.AddDate(0, 0, days).Format(layout) }
	b.choose(fmt.Sprintf(laterDocument, name), fmt.Sprintf("patient,to,name,appointment\nann,+%s90,Ann,%s 10:00\nbob,+%s91,Bob,%s 11:00\n",
		begin, on(0, time.DateOnly), begin, on(1, time.DateOnly)))
	b.await("2 of 2 rows can be called")
	b.follow("#new [value=start]")
	b.fill(".controls", map[string]string{"reason": "lunch"})
	b.follow(".controls form[action$=pause] button")
	b.await("paused: lunch")
	b.follow(".said button")
	b.await("Resumed")
	b.click(".controls details:has([action$=test]) summary")
	b.fill("form[action$=test]", map[string]string{"number": "+" + begin + "70"})
	b.picture(name + "-menu")
	b.follow("form[action$=test] button")
	b.await("The test call begins")
	b.fill(".filter", map[string]string{"q": "an"}) // the beginning of a key
	b.follow(".filter button")
	b.follow("tbody a[href*=contacts]")
	b.await(on(-1, "02/01/2006")) // a day before, on the reader's clock and as they write dates
	b.do("move", chromedp.SetValue(chromedp.CSS(`[name="column:appointment"]`), on(7, time.DateOnly)+" 10:00"))
	b.follow("form[action$=update] button")
	b.await(on(6, "02/01/2006"))
	b.follow("form[action$=cancel] button")
	b.await("Cancelled: nobody calls this person")
	b.follow(".said button")
	b.await("Restored")
	b.await("pending")
	b.follow("form[action$='/call'] button") // now, and not in two months
	b.await("Due now")
	require.Eventually(b.t, "the person is called", func() bool {
		b.do("read the page again", chromedp.Reload(), chromedp.WaitVisible(chromedp.CSS("h1")))
		return strings.Contains(b.text(), "asked of Vonage")
	})
}

// ended sees the first campaign end, finds a person and the reason, and the people who
// opted out.
func (b *browser) ended(name, begin string) {
	b.t.Helper()
	b.open("/")
	b.follow("text=reminders-" + name)
	b.await("0 not called yet + 0 being called + 0 to be called again + 41 ended") // the page updates itself
	b.picture(name + "-campaign-top")
	b.await("<b>Eve</b>")
	b.follow("nav[aria-label=Filters] a.reason[href*=busy]")
	b.await("p02")
	if name == "desk" { // a list of cards has no heads
		b.follow("thead th a")
	}
	b.accessible(name + "-campaign")
	b.follow(".filter a")
	b.fill(".filter", map[string]string{"q": "+" + begin + "99"})
	b.follow(".filter button") // no number is in an address
	b.await("Zoë")
	if text := b.text(); strings.Contains(text, "<b>Eve</b>") {
		b.t.Errorf("a search for a number finds others: %s", text)
	}
	b.follow("tbody a[href*=contacts]")
	b.await("What happened")
	b.await("asked of Vonage")
	b.accessible(name + "-person")
	b.follow("form[action$=suppress] button")
	b.await("Suppressed: nobody calls this number")
	b.follow(".said button")
	b.await("Undone: the number may be called again")
	if name == "desk" {
		b.fill(".find", map[string]string{"number": "+" + begin + "01"})
		b.follow(".find button")
		b.await("Suppressed since")
		b.accessible("desk-why")
		b.open("/")
		b.follow("text=reminders-desk")
		b.click(".controls details:has([action$=again]) summary")
		b.follow("form[action$=again] button")
		b.await("This is the draft of those who were not reached")
		b.await("reminders-desk-again")
	}
	b.open("/suppressions")
	b.await(begin + "01")
}

// everyPage looks at all pages, in the light and in the dark.
func (b *browser) everyPage(name string) {
	b.t.Helper()
	for _, path := range []string{"/", "/campaigns/1/by-hand", "/campaigns/3", "/calls?all=1", "/alarms?all=1", "/suppressions", "/audit", "/health"} {
		b.open(path)
		b.accessible(name + "-" + strings.Trim(strings.NewReplacer("/", "-", "?all=1", "").Replace(path), "-"))
	}
	// j and k go from row to row, and the slash to the search.
	b.open("/campaigns/1")
	focused := func() string {
		text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.activeElement.textContent || document.activeElement.id`))
		require.NoError(b.t, err)
		return strings.TrimSpace(text)
	}
	var seen []string
	for _, key := range []string{"j", "j", "k"} {
		b.do(key, chromedp.KeyEvent(key))
		seen = append(seen, focused())
	}
	b.do("/", chromedp.KeyEvent("/"))
	if seen = append(seen, focused()); !slices.Equal(seen, []string{"p00", "p01", "p00", "search"}) {
		b.t.Errorf("the keys j, j, k and / go to %q", seen)
	}
}

// login is needed when there is a user.
func (b *browser) login(name, password string) {
	b.t.Helper()
	b.open("/")
	b.await("Log in")
	b.accessible("login")
	b.fill(".login", map[string]string{"name": name, "password": password})
	b.follow(".login button")
	b.await("vic (viewer)")
	b.open("/campaigns/1")
	b.await("44*******")
	b.accessible("viewer")
	if text := b.text(); strings.Contains(text, "44770090") || strings.Contains(text, "Stop for good") {
		b.t.Errorf("a viewer sees numbers, or buttons: %s", text)
	}
}
