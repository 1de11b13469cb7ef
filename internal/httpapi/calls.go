package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"dialer/internal/app"
)

// actions are what can be done to a call.
var actions = []string{"hangup", "mute", "unmute", "earmuff", "unearmuff", "transfer", "stream", "talk", "dtmf"}

func (a *api) listCalls(r request) (answer, error) {
	page, err := r.list()
	if err != nil {
		return answer{}, err
	}
	q := app.CallQuery{ListQuery: page, State: r.URL.Query().Get("state")}
	if name := r.URL.Query().Get("campaign"); name != "" {
		c, err := a.Store.CampaignByName(r.Context(), name)
		if err != nil {
			return answer{}, err
		}
		q.CampaignID = c.ID
	}
	return list(a.Store.ListCalls(r.Context(), q))
}

func (a *api) getCall(r request) (answer, error) {
	record, err := a.Store.CallRecord(r.Context(), r.PathValue("uuid"))
	return answer{body: record.JSON}, err
}

// createCall makes one call. If it is not known whether Vonage made it, the answer
// is 202: the attempt is settled from evidence, and must not be repeated.
func (a *api) createCall(r request) (answer, error) {
	if !json.Valid(r.body) {
		return answer{}, errors.New("the body is no JSON")
	}
	made, err := a.Calls.Make(r.Context(), r.by, r.body)
	if err != nil {
		return answer{}, err
	}
	record, err := a.Store.CallRecord(r.Context(), made.AttemptID)
	status := http.StatusCreated
	if !made.Known {
		status = http.StatusAccepted
	}
	return answer{status: status, body: record.JSON, location: prefix + "calls/" + made.AttemptID}, err
}

func (a *api) actOnCall(r request) (answer, error) {
	action := r.PathValue("action")
	if !slices.Contains(actions, action) {
		return answer{}, requestError{http.StatusNotFound, "there is no such action"}
	}
	said, err := a.Calls.Act(r.Context(), r.by, r.PathValue("uuid"), action, r.body)
	if err != nil {
		return answer{}, err
	}
	return answer{body: map[string]string{"call_uuid": r.PathValue("uuid"), "action": action, "answer": said}}, nil
}
