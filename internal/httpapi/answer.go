package httpapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"dialer/internal/app"
	"dialer/internal/httpapi/operations"
)

// serve answers the request. If it came before with its key, it gets the stored answer.
func (a *api) serve(w http.ResponseWriter, r request, of route) {
	key := r.Header.Get("Idempotency-Key")
	if key == "" || !of.creates {
		answer, err := of.answer(r)
		if err != nil {
			a.fail(w, r.Request, of, r.by, err)
			return
		}
		write(w, r.by, answer)
		return
	}
	if len(key) > 255 {
		a.fail(w, r.Request, of, r.by, invalid("Idempotency-Key: want at most 255 characters"))
		return
	}
	lease := app.AnswerLease
	//guard:false internal/httpapi.TestKeyOfADeadProcess: a call is not made again because its process died
	if of.calls {
		lease = 0
	}
	kept, claimed, err := a.Store.ClaimAnswer(r.Context(), r.by.Name, key, fingerprint(r), lease)
	if err != nil {
		a.fail(w, r.Request, of, r.by, err)
		return
	}
	//guard:true internal/httpapi.TestIdempotencyKey: a request that comes again has no effect again
	if claimed {
		kept = a.first(r, of, key)
	} else {
		w.Header().Set("Idempotency-Replayed", "true")
	}
	write(w, r.by, kept)
}

// first serves a request that came for the first time, and keeps its answer. A request
// that had no effect, because we failed or had no time for it, may come again.
func (a *api) first(r request, of route, key string) app.KeptAnswer {
	kept, err := of.answer(r)
	if err != nil {
		kept = a.problem(r.Request, of, r.by, err).kept()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), readTimeout)
	defer cancel()
	//guard:false internal/httpapi.TestRefusedForNowIsNotKept: who is told to come again later is not given that answer for two days
	if kept.Status >= http.StatusInternalServerError || kept.Status == http.StatusTooManyRequests {
		err = a.Store.DropAnswer(ctx, r.by.Name, key)
	} else {
		err = a.Store.KeepAnswer(ctx, r.by.Name, key, kept)
	}
	if err != nil {
		a.Log.ErrorContext(ctx, "the answer to a request with an Idempotency-Key was not kept", "error", err)
	}
	return kept
}

// fingerprint distinguishes requests that come with the same key.
func fingerprint(r request) []byte {
	sum := sha256.New()
	fmt.Fprintf(sum, "%s %s\n", r.Method, r.URL.RequestURI())
	sum.Write(r.body)
	return sum.Sum(nil)
}

// answer is the operation's answer.
func (r route) answer(to request) (app.KeptAnswer, error) {
	if r.json && len(bytes.TrimSpace(to.body)) > 0 {
		var value json.RawMessage
		if err := decodeJSON(to.body, &value); err != nil {
			return app.KeptAnswer{}, err
		}
	}
	kept := recorder{header: http.Header{}}
	r.serve(&kept, to.Request)
	if kept.err != nil {
		return app.KeptAnswer{}, kept.err
	}
	answer := app.KeptAnswer{Status: kept.status, Header: map[string]string{}, Body: kept.body.Bytes()}
	for name := range kept.header {
		answer.Header[name] = kept.header.Get(name)
	}
	return answer, nil
}

// recorder keeps an operation's answer or its error, so that the answer can be stored and
// masked, and errors are all written in one form.
type recorder struct {
	status int
	header http.Header
	body   bytes.Buffer
	err    error
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) Write(b []byte) (int, error) { return r.body.Write(b) }
func (r *recorder) WriteHeader(status int)      { r.status = status }

// noteError is called with an operation's error.
func noteError(w http.ResponseWriter, _ *http.Request, err error) { w.(*recorder).err = err }

// noteBodyError is called with a body that is not of the operation's type.
func noteBodyError(w http.ResponseWriter, r *http.Request, err error) {
	noteError(w, r, invalid("%v", notWanted(err)))
}

// noteParameterError is called with a parameter that is not of the operation's type.
// Its value may be a number: it is not shown.
func noteParameterError(w http.ResponseWriter, r *http.Request, err error) {
	text := "the request is not as " + prefix + "openapi.json says"
	if twice, ok := errors.AsType[*operations.TooManyValuesForParamError](err); ok {
		text = twice.ParamName + ": want it once"
	}
	if wrong, ok := errors.AsType[*operations.InvalidParamFormatError](err); ok {
		text = wrong.ParamName + ": want true or false, once"
		if wrong.ParamName == "limit" {
			text = wrongLimit
		}
	}
	noteError(w, r, invalid("%s", text))
}

// mustJSON encodes values of this package that JSON can always represent.
func mustJSON(v any) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(fmt.Sprintf("httpapi: %v", err))
	}
	return buf.Bytes()
}

// write sends an answer. A viewer sees no whole number in it.
func write(w http.ResponseWriter, by app.Actor, a app.KeptAnswer) {
	for _, name := range slices.Sorted(maps.Keys(a.Header)) {
		w.Header().Set(name, a.Header[name])
	}
	w.Header().Set("Cache-Control", "no-store")
	body := a.Body
	//guard:false internal/httpapi.TestViewersSeeMaskedNumbers: a viewer sees no whole number
	if by.Role == app.Viewer {
		body = app.MaskJSON(body)
	}
	w.WriteHeader(a.Status)
	_, _ = w.Write(body)
}
