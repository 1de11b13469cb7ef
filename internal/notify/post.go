package notify

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"syscall"
	"time"

	"dialer/campaign"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const (
	secretPrefix = "whsec_"
	secretBytes  = 32
	maxAnswer    = 64 << 10
)

// NewSecret makes the secret that signs a hook's messages.
func NewSecret() string {
	random := make([]byte, secretBytes)
	_, _ = rand.Read(random) // it never fails: see its documentation
	return secretPrefix + base64.StdEncoding.EncodeToString(random)
}

// newClient makes a client that follows no redirect and uses no proxy, and connects
// to addresses of the internet only, unless others are allowed. The address is checked
// when the connection is made, so it does not matter what the name resolved to before.
func newClient(allowPrivate bool) *http.Client {
	dialer := &net.Dialer{Timeout: tryTimeout / 2}
	//guard:false internal/notify.TestPrivateAddressesAreRefused: nobody makes this machine send something to its own network
	if !allowPrivate {
		dialer.Control = refusePrivate
	}
	return &http.Client{
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSHandshakeTimeout: tryTimeout / 2, MaxIdleConnsPerHost: atOnce, MaxResponseHeaderBytes: maxAnswer,
			ForceAttemptHTTP2: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

var errPrivate = errors.New("the address is not on the internet: remove the hook, and add it with --allow-private if that is meant")

func refusePrivate(_, address string, _ syscall.RawConn) error {
	host, err := netip.ParseAddrPort(address)
	if err != nil || !onTheInternet(host.Addr()) {
		return errPrivate
	}
	return nil
}

// reserved are ranges that netip does not name: shared address space, protocol
// assignments, documentation, benchmarks, and IPv6 addresses that hold an IPv4 one.
var reserved = func() (list []netip.Prefix) {
	for _, text := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001:db8::/32", "2002::/16", "2001::/32", "fec0::/10", "::/96",
	} {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}()

// onTheInternet reports whether anybody can have the address.
func onTheInternet(a netip.Addr) bool {
	a = a.Unmap()
	if !a.IsValid() || !a.IsGlobalUnicast() || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsMulticast() {
		return false
	}
	for _, p := range reserved {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

// post sends a message. An error means that it may not have been taken.
func post(ctx context.Context, client *http.Client, h campaign.HookTarget, m campaign.HookMessage, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL, bytes.NewReader(body))
	if err != nil {
		return errors.New("the hook's address cannot be read")
	}
	id, now := "msg_"+m.ID.String(), time.Now()
	signature, err := sign(h, id, now, body)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "dialer")
	request.Header.Set(standardwebhooks.HeaderWebhookID, id)
	request.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	request.Header.Set(standardwebhooks.HeaderWebhookSignature, signature)
	response, err := client.Do(request)
	if err != nil {
		if wrong, ok := errors.AsType[*url.Error](err); ok { // it contains the whole address
			err = wrong.Err
		}
		return err
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, maxAnswer)) // so that the connection is used again
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("answered %d", response.StatusCode)
	}
	return nil
}

// sign signs with each of the hook's secrets, because the receiver may have any of them.
func sign(h campaign.HookTarget, id string, at time.Time, body []byte) (signatures string, err error) {
	for _, secret := range []string{h.Secret, h.OldSecret} {
		if secret == "" {
			continue
		}
		webhook, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			return "", errors.New("the hook's secret cannot be read: rotate it")
		}
		signature, err := webhook.Sign(id, at, body)
		if err != nil {
			return "", err
		}
		if signatures != "" {
			signatures += " "
		}
		signatures += signature
	}
	return signatures, nil
}
