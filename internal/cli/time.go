package cli

import "time"

// Time is a moment as people read it: on this machine's clock, with its zone.
// Output for programs is in UTC, by RFC 3339.
func Time(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05 MST") }
