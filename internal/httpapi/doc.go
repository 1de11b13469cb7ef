// Package httpapi is the JSON API under /api/v1. openapi.json is its contract: the
// operations are generated from it, and tests check all answers against it. The package
// parses a request, calls a use case and prints. It contains no rule of the domain.
package httpapi
