// Package contract has the Voice API as an OpenAPI document, openapi.yaml. Its
// tests compare the client of package voice and the simulator of package voicesim
// with it. It has no code for programs.
//
// One test needs packages from npm, so it is not part of the suite: `make sdk`
// installs Vonage's own Node SDK and lets it use the simulator.
package contract
