package app_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"dialer/campaign"
	"dialer/internal/app"

	"github.com/google/uuid"
)

// troubled is a Postgres that is away for a while. It keeps what it stored.
type troubled struct {
	app.CallStore
	noting error // of the note before the request, which may be stored nevertheless
	fails  int   // how many answers it cannot store
	noted  campaign.HangUpRequest
	effect campaign.Effect
}

func (s *troubled) HangUpOrdered(_ context.Context, r campaign.HangUpRequest) (campaign.HangUpRequest, error) {
	s.noted = r
	return r, s.noting
}

func (s *troubled) HangUpAnswered(_ context.Context, r campaign.HangUpRequest, e campaign.Effect) error {
	if s.fails--; s.fails >= 0 {
		return errors.New("connection refused")
	}
	if r.ID == s.noted.ID && r.ID != uuid.Nil {
		s.effect = e
	}
	return nil
}

func (s *troubled) RecordCallAction(context.Context, app.Actor, app.CallAction) error { return nil }

// A hang-up without effect is taken back. So it is if Postgres is away for a while, or if
// nobody knows whether the hang-up was stored.
func TestHangUpIsTakenBack(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		store  troubled
		result app.CallResult
		want   campaign.Effect
		fails  bool
	}{
		{"done", troubled{}, app.CallResult{Effect: campaign.EffectDone}, campaign.EffectDone, false},
		{"over", troubled{}, app.CallResult{Effect: campaign.EffectRefused, Over: true, Err: errors.New("404")}, campaign.EffectRefused, true},
		{"not sent", troubled{}, app.CallResult{Err: errors.New("no key")}, campaign.EffectRefused, true},
		{"over while Postgres is away", troubled{fails: 8}, app.CallResult{Effect: campaign.EffectRefused, Over: true, Err: errors.New("404")}, campaign.EffectRefused, true},
		{"over while Postgres is away for long", troubled{fails: 1000}, app.CallResult{Effect: campaign.EffectDone}, "", true},
		{"perhaps noted", troubled{noting: errors.New("EOF")}, app.CallResult{Effect: campaign.EffectDone}, campaign.EffectRefused, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			begun, s := time.Now(), test.store
			_, err := app.Calls{Store: &s}.Act(t.Context(), ann, app.CallAction{CallUUID: "U1", Action: app.ActionHangUp},
				func(context.Context) app.CallResult {
					if s.noting != nil {
						t.Errorf("%s: it was sent", test.name)
					}
					return test.result
				})
			if s.effect != test.want || (err != nil) != test.fails {
				t.Errorf("%s: stored %q, said %v; want %q, and an error: %v", test.name, s.effect, err, test.want, test.fails)
			}
			if took := time.Since(begun); took > 11*time.Second {
				t.Errorf("%s: it took %v", test.name, took)
			}
		})
	}
}
