package csvimport

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"dialer/internal/testkit/require"
)

// A cell that was corrected on the page replaces the file's.
func TestMendedCells(t *testing.T) {
	t.Parallel()
	const file = "to,name\n+447700900101,Ann\n0770,Bob\n+447700900103\n"
	o := Options{Now: time.Now(), MostShown: 1}
	f, err := Preview(t.Context(), strings.NewReader(file), settings(), o)
	require.NoError(t, err)
	if f.Rejected == 0 || len(f.First) != 1 || f.First[0].Column != "to" || f.First[0].Value != "0770" {
		t.Fatalf("%+v", f.First)
	}
	o.Mend = map[int]map[string]string{3: {"to": "+447700900102"}, 4: {"name": "Eve", "nothing": "x"}}
	f, err = Preview(t.Context(), strings.NewReader(file), settings(), o)
	require.NoError(t, err)
	if f.Accepted != 3 {
		t.Errorf("%d rows can be called, want 3: %+v", f.Accepted, f.First)
	}
	if mendedSource("a", o.Mend) == mendedSource("a", nil) {
		t.Error("a mended file is taken for the file")
	}
}

// The error about wrong columns lists the file's columns.
func TestColumnsOfAFileThatDoesNotFit(t *testing.T) {
	t.Parallel()
	_, err := Preview(t.Context(), strings.NewReader("a,name\n+447700900101,Ann\n"), settings(), Options{Now: time.Now()})
	wrong, ok := errors.AsType[*ColumnsError](err)
	if !ok || !slices.Equal(wrong.Found, []string{"a", "name"}) {
		t.Errorf("%v", err)
	}
}
