package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/cli"
	"dialer/internal/csvimport"
	"dialer/internal/progress"
)

type tryCommand struct {
	File           string            `arg:"" optional:"" placeholder:"FILE.csv" help:"A CSV of people (default: a small one that is shipped)."`
	Say            string            `placeholder:"TEXT" help:"What the calls say, with {{column}} for a row's value (default: a text that is made from the columns)."`
	DefaultCountry string            `name:"default-country" placeholder:"GB" help:"The country of numbers without a country code (default: that of most others in the file)."`
	Map            map[string]string `mapsep:"," placeholder:"to=phone,..." help:"Which column is the number (to), if its name does not say so."`
	Data           string            `placeholder:"FOLDER" help:"Keep the data in this folder (default: nothing is left)."`
	CallsPerSecond float64           `name:"calls-per-second" placeholder:"N" help:"New calls a second (default: 3, as an account has, and more for long files)."`
	Seed           uint64            `default:"1" help:"Decides who answers (default: ${default})."`
	Timeout        time.Duration     `default:"10m" help:"When to give up (default: ${default})."`
}

func (c *tryCommand) Help() string {
	return `Calls the people of a CSV on simulated telephones, with servers of its own: nothing has to be prepared, and no telephone rings. It calls at any hour and in any country, shows the rows that are refused, and writes no file.

Examples:

    dialer try                       # a small file that is shipped
    dialer try people.csv
    dialer try people.csv --say 'Hello {{name}}, the water is off in {{street}}.'`
}

const triedCSV = "demo/people.csv"

func (c *tryCommand) Run(ctx context.Context, con console) error {
	ctx, cancel := context.WithTimeoutCause(ctx, c.Timeout, fmt.Errorf("it did not end within %v (--timeout)", c.Timeout))
	defer cancel()
	if err := campaign.CheckCountry(c.DefaultCountry); err != nil {
		return fmt.Errorf("%w: --default-country: %w", cli.ErrUsage, err)
	}
	t := trial{tryCommand: *c, con: con, answers: bufio.NewScanner(con.In), asks: progress.IsTerminal(con.In) && progress.IsTerminal(con.Out)}
	err := t.run(ctx)
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// trial is one run of dialer try.
type trial struct {
	tryCommand
	con     console
	asks    bool // a person is there to answer
	answers *bufio.Scanner
	rows    map[string]csvRow // by number
}

// run reads the file once to look at it, and again to import it.
func (t *trial) run(ctx context.Context) error {
	seen, err := t.look(ctx)
	if err != nil {
		return err
	}
	t.rows = seen.rows
	t.show(seen)
	if seen.accepted == 0 {
		return fmt.Errorf("no row of %s can be called", t.name())
	}
	s, err := startSimulation(ctx, t.con, simulationConfig{data: t.Data, seed: t.Seed, faults: "none", callsPerSecond: t.rate(seen.accepted), log: t.longOnes})
	defer s.close()
	if err != nil {
		return err
	}
	summary, err := t.importInto(ctx, app.Import{By: simulatedActor, Store: s.db}, time.Now().UTC().Format("try 2006-01-02 15:04:05"))
	if err != nil {
		return err
	}
	t.con.Printf("Calling %s on simulated telephones, %s a second; the calls pass %d times faster than real ones.\n\n", progress.People(summary.Added), rateText(s.callsPerSecond), simulatedSpeed)
	if err := s.dial(ctx, summary.Campaign); err != nil {
		return err
	}
	return t.showResult(ctx, s, summary.Campaign.ID)
}

// longOnes prints the slow steps, but not the origin of each server.
func (t *trial) longOnes(line string) {
	if strings.Contains(line, "download") {
		t.con.Printf("%s\n", line)
	}
}

func rateText(perSecond float64) string {
	if perSecond == 1 {
		return "1 call"
	}
	return fmt.Sprintf("%v calls", perSecond)
}

// rate is an ordinary account's rate, or more if the file would take longer than a
// minute.
func (t *trial) rate(people int) float64 {
	if t.CallsPerSecond > 0 {
		return t.CallsPerSecond
	}
	return max(3, min(float64(people/30), 200))
}

func (t *trial) name() string {
	if t.File == "" {
		return "a shipped file"
	}
	return t.File
}

func (t *trial) open() (io.ReadCloser, error) {
	if t.File == "" {
		return demoFiles.Open(triedCSV)
	}
	return os.Open(t.File)
}

func (t *trial) importInto(ctx context.Context, store csvimport.Store, name string) (csvimport.Summary, error) {
	in, err := t.open()
	if err != nil {
		return csvimport.Summary{}, err
	}
	defer in.Close()
	options := csvimport.Options{DefaultCountry: t.DefaultCountry, Map: t.Map, Now: time.Now(), Yes: true} // nobody's telephone rings
	summary, err := csvimport.Import(ctx, in, name, simulatedSettings(t.Say), options, store)
	if err != nil {
		return summary, fmt.Errorf("%s: %w", t.name(), err)
	}
	return summary, nil
}

// show says how the file was read, and which rows are refused.
func (t *trial) show(seen seenFile) {
	t.con.Printf("%s: %s, %d can be called, %d duplicate, %d refused\n", t.name(), progress.Count(seen.rowsIn(), "row"), seen.accepted, seen.duplicates, seen.refusedRows)
	t.con.Printf("  number   %q%s\n", seen.columns.To, t.countryText(seen))
	if seen.columns.Zone != "" {
		t.con.Printf("  zone     %q\n", seen.columns.Zone)
	}
	if seen.columns.CallAt != "" {
		t.con.Printf("  call at  %q\n", seen.columns.CallAt)
	}
	t.con.Printf("  message  %s\n", t.Say)
	for _, row := range seen.refused {
		t.con.Printf("  %s\n", refusedText(row))
	}
	if more := seen.refusedRows - len(seen.refused); more > 0 {
		t.con.Printf("  and %d more\n", more)
	}
}

func (t *trial) countryText(seen seenFile) string {
	switch {
	case t.DefaultCountry == "":
		return ""
	case seen.guessed:
		return fmt.Sprintf("; without a country code it is taken as one of %s, as most others are (--default-country)", t.DefaultCountry)
	}
	return "; without a country code it is one of " + t.DefaultCountry
}

// showResult shows how each person ended, and what to type for real calls.
func (t *trial) showResult(ctx context.Context, s *simulation, id int64) error {
	reports, err := s.db.Report(ctx, id)
	if err != nil {
		return err
	}
	people, err := s.db.People(ctx, id, shownPeople)
	if err != nil {
		return err
	}
	t.con.Printf("\n")
	printPeople(t.con, people, t.rows)
	for _, r := range reports {
		if more := r.Done - len(people); more > 0 {
			t.con.Printf("and %d more\n", more)
		}
		t.con.Printf("\n")
		printLadder(t.con, r)
	}
	t.con.Printf("\n%s", t.next())
	return nil
}

// next is the same campaign with an account.
func (t *trial) next() string {
	file, country := t.File, ""
	if file == "" {
		file = "people.csv"
	}
	if t.DefaultCountry != "" {
		country = " --default-country " + t.DefaultCountry
	}
	for own, column := range t.Map {
		country += " --map " + quoteShell(own+"="+column)
	}
	kept := "Nothing was left behind."
	if t.Data != "" {
		kept = fmt.Sprintf("The data are in %s; the next 'dialer try --data %s' adds to them.", t.Data, quoteShell(t.Data))
	}
	return fmt.Sprintf(`%s No telephone rang. For real calls, with an account at Vonage (docs/account.md):
  dialer init     # then put the account's values into .env
  dialer run &
  enqueue --name first --from YOUR_NUMBER%s \
      --say %s --dry-run %s
`, kept, country, quoteShell(t.Say), quoteShell(file))
}

// quoteShell writes a word for a shell.
func quoteShell(word string) string {
	if word != "" && !strings.ContainsFunc(word, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./=,:@%+", r)
	}) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// ask asks the person at the terminal. Without one there is no answer.
func (t *trial) ask(question string) (answer string, err error) {
	t.con.Printf("%s ", question)
	if !t.answers.Scan() {
		return "", errors.Join(errors.New("no answer"), t.answers.Err())
	}
	return strings.TrimSpace(t.answers.Text()), nil
}
