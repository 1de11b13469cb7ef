package main

import (
	"context"
	"net/http"

	"dialer/internal/httpapi"
)

// people is what people and their programs use: the API.
func (n node) people(_ context.Context, line vonageLine) (http.Handler, error) {
	mux := http.NewServeMux()
	mux.Handle("/api/", httpapi.New(httpapi.Config{
		Store: n.seenBy, ReadRow: readRow, Import: n.importRows, Calls: apiCalls{n, line}, Countries: n.countries, AdminToken: n.adminToken, Log: n.log,
	}))
	return mux, nil
}
