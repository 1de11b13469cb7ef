package main

import (
	"context"
	_ "embed"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dialer/internal/testkit/require"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// screenshots writes the pictures of the docs again: go test ./cmd/dialer -run Browser
// -screenshots ../../docs/images
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
	require.NoError(t, chromedp.Do(ctx, chromedp.Navigate("about:blank"))) // it starts and ends with this context
	b := &browser{t, ctx, at}
	b.do("a reader in Britain", chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		if _, err := cdp.Call(ctx, t, emulation.SetLocaleOverride, emulation.SetLocaleOverrideParams{Locale: "en-GB"}); err != nil {
			return err
		}
		_, err := cdp.Call(ctx, t, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "Europe/London"})
		return err
	}))
	b.size(1280, 900)
	return b
}

// do runs actions that must end soon.
func (b *browser) do(what string, actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	err := chromedp.Do(ctx, actions...)
	for range 3 { // a part of the page was replaced between the look at it and the action
		if err == nil || !strings.Contains(err.Error(), "No node with given id") {
			break
		}
		err = chromedp.Do(ctx, actions...)
	}
	if err != nil {
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

// follow clicks on a link or button that leads to another page, and waits for that page.
// text=X is the link that says X.
func (b *browser) follow(selector string) {
	b.t.Helper()
	b.do("mark the page", chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Run(ctx, chromedp.Evaluate[int](`document.body.id = "before"; 1`))
		return err
	}))
	if text, ok := strings.CutPrefix(selector, "text="); ok {
		_, err := chromedp.Run(b.ctx, chromedp.Evaluate[int](`[...document.querySelectorAll("a")].find((a) => a.textContent === "`+text+`").click(); 1`))
		require.NoError(b.t, err)
	} else {
		b.click(selector)
	}
	b.do("the next page after "+selector, chromedp.WaitReady(chromedp.CSS("body:not(#before) h1")))
}

// text is the text of the page, and its title.
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

// axe checks whether people who cannot see, or use no mouse, can use a page.
//
//go:embed testdata/axe-4.10.3.min.js
var axe string

// accessible runs axe on the page: at a desktop's width in light colours, and with
// -screenshots also at a phone's width and in dark colours. The page must fit its width.
func (b *browser) accessible(name string) {
	b.t.Helper()
	if *screenshots == "" && strings.HasPrefix(name, "phone") {
		b.picture(name)
		return
	}
	ctx, cancel := context.WithTimeout(b.ctx, 2*time.Minute)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[int](axe+"\n;1")); err != nil {
		b.t.Fatalf("load axe on %s: %v", name, err)
	}
	schemes := []struct{ name, rules string }{{"light", ""}, {"dark", `, runOnly: ["color-contrast"]`}}
	if *screenshots == "" {
		schemes = schemes[:1]
	}
	for _, s := range schemes {
		scheme := s.name
		b.scheme(scheme)
		found, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](`axe.run(document, {resultTypes: ["violations"]`+s.rules+`}).then((r) =>
			r.violations.flatMap((v) => v.nodes.map((n) => v.id + ": " + n.target + " " + n.failureSummary)))`, chromedp.EvalAwaitPromise))
		if err != nil {
			b.t.Fatalf("axe on %s: %v", name, err)
		}
		for _, violation := range found {
			b.t.Errorf("%s, %s, at this width: %s", name, scheme, violation)
		}
		if scheme == "dark" {
			b.picture("dark-" + name)
		} else {
			b.picture(name)
		}
	}
	b.scheme("light")
}

// scheme is what the reader's system prefers.
func (b *browser) scheme(name string) {
	b.t.Helper()
	b.media(emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}})
}

func (b *browser) media(is emulation.SetEmulatedMediaParams) {
	b.t.Helper()
	b.do("media", chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, is)
		return err
	}))
}

// printed looks at the print view of a page: it has no buttons.
func (b *browser) printed(path string) {
	b.t.Helper()
	b.open(path)
	b.media(emulation.SetEmulatedMediaParams{Media: "print"})
	seen, err := chromedp.Run(b.ctx, chromedp.Evaluate[[]string](`[...document.querySelectorAll("button, input, summary, .button")].filter((e) => e.checkVisibility()).map((e) => e.outerHTML.slice(0, 90))`))
	if err != nil || len(seen) > 0 {
		b.t.Errorf("%s: printed with it (%v): %q", path, err, seen)
	}
	b.media(emulation.SetEmulatedMediaParams{})
}

// picture takes a picture for the docs, with -screenshots; the page must fit its width.
func (b *browser) picture(name string) {
	b.t.Helper()
	wide, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.documentElement.scrollWidth <= innerWidth ? "" :
		[...document.querySelectorAll("main *")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1).map((e) => e.outerHTML.slice(0, 90)).join("\n") || "the page"`))
	if err != nil || wide != "" {
		b.t.Errorf("%s: wider than the window (%v): %s", name, err, wide)
	}
	if *screenshots == "" {
		return
	}
	shot, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	require.NoError(b.t, err)
	require.NoError(b.t, os.MkdirAll(*screenshots, 0o755))
	require.NoError(b.t, os.WriteFile(filepath.Join(*screenshots, name+".png"), shot, 0o644))
}

// complaints are the browser's errors about the page, for example about its policy.
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
