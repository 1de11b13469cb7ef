// Package histories holds a simulation that drives the pure rules of package
// campaign through random histories on a clock of its own, and judges each by
// what Vonage really did. It has no code of its own for a program to use.
package histories
