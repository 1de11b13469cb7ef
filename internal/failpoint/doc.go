// Package failpoint names the moments at which a process may die, so that the
// tests can kill it at each of them. It is not for production: in a program
// that is built without the tag failpoints nothing is left of it.
//
// With the tag, the variable FAILPOINT arms one point of a process: which one,
// at which hit, and what happens there. "place.gated 3 kill" is SIGKILL to the
// process itself, "place.gated 3 2s" holds the goroutine up for two seconds,
// "record.commit 1 error" fails a step that can fail. Each hit of the armed
// point is appended to the file that FAILPOINT_LOG names, before anything
// happens.
package failpoint
