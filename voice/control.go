package voice

import (
	"context"
	"net/http"
)

// updateBody is the body of a PUT that changes a call in progress.
type updateBody struct {
	Action      string       `json:"action"`
	Destination *destination `json:"destination,omitempty"`
}

// destination is the NCCO with which a transferred call continues.
type destination struct {
	Type string   `json:"type"`
	URL  []string `json:"url,omitempty"`
	NCCO NCCO     `json:"ncco,omitempty"`
}

// Hangup ends a call, also while it rings. For a call that has already ended it
// returns ErrNotFound. See https://developer.vonage.com/en/api/voice#updateCall.
func (c *Client) Hangup(ctx context.Context, uuid string) error {
	return c.update(ctx, uuid, updateBody{Action: "hangup"})
}

// Mute stops the others from hearing this call's party.
func (c *Client) Mute(ctx context.Context, uuid string) error {
	return c.update(ctx, uuid, updateBody{Action: "mute"})
}

// Unmute undoes Mute.
func (c *Client) Unmute(ctx context.Context, uuid string) error {
	return c.update(ctx, uuid, updateBody{Action: "unmute"})
}

// Earmuff stops this call's party from hearing the others.
func (c *Client) Earmuff(ctx context.Context, uuid string) error {
	return c.update(ctx, uuid, updateBody{Action: "earmuff"})
}

// Unearmuff undoes Earmuff.
func (c *Client) Unearmuff(ctx context.Context, uuid string) error {
	return c.update(ctx, uuid, updateBody{Action: "unearmuff"})
}

// TransferToURL makes the call continue with the NCCO that Vonage fetches from
// address.
func (c *Client) TransferToURL(ctx context.Context, uuid, address string) error {
	var p problems
	p.required("destination.url", address)
	p.address("destination.url", address, "http", "https")
	if err := p.err(); err != nil {
		return unsent("transfer call", err)
	}
	return c.update(ctx, uuid, updateBody{"transfer", &destination{Type: "ncco", URL: oneURL(address)}})
}

// TransferToNCCO makes the call continue with another NCCO. Today's API has
// this; the contract of 2018 does not.
func (c *Client) TransferToNCCO(ctx context.Context, uuid string, n NCCO) error {
	if err := n.Validate(); err != nil {
		return unsent("transfer call", err)
	}
	return c.update(ctx, uuid, updateBody{"transfer", &destination{Type: "ncco", NCCO: n}})
}

// update sends a change. Every change but a transfer is idempotent; a second
// transfer would start the NCCO again.
func (c *Client) update(ctx context.Context, uuid string, change updateBody) error {
	r := request{op: change.Action + " call", method: http.MethodPut, body: change, retry: retryAlways}
	if change.Action == "transfer" {
		r.retry = retryIfRefused
	}
	r.first = change.Action == "hangup"
	_, err := c.control(ctx, r, uuid)
	return err
}

// control sends a request about one call, or about one part of it.
func (c *Client) control(ctx context.Context, r request, uuid string, part ...string) (reply, error) {
	if err := checkUUID(uuid); err != nil {
		return reply{}, unsent(r.op, err)
	}
	r.path = callPath(uuid, part...)
	return c.do(ctx, r)
}
