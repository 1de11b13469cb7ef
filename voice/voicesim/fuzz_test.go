package voicesim_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"dialer/voice/voicesim"
)

// FuzzCreate posts any body: the result is a refusal or a call.
func FuzzCreate(f *testing.F) {
	m := &callbackLog{}
	w := newTestSim(f, voicesim.Config{Speed: 1e6, Client: &http.Client{Transport: voicesim.InProcess(m)}}, m)
	f.Cleanup(w.close)
	token := w.signed(map[string]any{"application_id": application, "iat": 1, "jti": "fuzz", "exp": 1 << 40})
	f.Add(w.callBody(target, map[string]any{"event_url": nil}))
	for _, ncco := range []string{
		`[{"action":"talk","text":"x","loop":"2","bargeIn":"true","level":"0.5"},{"action":"input","type":["dtmf","speech"]}]`,
		`[{"action":"connect","endpoint":[{"type":"app","user":"x"}],"eventType":"synchronous"}]`,
		`[{"action":"record","timeOut":3},{"action":"conversation","name":"x"}]`,
		`[{"action":"transfer","conversationId":"CON-1"}]`, `[{"action":"wait","timeout":1e308}]`, `[null]`, `[1]`,
	} {
		f.Add(`{"to":[{"type":"phone","number":"447700900123"}],"random_from_number":true,"ncco":` + ncco + `}`)
	}
	f.Fuzz(func(t *testing.T, body string) {
		before := w.sim.Summary().Placed
		r := httptest.NewRequest(http.MethodPost, "/v1/calls", strings.NewReader(body))
		r.Header.Set("Authorization", token)
		reply := httptest.NewRecorder()
		w.sim.ServeHTTP(reply, r)
		want, known := map[int]int{http.StatusBadRequest: 0, http.StatusCreated: 1}[reply.Code]
		if placed := w.sim.Summary().Placed - before; !known || placed != want {
			t.Errorf("%d, %d calls", reply.Code, placed)
		}
	})
}
