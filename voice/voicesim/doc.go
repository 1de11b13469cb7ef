// Package voicesim is a provider in a box: an http.Handler that serves the Voice
// API with calls that live, ring, answer and cost, posts signed events, and can
// be told to lose, double, delay and break almost anything.
//
// It is the oracle of the tests: it keeps a ledger of every call that it really
// placed. So that a mistake of the client is not repeated here, it encodes and
// decodes the wire by itself; of package voice it uses only the checking of
// tokens and the signing of callbacks. It is not for anything but tests, demos
// and development.
package voicesim
