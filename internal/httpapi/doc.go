// Package httpapi is the JSON API under /api/v1. openapi.json is its contract, and a
// test says that routes and answers are what it says. It parses, calls a use case and
// prints: it holds no rule of the domain.
package httpapi
