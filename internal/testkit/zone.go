package testkit

import (
	"fmt"
	"time"
)

// ZoneAt is a time zone in which it is the given hour now. With it a test of
// calling hours has fixed hours and does not depend on the time of day.
func ZoneAt(hour int) string {
	ahead := (hour - time.Now().UTC().Hour() + 24) % 24
	if ahead > 12 {
		ahead -= 24
	}
	return fmt.Sprintf("Etc/GMT%+d", -ahead) // the sign is POSIX's: west is positive
}
