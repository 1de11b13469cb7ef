// Package histories is a simulation: it runs the pure rules of package campaign
// through random histories on a simulated clock, and compares each with what
// Vonage really did. All its code is in tests.
package histories
