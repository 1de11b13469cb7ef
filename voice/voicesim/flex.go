package voicesim

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Like the service, these types also read numbers and booleans that are written as
// strings, and lists that are one string.
type (
	flexInt struct {
		set bool
		v   int
	}
	flexFloat float64
	flexBool  bool
	flexList  []string
)

func (f *flexInt) UnmarshalJSON(b []byte) error {
	n, err := strconv.Atoi(strings.Trim(string(b), `"`))
	if err != nil {
		return fmt.Errorf("%s is not a whole number", b)
	}
	f.set, f.v = true, n
	return nil
}

func (f *flexBool) UnmarshalJSON(b []byte) error {
	v, err := strconv.ParseBool(strings.Trim(string(b), `"`))
	*f = flexBool(v)
	return err
}

func (f flexInt) or(value int) int {
	if !f.set {
		return value
	}
	return f.v
}

// within says whether the value is a number from low to high.
func (f flexFloat) within(low, high float64) bool { return float64(f) >= low && float64(f) <= high }

func (f *flexFloat) UnmarshalJSON(b []byte) error {
	v, err := strconv.ParseFloat(strings.Trim(string(b), `"`), 64)
	*f = flexFloat(v)
	return err
}

func (f *flexList) UnmarshalJSON(b []byte) error {
	var word string
	if json.Unmarshal(b, &word) == nil {
		*f = flexList{word}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(f))
}
