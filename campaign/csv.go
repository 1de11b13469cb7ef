package campaign

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"sync"
	"time"
)

// RowOptions say how a file's rows are judged.
type RowOptions struct {
	DefaultCountry string            // ISO code for numbers in national form; "" for none
	Map            map[string]string // our column (to, zone, call_at) to the header's name
	Zone           string            // the campaign's: ZoneRecipient, or an IANA name
	Hours          Hours
	Message        Message
	Now            time.Time
}

// Reader reads the rows of a CSV file of any size in bounded memory. It finds
// out the encoding, the delimiter and the columns for itself, and says what it
// found.
//
// Records is sequential; Parse may run in any number of goroutines.
type Reader struct {
	options  RowOptions
	encoding string
	splitter *splitter
	layout   layout
	columns  Columns
	script   script
	// Judged once each, since a file has many rows and few zones.
	places  sync.Map // zone's name to *time.Location
	opening sync.Map // joined zones to whether the hours ever open in them all
}

// NewReader reads the header. Its error concerns the file as a whole, or the
// options.
func NewReader(in io.Reader, o RowOptions) (*Reader, error) {
	r := &Reader{options: o}
	if err := r.prepare(); err != nil {
		return nil, err
	}
	text, name, err := decode(in)
	if err != nil {
		return nil, fmt.Errorf("read the file: %w", err)
	}
	r.encoding = name
	r.splitter = newSplitter(text)
	if err := r.readHeader(); err != nil {
		return nil, fmt.Errorf("line %d: %w", r.splitter.line, err)
	}
	r.columns = r.layout.columns()
	if missing := r.script.missing(r.columns.Vars); len(missing) > 0 {
		return nil, fmt.Errorf("the message needs columns that the file does not have: %s; found %s", quotedNames(missing), quotedNames(r.Header()))
	}
	return r, nil
}

// prepare checks the options, so that a mistake in them is not reported of
// every row.
func (r *Reader) prepare() error {
	if err := checkCountry(r.options.DefaultCountry); err != nil {
		return err
	}
	if r.options.Zone != "" && r.options.Zone != ZoneRecipient {
		if _, err := loadZone(r.options.Zone); err != nil {
			return fmt.Errorf("zone %q: %w", r.options.Zone, err)
		}
	}
	if err := r.options.Hours.validate(); err != nil {
		return fmt.Errorf("hours: %w", err)
	}
	var err error
	r.script, err = r.options.Message.compile()
	return err
}

// readHeader takes the first line that is not blank as the header, with the
// delimiter that it has most often and that yields a column to call.
func (r *Reader) readHeader() error {
	s := r.splitter
	candidates, err := s.headerDelimiters()
	if err != nil {
		return err
	}
	window, _ := s.in.Peek(maxRecord + 2)
	var first error
	for _, comma := range candidates {
		s.comma = comma
		rec, used, lines := s.cut(window)
		l, err := headerLayout(rec, r.options.Map)
		if err == nil {
			r.layout = l
			s.columns = len(l.header)
			s.line += lines
			_, err = s.in.Discard(used)
			return err
		}
		if first == nil {
			first = err
		}
	}
	return first
}

func headerLayout(rec Record, mapped map[string]string) (layout, error) {
	if rec.fault != "" {
		return layout{}, errors.New(rec.fault)
	}
	header, err := cleanHeader(rec.fields)
	if err != nil {
		return layout{}, err
	}
	return layOut(header, mapped)
}

// headerDelimiters passes over blank lines, and over the line sep=; by which
// spreadsheets name the delimiter, and returns what may delimit the header.
func (s *splitter) headerDelimiters() ([]byte, error) {
	for {
		window, err := s.in.Peek(maxRecord + 2)
		if err != nil && err != io.EOF {
			return nil, err
		}
		if len(window) == 0 {
			return nil, errors.New("the file is empty; its first line must name the columns")
		}
		end := endOfLine(window)
		line := bytes.TrimSpace(window[:end])
		sep, named := bytes.CutPrefix(bytes.ToLower(line), []byte("sep="))
		if len(line) > 0 && !(named && len(sep) <= 1) {
			return byCount(line), nil
		}
		_, err = s.in.Discard(end + terminator(window[end:]))
		if err != nil {
			return nil, err
		}
		s.line++
		if len(sep) == 1 {
			return sep, nil
		}
	}
}

// Header is the header's names, trimmed.
func (r *Reader) Header() []string { return r.layout.header }

// Columns says which column means what.
func (r *Reader) Columns() Columns { return r.columns }

// Encoding is the file's, such as utf-8, utf-16le or windows-1252.
func (r *Reader) Encoding() string { return r.encoding }

// Delimiter is the byte between two columns.
func (r *Reader) Delimiter() string { return string(r.splitter.comma) }

// Records yields the file's records in their order, blank ones left out. An
// error is one of reading, names the line and ends the sequence.
func (r *Reader) Records() iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for {
			rec, err := r.splitter.next()
			if errors.Is(err, io.EOF) || !yield(rec, err) || err != nil {
				return
			}
		}
	}
}

// Parse judges one record. The reject is nil exactly when the row is good.
func (r *Reader) Parse(rec Record) (Row, *RowError) {
	row, column, err := r.parse(rec)
	if err != nil {
		return Row{}, &RowError{Line: rec.Line, Column: column, Reason: err.Error(), Record: rec.Text}
	}
	return row, nil
}

// parse also returns the column that an error is about.
func (r *Reader) parse(rec Record) (row Row, column string, err error) {
	fields, err := r.fieldsOf(rec)
	if err != nil {
		return Row{}, "", err
	}
	row = Row{Line: rec.Line, Vars: r.layout.vars(fields)}
	var numberZones []string
	if row.To, numberZones, err = ParseNumber(r.layout.field(0, fields), r.options.DefaultCountry); err != nil {
		return Row{}, r.columns.To, err
	}
	if row.Zones, column, err = r.zones(r.layout.field(1, fields), numberZones); err != nil {
		return Row{}, column, err
	}
	if row.CallAt, err = r.callAt(r.layout.field(2, fields), row.Zones); err != nil {
		return Row{}, r.columns.CallAt, err
	}
	if err = r.script.check(row.Vars); err != nil {
		return Row{}, columnOf(err), err
	}
	return row, "", nil
}

func columnOf(err error) string {
	if missing, ok := errors.AsType[missingValue](err); ok {
		return missing.column
	}
	return ""
}

// fieldsOf returns as many fields as the header has.
func (r *Reader) fieldsOf(rec Record) ([]string, error) {
	if rec.fault != "" {
		return nil, errors.New(rec.fault)
	}
	fields := trimBlank(rec.fields, len(r.layout.header))
	if len(fields) != len(r.layout.header) {
		return nil, fmt.Errorf("the record has %d columns and the header %d; put quotes round a value that holds the delimiter", len(fields), len(r.layout.header))
	}
	return fields, checkText(fields)
}

// zones are the row's own, else the campaign's, else its number's.
func (r *Reader) zones(own string, ofNumber []string) (zones []string, column string, err error) {
	switch {
	case own != "":
		zones, column = []string{own}, r.columns.Zone
	case r.options.Zone != "" && r.options.Zone != ZoneRecipient:
		zones = []string{r.options.Zone}
	default:
		zones, column = ofNumber, r.columns.To
	}
	if len(zones) == 0 {
		return nil, column, errors.New("the number does not tell its time zone; add a column zone, or set --zone")
	}
	return zones, column, r.checkOpening(zones)
}

// checkOpening refuses zones in which the campaign's hours never come at once.
func (r *Reader) checkOpening(zones []string) error {
	key := strings.Join(zones, " ")
	open, known := r.opening.Load(key)
	if !known {
		places, err := r.load(zones)
		if err != nil {
			return err
		}
		_, open = r.options.Hours.nextIn(r.options.Now, places)
		r.opening.Store(key, open)
	}
	if open == false {
		return fmt.Errorf("there is no moment of the day at which it is %s in all %d zones that the number may be in; add a column zone, or set --zone", r.options.Hours, len(zones))
	}
	return nil
}

// load is loadZones with a memory for the zones that exist: their number is
// bounded, that of misspelled ones is not.
func (r *Reader) load(zones []string) ([]*time.Location, error) {
	var places []*time.Location
	for _, name := range zones {
		place, known := r.places.Load(name)
		if !known {
			loaded, err := loadZone(name)
			if err != nil {
				return nil, err
			}
			place, _ = r.places.LoadOrStore(name, loaded)
		}
		places = append(places, place.(*time.Location))
	}
	return places, nil
}
