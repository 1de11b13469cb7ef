// Package operations holds the types of openapi.json's requests and answers, and an
// interface with a method for each of its operations: httpapi serves it. Every file but
// this one is generated; run `make references` after a change of the document.
package operations

import "encoding/json"

// JSON is a value that Postgres has made, or that is read where its rules are. It is
// a struct, because the generator defines types from it that must keep its methods.
type JSON struct{ json.RawMessage }
