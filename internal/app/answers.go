package app

import (
	"context"
	"errors"
	"time"
)

// KeptAnswer is a stored answer, which the same request gets again.
type KeptAnswer struct {
	Status int
	Header map[string]string
	Body   []byte
}

var (
	// ErrOtherRequest means that the key came with another request before.
	ErrOtherRequest = errors.New("this Idempotency-Key came with another request before: take a new key for each request")
	// ErrInProgress means that a request with the key has no answer yet.
	ErrInProgress = errors.New("a request with this Idempotency-Key is being served, or its process ended: ask for what it was to create")
)

// AnswerLease is longer than any request takes.
const AnswerLease = 15 * time.Minute

// AnswerStore keeps answers for at least a day, by the actor's own keys.
type AnswerStore interface {
	// ClaimAnswer gives the request to the caller to serve, or returns the stored answer;
	// then claimed is false. A claim without an answer after the lease belongs to a dead
	// process, and the next caller gets it; with lease 0 nobody does. Errors:
	// ErrOtherRequest, ErrInProgress.
	ClaimAnswer(ctx context.Context, actor, key string, request []byte, lease time.Duration) (kept KeptAnswer, claimed bool, err error)
	// KeepAnswer keeps the answer of a claimed request.
	KeepAnswer(ctx context.Context, actor, key string, a KeptAnswer) error
	// DropAnswer gives the claim back: the request had no effect.
	DropAnswer(ctx context.Context, actor, key string) error
}
