package csvimport

import "fmt"

// MissingColumnsError says which columns the message names and the file does not
// have.
type MissingColumnsError struct{ Columns, Found []string }

func (e *MissingColumnsError) Error() string {
	return fmt.Sprintf("the message needs columns that the file does not have: %s; found %s", quoted(e.Columns), quoted(e.Found))
}
