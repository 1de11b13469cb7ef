package main

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"dialer/internal/app"
	"dialer/internal/auth"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"
)

// heldBody is a body that reports its first read, and gives nothing until it is released.
type heldBody struct {
	io.Reader
	once       sync.Once
	asked, may chan struct{}
}

func (b *heldBody) Read(p []byte) (int, error) {
	b.once.Do(func() { close(b.asked) })
	<-b.may
	return b.Reader.Read(p)
}

// More connections than the admin listener keeps do not close a live page or an import
// that is under way.
func TestAdminListenerKeepsWhatItServes(t *testing.T) {
	t.Parallel()
	l := newLine(t)
	admin := l.dials(t)
	awaitHTTP(t, "http://"+admin+"/readyz")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	token, hash := auth.NewSecret()
	require.NoError(t, app.Access{Store: l.db.DB}.AddToken(ctx, testkit.Actor, "crm", app.Operator, hash))
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, ExpectContinueTimeout: time.Minute}}
	ask := func(method, path, kind string, body io.Reader) (*http.Response, error) {
		r, err := http.NewRequestWithContext(ctx, method, "http://"+admin+path, body)
		require.NoError(t, err)
		if kind != "" {
			r.Header.Set("Authorization", "Bearer "+token)
			r.Header.Set("Content-Type", kind)
		}
		if kind == "text/csv" {
			r.Header.Set("Expect", "100-continue")
		}
		return client.Do(r)
	}
	campaign := func(name string) {
		t.Helper()
		made, err := ask(http.MethodPost, "/api/v1/campaigns?draft=true", "application/json",
			strings.NewReader(`{"name":"`+name+`","from":["442079460000"],"people":{"country":"GB"},"message":{"say":"Hello."}}`))
		require.NoError(t, err)
		made.Body.Close()
		if made.StatusCode != http.StatusCreated {
			t.Fatalf("the campaign %s: status %d", name, made.StatusCode)
		}
	}
	campaign("outage")

	page, err := ask(http.MethodGet, "/live", "", nil)
	require.NoError(t, err)
	defer page.Body.Close()
	events := bufio.NewReader(page.Body)
	_, err = events.ReadString('\n')
	require.NoError(t, err)
	rows := &heldBody{Reader: strings.NewReader("to\n+447700900123\n"), asked: make(chan struct{}), may: make(chan struct{})}
	imported := make(chan string, 1)
	go func() {
		response, err := ask(http.MethodPost, "/api/v1/campaigns/outage/contacts", "text/csv", rows)
		if err != nil {
			imported <- err.Error()
			return
		}
		defer response.Body.Close()
		text, _ := io.ReadAll(response.Body)
		imported <- response.Status + " " + string(text)
	}()
	<-rows.asked // the request was admitted, and its body is being read

	for range 700 {
		c, err := net.Dial("tcp", admin)
		require.NoError(t, err)
		defer c.Close()
	}
	campaign("afterwards") // by a connection that came after them
	close(rows.may)
	if got := <-imported; !strings.HasPrefix(got, "202") || !strings.Contains(got, `"added":1`) {
		t.Errorf("the import: %s", got)
	}
	for line := ""; !strings.Contains(line, "afterwards"); {
		if line, err = events.ReadString('\n'); err != nil {
			t.Fatalf("the live page: %v", err)
		}
	}
}
