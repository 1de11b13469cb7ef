package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"dialer/internal/cli"
	"dialer/internal/testkit"
	"dialer/internal/testkit/require"

	"github.com/google/go-cmp/cmp"
)

// TestMain lets a test start the command as a process: the test binary is it.
func TestMain(m *testing.M) {
	if os.Getenv("ENQUEUE_TEST_AS_COMMAND") != "" {
		main()
	}
	os.Exit(m.Run())
}

// result is the output and the error of one run.
type result struct {
	out, err string
	failure  error
}

func command(t testing.TB, stdin io.Reader, args ...string) result {
	t.Helper()
	return commandWith(t.Context(), stdin, args...)
}

func commandWith(ctx context.Context, stdin io.Reader, args ...string) result {
	var out, err bytes.Buffer
	con := cli.Console{In: stdin, Out: &out, Err: &err, Getenv: func(string) string { return "" }}
	failure := enqueue(ctx, args, con)
	return result{out: out.String(), err: err.String(), failure: failure}
}

// exitCode is the exit code of a run that returned failure.
func exitCode(failure error) int { return program(cli.Console{Err: io.Discard}).Exit(failure) }

func (r result) ok(t testing.TB) result {
	t.Helper()
	if exitCode(r.failure) != cli.ExitOK {
		t.Fatalf("%v\n%s%s", r.failure, r.out, r.err)
	}
	return r
}

func (r result) prints(t testing.TB, want ...string) result {
	t.Helper()
	for _, text := range want {
		if !strings.Contains(r.out, text) {
			t.Errorf("printed\n%swant %q in it", r.out, text)
		}
	}
	return r
}

// flagsFor are the least flags for a campaign.
func flagsFor(db *testkit.DB, more ...string) []string {
	args := []string{"--name", "water", "--from", "442079460000", "--default-country", "GB", "--say", "Hello {{name}}."}
	if db != nil {
		args = append(args, "--database-url", db.URL)
	}
	return append(args, more...)
}

func write(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "people.csv")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func people(n int) string {
	var b strings.Builder
	b.WriteString("name,phone\n")
	for i := range n {
		fmt.Fprintf(&b, "Person %d,07700 9%05d\n", i, i)
	}
	return b.String()
}

type contact struct {
	Line int
	To   string
	Name string
}

func contacts(t testing.TB, db *testkit.DB) []contact {
	t.Helper()
	return testkit.Rows[contact](t, db, `SELECT line_no, to_number, vars->>'name' FROM contacts ORDER BY id`)
}

func campaigns(t testing.TB, db *testkit.DB) []string {
	t.Helper()
	return testkit.Rows[string](t, db, `SELECT name || ' ' || status FROM campaigns ORDER BY id`)
}

const mixed = "name,phone\n" +
	"Ann,07700 900001\n" +
	"Bob,0770\n" +
	"Cid,+44 7700 900001\n" +
	"Dee,07700 900002\n"

func TestImportCreatesCampaign(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	file := write(t, mixed)
	command(t, nil, flagsFor(db, file)...).ok(t).prints(t,
		"4 rows, 2 added, 1 duplicate, 1 refused",
		"2 rows not added: see "+strings.TrimSuffix(file, ".csv")+".rejects.csv",
		"2 people will be called within 09:00-20:00 in their own zone; `dialer run` places the calls.")
	want := []contact{{2, "447700900001", "Ann"}, {5, "447700900002", "Dee"}}
	if diff := cmp.Diff(want, contacts(t, db)); diff != "" {
		t.Errorf("contacts (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{"water running"}, campaigns(t, db)); diff != "" {
		t.Errorf("campaigns (-want +got)\n%s", diff)
	}
}

func TestImportSameCommandAgain(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	file := write(t, mixed)
	command(t, nil, flagsFor(db, file)...).ok(t)
	before := contacts(t, db)
	command(t, nil, flagsFor(db, file)...).ok(t).prints(t, "0 added, 2 already there, 1 duplicate, 1 refused", "Nobody new")
	if diff := cmp.Diff(before, contacts(t, db)); diff != "" {
		t.Errorf("contacts (-before +after)\n%s", diff)
	}
}

func TestRejectsCorrectedAndImported(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	file := write(t, mixed)
	rejects := filepath.Join(t.TempDir(), "refused.csv")
	command(t, nil, flagsFor(db, "--rejects", rejects, file)...).ok(t)
	text, err := os.ReadFile(rejects)
	require.NoError(t, err)
	corrected := strings.Replace(string(text), "Bob,0770", "Bob,07700 900009", 1)
	if corrected == string(text) {
		t.Fatalf("Bob is not among the rejected rows:\n%s", text)
	}
	command(t, nil, flagsFor(db, write(t, corrected))...).ok(t).prints(t, "2 rows, 1 added")
}

func TestStandardInputEncodings(t *testing.T) {
	t.Parallel()
	const text = "name;phone\nZoë;+447700900001\n\"Œuf\";+447700900002\n"
	sixteen := []byte{0xFF, 0xFE}
	for _, unit := range utf16.Encode([]rune(text)) {
		sixteen = append(sixteen, byte(unit), byte(unit>>8))
	}
	for name, file := range map[string][]byte{
		"utf-8":              []byte(text),
		"utf-8 with a mark":  []byte("\uFEFF" + text),
		"utf-16":             sixteen,
		"windows-1252":       []byte(strings.NewReplacer("ë", "\xeb", "Œ", "\x8c").Replace(text)),
		"with CRLF":          []byte(strings.ReplaceAll(text, "\n", "\r\n")),
		"as a spreadsheet's": []byte("sep=;\r\n" + strings.ReplaceAll(text, "\n", "\r\n")),
	} {
		db := testkit.New(t)
		command(t, bytes.NewReader(file), flagsFor(db, "-")...).ok(t).prints(t, "standard input: 2 rows, 2 added")
		var names []string
		for _, c := range contacts(t, db) {
			names = append(names, c.Name)
		}
		if diff := cmp.Diff([]string{"Zoë", "Œuf"}, names); diff != "" {
			t.Errorf("%s: names (-want +got)\n%s", name, diff)
		}
	}
}

func TestStrayQuoteCostsOneRow(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	text := strings.Replace(people(200), "Person 7,", "\"Person 7,", 1)
	command(t, strings.NewReader(text), flagsFor(db, "-")...).ok(t).prints(t, "200 rows, 199 added, 1 refused")
}

func TestStandardInputRejectsArePrinted(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	text := "name,phone\n" + strings.Repeat("Ann,07700 90000x\n", maxPrinted+5) + "Bob,07700 900001\n"
	got := command(t, strings.NewReader(text), flagsFor(db, "-")...).ok(t).prints(t, "5 more refused rows are not shown", "--rejects FILE")
	if lines := strings.Count(got.err, "\n"); lines != maxPrinted || !strings.HasPrefix(got.err, "line 2, phone: ") {
		t.Errorf("printed %d rejected rows, want %d:\n%s", lines, maxPrinted, got.err)
	}
	if strings.Contains(got.err+got.out, "07700") {
		t.Errorf("a number was printed:\n%s%s", got.out, got.err)
	}
}

func TestImportOtherSettings(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	file := write(t, people(3))
	command(t, nil, flagsFor(db, file)...).ok(t)
	got := command(t, nil, flagsFor(db, "--attempts", "1", write(t, people(9)))...)
	if got.failure == nil || !strings.Contains(got.failure.Error(), "another --name") || exitCode(got.failure) != cli.ExitFailed {
		t.Errorf("got %v, want it to say another --name", got.failure)
	}
	if n := len(contacts(t, db)); n != 3 {
		t.Errorf("%d contacts, want 3", n)
	}
	if got.failure == nil || !strings.Contains(got.failure.Error(), "--attempts is 3 there, and 1 here") {
		t.Errorf("%v does not name the setting and both values", got.failure)
	}
	started := command(t, nil, flagsFor(db, "--start", "2099-12-01T09:00:00Z", "--hours", "09:00-20:00", file)...)
	if started.failure == nil || !strings.Contains(started.failure.Error(), "--start is none there, and 2099-12-01T09:00:00Z here") {
		t.Errorf("a start that the campaign does not have: %v", started.failure)
	}
}

// A command without --start keeps the stored start, and prints it.
func TestImportPrintsWhatIsStored(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	command(t, nil, flagsFor(db, "--start", "2099-12-01T09:00:00Z", write(t, people(3)))...).ok(t).prints(t, "from 2099-12-01 09:00 UTC on")
	command(t, nil, flagsFor(db, write(t, people(4)))...).ok(t).prints(t, "1 added", "from 2099-12-01 09:00 UTC on")
}

// A row that was edited since changes nobody without --update. The command says so, with
// the row's line and the columns that differ.
func TestEditedRowIsTold(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	day := time.Now().AddDate(0, 1, 0).Format(time.DateOnly)
	first := "name,phone,call_at\nAnn,07700 900001," + day + " 10:00\nBob,07700 900002," + day + " 11:00\n"
	edited := strings.NewReplacer("Bob", "Robert", " 11:00", " 15:00").Replace(first)
	command(t, nil, flagsFor(db, write(t, first))...).ok(t)
	before := contacts(t, db)
	counts := []string{"2 rows, 0 added, 1 already there, 1 in the campaign with other values\n", "changed nobody; --update changes who is still to be called"}
	const where = "line 3, call_at, name: this person is in the campaign with another value: --update changes it\n"
	if got := command(t, strings.NewReader(edited), flagsFor(db, "-")...).ok(t).prints(t, counts...); got.err != where {
		t.Errorf("of standard input it said %q, want %q", got.err, where)
	}
	file := write(t, edited)
	rejects := strings.TrimSuffix(file, ".csv") + ".rejects.csv"
	command(t, nil, flagsFor(db, file)...).ok(t).prints(t, append(counts, "1 row not added: see "+rejects)...)
	text, err := os.ReadFile(rejects)
	require.NoError(t, err)
	if want := "3,\"call_at, name\",this person is in the campaign with another value: --update changes it,"; !strings.Contains(string(text), want) {
		t.Errorf("the rejected rows are\n%swant %q among them", text, want)
	}
	if diff := cmp.Diff(before, contacts(t, db)); diff != "" {
		t.Errorf("contacts (-before +after)\n%s", diff)
	}
	command(t, nil, flagsFor(db, "--update", file)...).ok(t).prints(t, "2 rows, 0 added, 1 already there, 1 updated\n")
	if got := contacts(t, db); got[1].Name != "Robert" {
		t.Errorf("contacts %v, want the edited name", got)
	}
}

// A message that Vonage would refuse is refused before the campaign exists, and in the
// dry run too.
func TestMessageIsCheckedFirst(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	file := write(t, people(3))
	ncco := filepath.Join(t.TempDir(), "ncco.json")
	require.NoError(t, os.WriteFile(ncco, []byte(`[{"action":"sleep"}]`), 0o600))
	base := []string{"--name", "water", "--from", "442079460000", "--default-country", "GB", "--database-url", db.URL}
	for _, message := range [][]string{{"--say", "<speak>Hi {{name}} & co</speak>"}, {"--ncco", ncco}} {
		for _, more := range [][]string{{file}, {"--dry-run", file}} {
			got := command(t, nil, slices.Concat(base, message, more)...)
			if got.failure == nil || !strings.Contains(got.failure.Error(), "Vonage would refuse the message") {
				t.Errorf("%q %q: %v", message, more, got.failure)
			}
		}
	}
	if list := campaigns(t, db); len(list) != 0 {
		t.Errorf("campaigns %v, want none", list)
	}
	command(t, nil, slices.Concat(base, []string{"--ncco", ncco, "--allow-unknown", file})...).ok(t).prints(t, "3 added")
}

func TestImportFileErrors(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	for text, want := range map[string]string{
		"":                               "people.csv: line 1: ",
		"\n\nname,town\nAnn,Leeds\n":     "people.csv: line 3: no column holds the number",
		"phone\n07700 900001\n":          `needs columns that the file does not have: "name"`,
		"07700 900001,Ann\n":             "people.csv: line 1: ",
		"name,phone,phone\nAnn,0,0\n":    "people.csv: line 1: two columns",
		"name,mobile,tel\nAnn,077,077\n": "choose with --map",
	} {
		got := command(t, nil, flagsFor(db, write(t, text))...)
		if got.failure == nil || !strings.Contains(got.failure.Error(), want) {
			t.Errorf("%q: %v, want it to say %q", text, got.failure, want)
		}
	}
	for _, path := range []string{filepath.Join(t.TempDir(), "none.csv"), t.TempDir()} {
		if got := command(t, nil, flagsFor(db, path)...); got.failure == nil || !strings.Contains(got.failure.Error(), path) {
			t.Errorf("%s: %v, want it named", path, got.failure)
		}
	}
	if got := campaigns(t, db); len(got) != 0 {
		t.Errorf("campaigns %v, want none", got)
	}
}

// blocking reads its head, and then nothing until wait is closed.
type blocking struct {
	head io.Reader
	wait <-chan struct{}
}

func (s blocking) Read(b []byte) (int, error) {
	if n, err := s.head.Read(b); err == nil {
		return n, nil
	}
	<-s.wait
	return 0, io.ErrUnexpectedEOF
}

// imported waits for the first batch and returns how many rows are in.
func imported(t testing.TB, db *testkit.DB) (n int) {
	t.Helper()
	require.Eventually(t, "the first batch is in", func() bool {
		if testkit.Value[bool](t, db, `SELECT to_regclass('contacts') IS NOT NULL`) {
			n = testkit.Value[int](t, db, `SELECT count(*) FROM contacts`)
		}
		return n > 0
	})
	return n
}

// manyRows make more than one batch.
const manyRows = 9000

// most is more than one batch of a file, but not the whole file.
func most(file string) string { return file[:len(file)*2/3] }

// uninterrupted is the table after an import without an interruption.
func uninterrupted(t testing.TB) []contact {
	t.Helper()
	db := testkit.New(t)
	command(t, strings.NewReader(people(manyRows)), flagsFor(db, "-")...).ok(t)
	return contacts(t, db)
}

func TestImportResumesAfterInterrupt(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	done := make(chan result)
	go func() {
		done <- commandWith(ctx, blocking{strings.NewReader(most(people(manyRows))), t.Context().Done()}, flagsFor(db, "-")...)
	}()
	n := imported(t, db)
	interrupt()
	got := <-done
	if got.failure == nil || !strings.Contains(got.failure.Error(), "broken off") || !strings.Contains(got.failure.Error(), "same command again") {
		t.Errorf("got %v, want it to say how to resume", got.failure)
	}
	if diff := cmp.Diff([]string{"water importing"}, campaigns(t, db)); diff != "" || n >= manyRows {
		t.Errorf("%d of %d rows in, campaigns (-want +got)\n%s", n, manyRows, diff)
	}
	command(t, strings.NewReader(people(manyRows)), flagsFor(db, "-")...).ok(t)
	if diff := cmp.Diff(uninterrupted(t), contacts(t, db)); diff != "" {
		t.Errorf("not the table of an uninterrupted import (-want +got)\n%s", diff)
	}
}

func TestImportResumesAfterKill(t *testing.T) {
	t.Parallel()
	db := testkit.New(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0], flagsFor(db, "-")...)
	cmd.Env = append(os.Environ(), "ENQUEUE_TEST_AS_COMMAND=1")
	feed, err := cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	go func() { _, _ = io.WriteString(feed, most(people(manyRows))) }()
	imported(t, db)
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait() // it was killed
	if diff := cmp.Diff([]string{"water importing"}, campaigns(t, db)); diff != "" {
		t.Errorf("campaigns (-want +got)\n%s", diff)
	}
	command(t, strings.NewReader(people(manyRows)), flagsFor(db, "-")...).ok(t)
	if diff := cmp.Diff(uninterrupted(t), contacts(t, db)); diff != "" {
		t.Errorf("not the table of an uninterrupted import (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{"water running"}, campaigns(t, db)); diff != "" {
		t.Errorf("campaigns (-want +got)\n%s", diff)
	}
}

// Only migrate and run migrate: an import from a laptop does not upgrade a database.
func TestImportRefusesADatabaseWithoutItsSchema(t *testing.T) {
	t.Parallel()
	got := command(t, strings.NewReader(people(2)), flagsFor(nil, "--database-url", testkit.Empty(t), "-")...)
	if got.failure == nil || !strings.Contains(got.failure.Error(), "dialer migrate up") || exitCode(got.failure) != cli.ExitFailed {
		t.Errorf("got %v, want a failure that says what to type", got.failure)
	}
}

func TestUnreachableDatabase(t *testing.T) {
	t.Parallel()
	got := command(t, strings.NewReader(people(2)), flagsFor(nil, "--database-url", "postgres://nobody:hunter2@127.0.0.1:1/none", "-")...)
	if got.failure == nil || exitCode(got.failure) != cli.ExitFailed {
		t.Errorf("got %v, want a failure", got.failure)
	}
	if text := fmt.Sprint(got.failure) + got.err; strings.Contains(text, "hunter2") {
		t.Errorf("the password was printed: %s", text)
	}
}
