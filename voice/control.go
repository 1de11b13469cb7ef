package voice

import (
	"context"
	"net/http"
)

// control is one change to a live call, by a PUT to the call itself.
type control struct {
	Action      string       `json:"action"`
	Destination *destination `json:"destination,omitempty"`
}

// destination is where a transferred call goes on.
type destination struct {
	Type string   `json:"type"`
	URL  []string `json:"url,omitempty"`
	NCCO NCCO     `json:"ncco,omitempty"`
}

// Hangup ends a call, or the ringing of one that is not answered yet. For a
// call that is over already it returns ErrNotFound: there is nothing left to
// hang up. See https://developer.vonage.com/en/api/voice#updateCall.
func (c *Client) Hangup(ctx context.Context, uuid string) error {
	return c.update(ctx, uuid, control{Action: "hangup"})
}

// Mute keeps the others from hearing the call's party.
func (c *Client) Mute(ctx context.Context, uuid string) error {
	return c.update(ctx, uuid, control{Action: "mute"})
}

// Unmute undoes Mute.
func (c *Client) Unmute(ctx context.Context, uuid string) error {
	return c.update(ctx, uuid, control{Action: "unmute"})
}

// Earmuff keeps the call's party from hearing the others.
func (c *Client) Earmuff(ctx context.Context, uuid string) error {
	return c.update(ctx, uuid, control{Action: "earmuff"})
}

// Unearmuff undoes Earmuff.
func (c *Client) Unearmuff(ctx context.Context, uuid string) error {
	return c.update(ctx, uuid, control{Action: "unearmuff"})
}

// TransferToURL has the call go on with the NCCO that Vonage fetches from
// address.
func (c *Client) TransferToURL(ctx context.Context, uuid, address string) error {
	var p problems
	p.required("destination.url", address)
	p.address("destination.url", address, "http", "https")
	if err := p.err(); err != nil {
		return unsent("transfer call", err)
	}
	return c.update(ctx, uuid, control{"transfer", &destination{Type: "ncco", URL: oneURL(address)}})
}

// TransferToNCCO has the call go on with another NCCO. The contract of 2018
// does not have it; today's API does.
func (c *Client) TransferToNCCO(ctx context.Context, uuid string, n NCCO) error {
	if err := n.Validate(); err != nil {
		return unsent("transfer call", err)
	}
	return c.update(ctx, uuid, control{"transfer", &destination{Type: "ncco", NCCO: n}})
}

// update sends a change. All but a transfer say how the call should be, so
// they may be said twice; a second transfer would begin the NCCO again.
func (c *Client) update(ctx context.Context, uuid string, change control) error {
	r := request{op: change.Action + " call", method: http.MethodPut, body: change, repeat: repeatFreely}
	if change.Action == "transfer" {
		r.repeat = repeatRefused
	}
	r.first = change.Action == "hangup"
	_, err := c.control(ctx, r, uuid)
	return err
}

// control sends a request about one call, or about a part of it.
func (c *Client) control(ctx context.Context, r request, uuid string, part ...string) (reply, error) {
	if err := checkUUID(uuid); err != nil {
		return reply{}, unsent(r.op, err)
	}
	r.path = callPath(uuid, part...)
	return c.do(ctx, r)
}
