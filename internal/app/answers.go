package app

import (
	"context"
	"errors"
	"time"
)

// KeptAnswer is an answer that is given again to the same request.
type KeptAnswer struct {
	Status int
	Header map[string]string
	Body   []byte
}

var (
	// ErrOtherRequest: the key came with another request before.
	ErrOtherRequest = errors.New("this Idempotency-Key came with another request before: take a new key for each request")
	// ErrInProgress: a request with the key has no answer yet.
	ErrInProgress = errors.New("a request with this Idempotency-Key is being served, or its process ended: ask for what it was to create")
)

// AnswerLease is longer than any request is served.
const AnswerLease = 15 * time.Minute

// AnswerStore keeps answers by the actor's own keys, for a day at least.
type AnswerStore interface {
	// ClaimAnswer makes the caller the one who serves the request, or returns the
	// answer that is kept: then claimed is false. A claim that has no answer after the
	// lease is of a process that died, and is given to the next one; 0: it never is.
	// ErrOtherRequest, ErrInProgress.
	ClaimAnswer(ctx context.Context, actor, key string, request []byte, lease time.Duration) (kept KeptAnswer, claimed bool, err error)
	// KeepAnswer keeps the answer of a claimed request.
	KeepAnswer(ctx context.Context, actor, key string, a KeptAnswer) error
	// DropAnswer gives the claim back: the request had no effect.
	DropAnswer(ctx context.Context, actor, key string) error
}
