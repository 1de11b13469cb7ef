package testkit

import (
	"bytes"
	"fmt"
	"testing"
)

// CopyOut returns the rows of a query, or of a table, as COPY writes them.
func (d *DB) CopyOut(t testing.TB, from string) []byte {
	t.Helper()
	conn, err := d.pool.Acquire(t.Context())
	if err != nil {
		t.Fatalf("testkit: %v", err)
	}
	defer conn.Release()
	var out bytes.Buffer
	if _, err := conn.Conn().PgConn().CopyTo(t.Context(), &out, fmt.Sprintf(`COPY %s TO STDOUT (FORMAT binary)`, from)); err != nil {
		t.Fatalf("testkit: copy %s: %v", from, err)
	}
	return out.Bytes()
}

// CopyIn loads the rows of CopyOut into a table, with its columns in parentheses or all
// of them.
func (d *DB) CopyIn(t testing.TB, into string, rows []byte) {
	t.Helper()
	conn, err := d.pool.Acquire(t.Context())
	if err != nil {
		t.Fatalf("testkit: %v", err)
	}
	defer conn.Release()
	if _, err := conn.Conn().PgConn().CopyFrom(t.Context(), bytes.NewReader(rows), fmt.Sprintf(`COPY %s FROM STDIN (FORMAT binary)`, into)); err != nil {
		t.Fatalf("testkit: copy into %s: %v", into, err)
	}
}
