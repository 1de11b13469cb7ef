package csvimport

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"dialer/campaign"
)

// Numbers reads a list of numbers in any file that Import reads. If the first line names
// columns, it reads the number columns. Otherwise it reads every cell of a line; the
// first must be a number. A cell may contain several. An area code in a separate column,
// or in the cell before, belongs to the number.
//
// A cell that may be a number but cannot be read is a mistake, because a number that is
// left out would be called. each gets every number or mistake, and says whether to
// continue. The error is about the file as a whole.
func Numbers(in io.Reader, o Options, each func(line int, number string, mistake error) bool) error {
	if err := campaign.CheckCountry(o.DefaultCountry); err != nil {
		return err
	}
	file, err := openFile(in, o)
	if err != nil {
		return err
	}
	defer file.close()
	if file.splitter != nil {
		delimiters, err := file.splitter.headerDelimiters()
		if err != nil {
			return fmt.Errorf("line %d: %w", file.splitter.line, err)
		}
		file.splitter.comma = delimiters[0]
	}
	list := numberList{country: o.DefaultCountry}
	for first := true; ; first = false {
		rec, err := file.next()
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case first && list.isHeader(rec):
			continue
		}
		numbers, err := list.read(rec)
		for _, n := range numbers {
			if !each(rec.line, n, nil) {
				return nil
			}
		}
		if err != nil && !each(rec.line, "", err) {
			return nil
		}
	}
}

// numberList says where the numbers of a list are.
type numberList struct {
	country string
	columns []int // that hold numbers; none: there is no header
	area    int   // the column of the area code; -1: none
}

var (
	numberHeader = regexp.MustCompile(`^(home|work|business|private|office|day|evening|alt|alternative|other|second|main|primary|contact)?` +
		`(to|phone|phonenumber|number|telephone|telephonenumber|tel|telno|mobile|mobilenumber|mobilephone|cell|cellphone|cellnumber|msisdn|landline|telefon|telefonnummer|rufnummer|handy|telefono|téléphone|portable|mobil)(no|nr)?[0-9]*$`)
	areaHeader = regexp.MustCompile(`^(area|areacode|prefix|stdcode|diallingcode|vorwahl|indicatif|prefijo|prefisso|netnummer)$`)
)

// isHeader finds the columns of a first line that names them. A first line without digits
// counts as a header too, even if no name in it is known.
func (l *numberList) isHeader(rec record) bool {
	l.area = -1
	for i, f := range rec.fields {
		switch name := normalized(campaign.CellValue(f)); {
		case numberHeader.MatchString(name):
			l.columns = append(l.columns, i)
		case areaHeader.MatchString(name):
			l.area = i
		}
	}
	return len(l.columns) > 0 || !strings.ContainsFunc(strings.Join(rec.fields, ""), isDigit) && !isComment(rec)
}

func isDigit(r rune) bool { return r >= '0' && r <= '9' }

func isComment(rec record) bool {
	return rec.fault == "" && strings.HasPrefix(strings.TrimSpace(rec.fields[0]), "#")
}

func (l *numberList) read(rec record) ([]string, error) {
	if rec.fault != "" {
		return nil, errors.New(rec.fault)
	}
	if isComment(rec) {
		return nil, nil
	}
	if _, err := checkText(rec.fields); err != nil {
		return nil, fmt.Errorf("%w export the file again as UTF-8, or name its encoding with --encoding", err)
	}
	if len(l.columns) > 0 {
		return l.inColumns(rec)
	}
	return l.inCells(cellsOf(rec))
}

// inColumns reads the number columns. At least one of them must contain a number.
func (l *numberList) inColumns(rec record) (numbers []string, err error) {
	cell := func(i int) string {
		if i < 0 || i >= len(rec.fields) {
			return ""
		}
		return campaign.CellValue(rec.fields[i])
	}
	for _, i := range l.columns {
		text := cell(i)
		if text == "" {
			continue
		}
		if area := cell(l.area); area != "" && !strings.HasPrefix(text, "+") && !strings.HasPrefix(text, "00") {
			text = area + " " + text
		}
		found, err := l.numbersIn(text)
		if err != nil {
			return nil, err
		}
		numbers = append(numbers, found...)
	}
	if len(numbers) == 0 {
		return nil, errors.New("there is no number; fill it in")
	}
	return numbers, nil
}

// cellsOf are the cells of a line without blank ones, whatever separates them.
func cellsOf(rec record) (cells []string) {
	for _, f := range rec.fields {
		for _, cell := range strings.FieldsFunc(f, func(r rune) bool { return strings.ContainsRune(",;|\t", r) }) {
			if cell = campaign.CellValue(cell); cell != "" {
				cells = append(cells, cell)
			}
		}
	}
	return cells
}

// inCells reads a line without columns: a number, then more numbers or notes.
func (l *numberList) inCells(cells []string) ([]string, error) {
	numbers, err := l.numbersIn(cells[0])
	rest := cells[1:]
	if err != nil && len(rest) > 0 {
		if whole, errWhole := l.numbersIn(cells[0] + " " + rest[0]); errWhole == nil {
			numbers, err, rest = whole, nil, rest[1:]
		}
	}
	if err != nil {
		return nil, err
	}
	for _, cell := range rest {
		if !maybeNumber(cell) {
			continue
		}
		found, err := l.numbersIn(cell)
		if err != nil {
			return nil, fmt.Errorf("behind the number there may be a second one: %w", err)
		}
		numbers = append(numbers, found...)
	}
	return numbers, nil
}

var (
	numberSigns = regexp.MustCompile(`^[+(]?[0-9][0-9 ().\-/+]*$`)
	dateLike    = regexp.MustCompile(`^([0-9]{4}-[0-9]{1,2}-[0-9]{1,2}|[0-9]{1,2}[./-][0-9]{1,2}[./-]([0-9]{2}|[0-9]{4}))$`)
)

// leastDigits is how many digits a cell must have to be a number or a part of one.
const leastDigits = 5

// maybeNumber reports whether a cell is not a date and has only characters of numbers.
func maybeNumber(cell string) bool {
	digits := 0
	for _, r := range cell {
		if isDigit(r) {
			digits++
		}
	}
	return digits >= leastDigits && numberSigns.MatchString(cell) && !dateLike.MatchString(cell)
}

var betweenNumbers = regexp.MustCompile(`(?i)[,;|&\n]+|/|\s+(?:or|and|und|oder|ou|et|y|o|e|ed)\s+`)

// numbersIn are the numbers of a cell.
func (l *numberList) numbersIn(cell string) ([]string, error) {
	number, err := campaign.ParseNumber(cell, l.country)
	if err == nil {
		return []string{number.Digits}, nil
	}
	if several := l.all(betweenNumbers.Split(cell, -1)); several != nil {
		return several, nil
	}
	for i, r := range cell {
		if r == ' ' {
			if two := l.all([]string{cell[:i], cell[i:]}); two != nil {
				return two, nil
			}
		}
	}
	return nil, err
}

// all reads the parts of a cell. It returns nil unless each part is a number.
func (l *numberList) all(parts []string) (numbers []string) {
	parts = slices.DeleteFunc(parts, func(p string) bool { return strings.TrimSpace(p) == "" })
	if len(parts) < 2 {
		return nil
	}
	for _, part := range parts {
		n, err := campaign.ParseNumber(part, l.country)
		if err != nil {
			return nil
		}
		numbers = append(numbers, n.Digits)
	}
	return numbers
}
