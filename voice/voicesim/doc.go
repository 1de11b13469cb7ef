// Package voicesim simulates Vonage. It is an http.Handler that serves the Voice
// API with calls that ring, are answered, end and cost money. It sends signed
// events, and it can be told to lose, duplicate, delay and break almost
// anything.
//
// It judges the tests: it keeps a ledger of every call that it really made. To avoid
// repeating a mistake of the client, it has its own copy of the API's rules and its own
// encoding and decoding of JSON. From package voice it uses only the verification of
// tokens and the signing of callbacks. test/contract compares the two copies. It is for
// tests, demos and development only.
package voicesim
