package voice

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// request is one operation to be sent.
type request struct {
	op     string // its name in errors
	method string
	path   string // below the base URL, escaped
	query  url.Values
	body   any // to be marshalled; nil for none
	token  SignedToken
	permit Permit
	retry  retryRule
	first  bool // gets its permit from ThrottleFirst
}

// reply is a response. Its body may be missing or incomplete: see bodyErr.
type reply struct {
	status  int
	header  http.Header
	body    []byte
	bodyErr error
}

// exchange sends r once, with its permit. It returns an *Error when no response
// came.
func (c *Client) exchange(ctx context.Context, r request) (reply, *Error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := c.newRequest(ctx, r)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		r.permit.Done(time.Time{}, 0)
		return reply{}, unsent(r.op, err)
	}
	res, written, failed := c.send(req, r.op, r.permit)
	if failed != nil {
		return reply{}, failed
	}
	defer res.Body.Close()
	rep := reply{status: res.StatusCode, header: res.Header}
	rep.body, rep.bodyErr = readCapped(res.Body)
	c.observe(r.op, rep.status, time.Since(written))
	return rep, nil
}

// newRequest builds the HTTP request. It leaves GetBody nil: without it
// net/http cannot send the body a second time by itself, on HTTP/1.1 or 2.
func (c *Client) newRequest(ctx context.Context, r request) (*http.Request, error) {
	body, err := encodeBody(r.body)
	if err != nil {
		return nil, err
	}
	var content io.Reader
	if body != nil {
		//guard:value(bytes.NewReader(body)) voice.TestHTTP2DoesNotResend: the POST's body cannot be read again
		content = io.NopCloser(bytes.NewReader(body)) // for a bytes.Reader NewRequest would set GetBody
	}
	address := c.base + r.path
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, address, content)
	if err != nil {
		return nil, scrubbed(err)
	}
	if body != nil {
		req.ContentLength = int64(len(body))
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Authorization", "Bearer "+r.token.bearer)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "dialer")
	return req, nil
}

// send makes the request with its permit. With this package's own transport the permit is
// held only when there is a connection, so that only the write follows it. It also
// returns when the request was written.
func (c *Client) send(req *http.Request, op string, permit Permit) (res *http.Response, written time.Time, failed *Error) {
	ctx := req.Context()
	w := watch(c.transport, permit, c.own)
	if !c.own {
		if _, err := permit.Hold(ctx); err != nil {
			permit.Done(time.Time{}, 0)
			return nil, written, unsent(op, ErrMissed)
		}
		w.wrote(time.Now())
	}
	begun := time.Now()
	//guard:value voice.TestRedirectIsNotFollowed: redirects are not followed
	res, err := c.transport.RoundTrip(req.WithContext(w.trace(ctx)))
	if err != nil {
		failed := c.sendFailed(w, op, err)
		permit.Done(time.Time{}, 0)
		c.observe(op, 0, time.Since(begun))
		return nil, written, failed
	}
	answered := time.Now()
	if written = w.lastWrite(); written.IsZero() { // the response came before the report of the write
		written = answered
		w.wrote(answered)
	}
	c.noteSkew(res.Header, answered.Sub(written))
	permit.Done(answered, res.StatusCode)
	return res, written, nil
}

// sendFailed is the error of a request without a response.
func (c *Client) sendFailed(w *watcher, op string, err error) *Error {
	e := &Error{Op: op, Verdict: w.verdict(), Err: scrubbed(err)}
	if w.missed() {
		e.Err = ErrMissed
	}
	if c.own && e.Verdict != VerdictRefused {
		w.wrote(time.Now())
	}
	return e
}

func readCapped(r io.Reader) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r, maxReply+1))
	if err == nil && len(body) > maxReply {
		err = fmt.Errorf("body is larger than %d bytes", maxReply)
	}
	if err != nil {
		return nil, scrubbed(err)
	}
	return body, nil
}
