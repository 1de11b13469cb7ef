package csvimport

import (
	"strings"
	"testing"

	"dialer/internal/testkit/require"

	"golang.org/x/text/encoding/htmlindex"
)

// encoded is a text in an encoding, by its WHATWG name.
func encoded(t testing.TB, name, text string) string {
	t.Helper()
	e, err := htmlindex.Get(name)
	require.NoError(t, err)
	out, err := e.NewEncoder().String(text)
	require.NoError(t, err)
	return out
}

// One stray byte refuses its own row and never changes how the others are read.
func TestStrayBytes(t *testing.T) {
	t.Parallel()
	names := "José;Zoë;Ann\xc3;Ana;\x93Bo\x94;Ðorđe\xff;日本\xe6\x97;Åsa"
	var file strings.Builder
	file.WriteString("to,name\n")
	for _, name := range strings.Split(names, ";") {
		file.WriteString("+442079460018," + name + "\n")
	}
	r := mustReader(t, file.String(), lenient(), options())
	rows, rejects := readAll(t, r)
	if form := r.file.form; form.Encoding != "utf-8" || form.Guessed || len(r.warnings) > 0 {
		t.Errorf("%+v, warnings %q", form, r.warnings)
	}
	if len(rows) != 4 || rows[0].Vars["name"] != "José" || rows[1].Vars["name"] != "Zoë" || rows[3].Vars["name"] != "Åsa" {
		t.Errorf("rows %+v", rows)
	}
	for i, line := range []int{4, 6, 7, 8} {
		if i >= len(rejects) || rejects[i].Line != line || rejects[i].Column != "name" || !strings.Contains(rejects[i].Reason, "--encoding") {
			t.Errorf("refused %d: %+v", i, rejects)
			break
		}
	}
}

// Letters beyond ASCII show that a file is not Japanese in seven bits.
func TestEscapeInUTF8(t *testing.T) {
	t.Parallel()
	r := mustReader(t, "to,name\n+442079460018,José\n+442079460018,x\x1b$B\n", lenient(), options())
	rows, _ := readAll(t, r)
	if len(rows) == 0 || rows[0].Vars["name"] != "José" || r.file.form.Encoding != "utf-8" {
		t.Errorf("%+v: %+v", r.file.form, rows)
	}
}

// A guess is a warning. A named encoding is used. A row that is not valid in the encoding
// is refused and keeps its bytes.
func TestLegacyEncodings(t *testing.T) {
	t.Parallel()
	tests := []struct{ encoding, name, guessed string }{
		{"windows-1252", "François Müller, José Peña, Zoë", "windows-1252"},
		{"windows-1250", "Jiří Dvořák, Łukasz, Žofie", ""},
		{"windows-1251", "Анна Петрова, Иван Сергеев", "windows-1251"},
		{"koi8-r", "Анна Петрова, Иван Сергеев", "koi8-r"},
		{"macintosh", "René, François, José", ""},
		{"shift_jis", "山田太郎, 佐藤花子", "shift_jis"},
		{"gbk", "王小明, 李雷, 韩梅梅", "gbk"},
		{"big5", "陳大文, 林小美", "big5"},
		{"euc-kr", "김철수, 이영희", ""},
		{"iso-2022-jp", "山田太郎", "iso-2022-jp"},
		{"utf-16le", "Zoë 日本", ""},
		{"utf-16be", "Zoë 日本", ""},
	}
	for _, test := range tests {
		file := encoded(t, test.encoding, "to;name\n+442079460018;"+test.name+"\n+442079460019;Ann\n")
		o := options()
		r := mustReader(t, file, lenient(), o)
		if form := r.file.form; test.guessed != "" && (form.Encoding != test.guessed || form.Guessed != (len(r.warnings) == 1)) {
			t.Errorf("%s: guessed %+v, warnings %q", test.encoding, form, r.warnings)
		}
		o.Encoding = strings.ToUpper(test.encoding)
		r = mustReader(t, file, lenient(), o)
		rows, _ := readAll(t, r)
		if len(rows) != 2 || rows[0].Vars["name"] != test.name || r.file.form.Guessed || len(r.warnings) > 0 {
			t.Errorf("%s: %+v, warnings %q", test.encoding, rows, r.warnings)
		}
	}
}

func TestBytesAreKept(t *testing.T) {
	t.Parallel()
	good, bad := "+442079460018;"+encoded(t, "shift_jis", "山田")+"\n", "+442079460019;\x82\xff\x41;\n"
	var rejects strings.Builder
	o := options()
	o.Encoding, o.Rejects = "shift_jis", &rejects
	sum, err := Import(t.Context(), strings.NewReader("to;name\n"+good+bad+good[:12]+"7"+good[13:]), "names", lenient(), o, nowhere{})
	require.NoError(t, err)
	if sum.Added != 2 || sum.Rejected != 1 || !strings.Contains(rejects.String(), ";+442079460019;\x82\xff\x41;\n") {
		t.Errorf("%+v:\n%q", sum, rejects.String())
	}
}
