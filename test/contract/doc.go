// Package contract holds the Voice API as an OpenAPI document, openapi.yaml,
// and the tests that hold the client of package voice and the simulator of
// package voicesim against it. It has no code of its own for a program to use.
package contract
