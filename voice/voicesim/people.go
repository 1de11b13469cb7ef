package voicesim

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// peopleColumns are the columns of a file of people; the first two must be there.
var peopleColumns = []string{"number", "outcome", "keys", "hangs_up_after", "beep_after", "rings_back_after"}

// patience is how long a person stays on the line, unless their row says otherwise.
const patience = 2 * time.Minute

// ReadPeople reads from a CSV how the person at each number behaves: one row each for the
// first, second, ... call. Its columns are number, outcome (one of those of
// Outcomes.Weights), keys (what they press at each question, as "1 early:2 late:3 -
// say:yes_please", where - means nothing and say: means spoken words), hangs_up_after,
// beep_after (of a machine; never: it has no beep) and rings_back_after, with times such
// as 5s.
func ReadPeople(in io.Reader) (map[string][]Script, error) {
	r := csv.NewReader(in)
	header, err := r.Read()
	if err != nil {
		return nil, fmt.Errorf("read people: %w", err)
	}
	for _, name := range header {
		if !slices.Contains(peopleColumns, name) {
			return nil, fmt.Errorf("read people: column %q: want %s", name, strings.Join(peopleColumns, ", "))
		}
	}
	people := map[string][]Script{}
	for line := 2; ; line++ {
		record, err := r.Read()
		if err == io.EOF {
			return people, Outcomes{ByNumber: people}.validate()
		}
		if err != nil {
			return nil, fmt.Errorf("read people: %w", err)
		}
		cell := func(name string) string {
			if at := slices.Index(header, name); at >= 0 {
				return strings.TrimSpace(record[at])
			}
			return ""
		}
		script, err := readPerson(cell)
		if err != nil {
			return nil, fmt.Errorf("read people: line %d: %w", line, err)
		}
		number := strings.TrimPrefix(cell("number"), "+")
		people[number] = append(people[number], script)
	}
}

func readPerson(cell func(string) string) (s Script, err error) {
	s = Script{Outcome: cell("outcome"), Talk: patience, Presses: []Press{}}
	for word := range strings.FieldsSeq(cell("keys")) {
		if said, ok := strings.CutPrefix(word, SaidMark); ok {
			s.Presses = append(s.Presses, Press{Words: strings.ReplaceAll(said, "_", " ")})
			continue
		}
		keys, early := strings.CutPrefix(word, "early:")
		keys, late := strings.CutPrefix(keys, "late:")
		p := Press{Keys: strings.TrimPrefix(keys, "-"), Early: early}
		if late {
			p.After = tooLate
		}
		if !pressable.MatchString(p.Keys) {
			return s, fmt.Errorf("keys %q: want digits, * and #, or -", word)
		}
		s.Presses = append(s.Presses, p)
	}
	for _, column := range []struct {
		name string
		to   *time.Duration
	}{{"hangs_up_after", &s.Talk}, {"beep_after", &s.Beep}, {"rings_back_after", &s.RingBack}} {
		switch text := cell(column.name); {
		case text == "":
		case text == "never" && column.to == &s.Beep:
			s.Beep = time.Hour
		default:
			if *column.to, err = time.ParseDuration(text); err != nil {
				return s, fmt.Errorf("%s: %w", column.name, err)
			}
		}
	}
	return s, nil
}
