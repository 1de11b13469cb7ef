// Package httpapi is the JSON API under /api/v1. openapi.json is its contract: its
// operations are generated from it, and tests say that all answers are what it says.
// It parses, calls a use case and prints: it holds no rule of the domain.
package httpapi
