package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"testing"
)

func TestHarmless(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"Zoë 東京\tשלום\n":         "Zoë 東京\tשלום\n",
		"\x1b[2J\x07\r\x00":      `\u001b[2J\u0007\u000d\u0000`,
		"a\u009b31m\x7f":         `a\u009b31m\u007f`,
		"\x9b31m\xff":            `\ufffd31m\ufffd`, // a terminal may read single bytes
		"a\u202eb\u2066c\u200fd": `a\u202eb\u2066c\u200fd`,
		"a\u2028b\ufffd":         "a\\u2028b\ufffd",
	} {
		for split := range len(given) + 1 { // characters may come in two writes
			var out bytes.Buffer
			w := Harmless(Harmless(&out))
			for _, part := range []string{given[:split], given[split:]} {
				if n, err := io.WriteString(w, part); n != len(part) || err != nil {
					t.Fatalf("%q: wrote %d of %d, %v", given, n, len(part), err)
				}
			}
			if out.String() != want {
				t.Errorf("%q and %q became %q, want %q", given[:split], given[split:], out.String(), want)
			}
		}
	}
}

// In JSON the escapes mean the original text.
func TestHarmlessJSON(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	const given = "a\u202eb\u009bc\x7fd\x1be\nf"
	if err := json.NewEncoder(Harmless(&out)).Encode(given); err != nil {
		t.Fatal(err)
	}
	var got string
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || got != given {
		t.Errorf("%s was read as %q, %v", &out, got, err)
	}
}

func TestValuesAddNoLines(t *testing.T) {
	t.Parallel()
	type word string
	var out bytes.Buffer
	con := Console{Out: &out}.Harmless()
	con.Linef("%s, %s, %v, %d\n", "a\nb", word("c\td"), errors.New("e\nf"), 7)
	table := con.Table()
	table.Printf("%s\t%d\n", "a\nb", 1)
	table.Row([]string{"c\td", "2"})
	if err := table.Flush(); err != nil {
		t.Fatal(err)
	}
	con.Print("x\ny\n")
	if want := "a\\nb, c\\td, e\\nf, 7\na\\nb  1\nc\\td  2\nx\ny\n"; out.String() != want {
		t.Errorf("printed %q, want %q", &out, want)
	}
}

// A CSV keeps its data, unless it is shown on a terminal.
func TestData(t *testing.T) {
	t.Parallel()
	terminal, err := os.OpenFile("/dev/null", os.O_WRONLY, 0) // a device, like a terminal
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	var file bytes.Buffer
	if got := (Console{Out: &file}).Harmless().Data(); got != io.Writer(&file) {
		t.Errorf("a file gets %T", got)
	}
	if _, protected := (Console{Out: terminal}).Harmless().Data().(*harmless); !protected {
		t.Error("a terminal gets data as it is")
	}
}
