package httpapi_test

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"dialer/internal/app"
)

// A request whose process died is served when it comes again and no process can still be
// serving it. A request that may have called somebody is not.
func TestKeyOfADeadProcess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const one, call = `{"number":"+447700900101"}`, `{"to":"+447700900101","from":"442079460000","say":"Hello"}`
	claim := func(path, body, key string) { // like a process that dies at this moment
		t.Helper()
		request := sha256.Sum256([]byte("POST /api/v1/" + path + "\n" + body))
		w.db.Exec(t, `INSERT INTO api_answers (actor, key, request) VALUES ('operator', $1, $2)`, key, request[:])
	}
	claim("suppressions", one, "s")
	claim("calls", call, "c")
	w.want(w.do(app.Operator, "POST", "suppressions", one, "Idempotency-Key", "s"), 409, "being served")
	w.db.Exec(t, `UPDATE api_answers SET claimed_at = claimed_at - interval '16 minutes'`)
	w.want(w.do(app.Operator, "POST", "suppressions", one, "Idempotency-Key", "s"), 201)
	w.want(w.do(app.Operator, "POST", "suppressions", one, "Idempotency-Key", "s"), 201) // the stored answer
	w.want(w.do(app.Operator, "POST", "calls", call, "Idempotency-Key", "c"), 409, "being served")
}

// A cancelled person is called again when the clinic's own key comes with a new
// appointment, and so is a person whose last appointment is over. A person who has opted
// out is not.
func TestPutCallsAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	reminding := strings.Replace(document, `"name":"dental"`, `"name":"dental","remind":{"column":"appointment","before":["24h","2h"]}`, 1)
	w.want(w.do(app.Operator, "POST", "campaigns", reminding), 201)
	const path = "campaigns/dental/contacts/p1"
	day := func(n int) string { return time.Now().UTC().AddDate(0, 0, 10+n).Format(time.DateOnly) }
	put := func(n int) reply {
		return w.do(app.Operator, "PUT", path, fmt.Sprintf(`{"to":"+447700900101","name":"Ann","appointment":"%s 10:00"}`, day(n)))
	}
	next := func(n int) string { return `"next_attempt_at":"` + day(n-1) }
	w.want(put(3), 201, next(3))
	w.want(w.do(app.Operator, "DELETE", path, ""), 200, `"cancelled_by_request"`)
	w.want(put(9), 200, `"state":"pending"`, `"reason":null`, next(9))
	w.want(w.do(app.Operator, "DELETE", path, ""), 200, `"cancelled_by_request"`)
	w.want(put(9), 200, `"state":"pending"`) // the same appointment, made again
	w.db.Exec(t, `UPDATE contacts SET state = 'done', reason = 'expired'`)
	w.want(put(9), 200, `"state":"done"`) // it came a second time, and is over
	w.want(put(12), 200, `"state":"pending"`, next(12))
	near := put(-11) // yesterday
	w.want(near, 200, `"state":"done"`, `"reason":"expired"`, `"next_attempt_at":null`)
	if got := near.header.Get("Dialer-Warning"); !strings.Contains(got, "every reminder of this time is past") {
		t.Errorf("the warning is %q", got)
	}
	w.want(put(13), 200, `"state":"pending"`, next(13))
	w.db.Exec(t, `UPDATE contacts SET state = 'done', reason = 'human', result = 'opted_out'`)
	w.want(put(15), 422, "has ended")
}
