// Package failpoint names the moments at which a process may die, so that tests
// can kill it at each of them. It is not for production: a program that is built
// without the tag failpoints contains none of it.
//
// With the tag, the variable FAILPOINT sets one point, a hit and an action:
// "place.gated 3 kill" sends SIGKILL to the process itself at the third hit,
// "place.gated 3 2s" pauses the goroutine for two seconds, and "record.commit 1
// error" makes a step fail that can fail. Each hit of that point is appended to
// the file in FAILPOINT_LOG before the action.
package failpoint
