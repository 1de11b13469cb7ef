package csvimport

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"dialer/campaign"
)

// reader reads the rows of a CSV file of any size in bounded memory. It finds
// the encoding, the delimiter and the columns by itself.
//
// records is sequential; parse may run in any number of goroutines.
type reader struct {
	settings campaign.Settings
	options  Options
	message  campaign.MessageTemplate
	file     *inputFile
	warnings []string // what a person should look at; the rows are read all the same
	header   header
	columns  Columns
	// dateFormat is Options.DateFormat as Go's layout.
	dateFormat string
	// everOpen remembers for a row's zones, joined by blanks, whether the hours
	// are ever open in all of them. A file has many rows and few zones.
	everOpen sync.Map
}

// newReader reads the header. Its error concerns the file as a whole, the
// settings or the options. The caller closes the reader.
func newReader(in io.Reader, s campaign.Settings, o Options) (*reader, error) {
	r := &reader{settings: s, options: o}
	err := errors.Join(s.Validate(), campaign.CheckCountry(o.DefaultCountry))
	if err != nil {
		return nil, err
	}
	if r.message, err = s.Message.Compile(); err != nil {
		return nil, err
	}
	if r.file, err = openFile(in, o); err != nil {
		return nil, err
	}
	if err := r.bind(); err != nil {
		r.close()
		if len(r.header.names) > 0 {
			err = &ColumnsError{Found: r.header.names, Err: err}
		}
		return nil, err
	}
	return r, nil
}

// bind reads the header and connects the message's placeholders with its columns.
func (r *reader) bind() (err error) {
	if r.header, err = r.file.readHeader(r.options.Map); err != nil {
		return err
	}
	r.warnings = r.file.warnings
	return r.prepare()
}

// prepare does the checks that need only the header. Its error concerns all rows.
func (r *reader) prepare() (err error) {
	if r.dateFormat, err = ParseDateFormat(r.options.DateFormat); err != nil {
		return fmt.Errorf("date format %w", err)
	}
	if err := r.header.keyBy(r.settings.Key); err != nil {
		return err
	}
	r.columns = r.header.columns()
	if err := r.message.Bind(r.header.varNames()); err != nil {
		return err
	}
	if missing := r.message.MissingColumns(r.columns.Vars); len(missing) > 0 {
		return &MissingColumnsError{Columns: missing, Found: r.header.names}
	}
	needed := r.message.NeededColumns()
	if remind := r.settings.Remind; remind != nil {
		if !slices.Contains(r.columns.Vars, remind.Column) {
			return fmt.Errorf("the file has no column %q, before whose times people are to be called; found %s", remind.Column, quoted(r.header.names))
		}
		needed = append(needed, remind.Column)
	}
	r.header.need(needed)
	for _, name := range r.message.SingleBraces(r.header.names) {
		r.warnings = append(r.warnings, fmt.Sprintf("{%s} in the message is said as it stands, and there is a column of that name; write {{%s}} for its value", name, name))
	}
	return r.checkTemplate()
}

// close releases the file's resources.
func (r *reader) close() { r.file.close() }

// checkTemplate checks once for all rows whether Vonage would accept the message, if that
// does not depend on their values.
func (r *reader) checkTemplate() error {
	//guard:true internal/csvimport.TestMessagesAreCheckedBeforeTheFirstRow: a message that Vonage would refuse takes no row
	if r.options.CheckMessage == nil || !r.message.AnyValueFits() {
		return nil
	}
	sample, err := r.message.Sample()
	if err != nil {
		return err
	}
	return r.options.CheckMessage(r.settings, sample)
}

// checkMessage reports whether the row's values fit the message, and whether
// Vonage would take it.
func (r *reader) checkMessage(vars map[string]string) error {
	err := r.message.Check(vars)
	if err != nil || r.options.CheckMessage == nil || r.message.AnyValueFits() {
		return err
	}
	rendered, err := r.message.Render(vars)
	if err != nil {
		return err
	}
	//guard:value(nil) internal/csvimport.TestMessagesAreCheckedRowByRow: a row that would make a message that Vonage refuses is refused
	return r.options.CheckMessage(r.settings, rendered)
}

// records yields the file's records in their order, without blank ones. An error concerns
// reading, names the line and ends the sequence.
func (r *reader) records() iter.Seq2[record, error] {
	return func(yield func(record, error) bool) {
		for {
			rec, err := r.file.next()
			if errors.Is(err, io.EOF) || !yield(rec, err) || err != nil {
				return
			}
		}
	}
}

// parse makes a row of a record. rejected is nil exactly when the row is good.
func (r *reader) parse(rec record) (row campaign.Row, rejected *campaign.RowError) {
	rec = r.mended(rec)
	row, column, err := r.parseRow(rec)
	if err != nil {
		return campaign.Row{}, &campaign.RowError{
			Line: rec.line, Column: column, Reason: err.Error(), Record: rec.reported(r.file.comma), Key: row.KeyOrNumber(), Value: r.valueIn(rec, column),
		}
	}
	return row, nil
}

// parseRow also returns the column that an error is about. With an error, the row has the
// values that were read before it.
func (r *reader) parseRow(rec record) (row campaign.Row, column string, err error) {
	fields, column, err := r.fieldsOf(rec)
	if err != nil {
		return campaign.Row{}, column, err
	}
	row = campaign.Row{Line: rec.line, Vars: r.header.vars(fields)}
	if row.Key, err = r.key(fields); err != nil {
		return row, r.columns.Key, err
	}
	if column, err = r.setNumbers(&row, fields); err != nil {
		return row, column, err
	}
	if column, err = r.setTimes(&row, fields); err != nil {
		return row, column, err
	}
	if err = r.checkMessage(row.Vars); err != nil {
		return row, missingColumn(err), err
	}
	return row, "", nil
}

// setNumbers reads the row's numbers, each with its zones, in the order in which
// they are called. If a person may have several, blank ones are left out. A number that
// cannot be called refuses the row, because somebody has to look at it.
func (r *reader) setNumbers(row *campaign.Row, fields []string) (column string, err error) {
	column = r.columns.To
	for _, at := range append([]int{r.header.own[columnTo]}, r.header.more...) {
		text := campaign.CellValue(fields[at])
		if text == "" && len(r.header.more) > 0 {
			continue
		}
		column = r.header.names[at]
		number, err := campaign.ParseNumber(text, r.options.DefaultCountry)
		if err == nil {
			err = cmp.Or(number.CheckKind(), r.settings.Countries.Check(number))
		}
		if err != nil {
			return column, err
		}
		zones, basis, zoneColumn, err := r.zones(fields, number, column)
		if err != nil {
			return zoneColumn, err
		}
		switch {
		case row.To == "":
			row.To, row.Country, row.Zones, row.ZoneBasis = number.Digits, number.Country, zones, basis
		case !slices.ContainsFunc(row.Numbers(), func(n campaign.RowNumber) bool { return n.To == number.Digits }):
			row.More = append(row.More, campaign.RowNumber{To: number.Digits, Country: number.Country, Zones: zones, ZoneBasis: basis})
		}
	}
	if row.To == "" {
		return column, errors.New("none of the columns of numbers holds one")
	}
	return "", nil
}

// maxKey is the longest key that the table of contacts takes, in characters.
const maxKey = 200

// key is the value that identifies the row's person; "" if the number does.
func (r *reader) key(fields []string) (string, error) {
	if r.header.key < 0 || r.header.key == r.header.own[columnTo] {
		return "", nil
	}
	key := campaign.CellValue(fields[r.header.key])
	switch {
	case key == "":
		return "", errors.New("the key is blank; it must tell this person from all others")
	case utf8.RuneCountInString(key) > maxKey:
		return "", fmt.Errorf("the key is longer than %d characters", maxKey)
	}
	return key, nil
}

// fieldsOf returns as many fields as the header has. A record may end early, but
// not before a column that is used. column is the one that an error is about.
func (r *reader) fieldsOf(rec record) (fields []string, column string, err error) {
	names := r.header.names
	switch {
	case rec.fault != "":
		return nil, "", errors.New(rec.fault)
	case len(rec.fields) > len(names):
		return nil, "", fmt.Errorf("the record has %d columns and the header %d; put quotes round a value that holds the delimiter", len(rec.fields), len(names))
	}
	for i := rec.columns; i < len(names); i++ {
		if r.header.used[i] {
			return nil, names[i], fmt.Errorf("the record ends before this column, which is used: it has %d columns and the header %d", rec.columns, len(names))
		}
	}
	if wrong, err := checkText(rec.fields); err != nil {
		return nil, names[wrong], fmt.Errorf("%w %s", err, r.file.howToMend())
	}
	if missing := len(names) - len(rec.fields); missing > 0 {
		return append(slices.Clip(rec.fields), make([]string, missing)...), "", nil
	}
	return rec.fields, "", nil
}

// checkText rejects fields that are not text in the file's encoding, and returns the
// first.
func checkText(fields []string) (field int, err error) {
	for i, f := range fields {
		switch {
		case strings.IndexByte(f, 0) >= 0:
			return i, errors.New("the value holds a NUL byte;")
		case !utf8.ValidString(f) || strings.ContainsRune(f, utf8.RuneError):
			return i, errors.New("the value holds bytes that are no characters in the file's encoding;")
		}
	}
	return 0, nil
}

// zones are the row's own zone, else the campaign's, else those of its postal code,
// else those of the number in numberColumn. column is the one that an error is about.
func (r *reader) zones(fields []string, number campaign.Number, numberColumn string) (zones []string, basis campaign.ZoneBasis, column string, err error) {
	own := r.header.ownField(columnZone, fields)
	switch ofCode := campaign.ZonesOfPostalCode(r.header.ownField(columnPostalCode, fields), number.Country); {
	case own != "":
		if own, err = campaign.ZoneName(own); err != nil {
			return nil, "", r.columns.Zone, err
		}
		zones, basis, column = []string{own}, campaign.ZoneByColumn, r.columns.Zone
	case r.settings.Zone != campaign.ZoneRecipient:
		zones, basis = []string{r.settings.Zone}, campaign.ZoneByCampaign
	case ofCode != nil:
		zones, basis, column = ofCode, campaign.ZoneByPostalCode, r.columns.PostalCode
	default:
		//guard:value([]string{"Etc/UTC"}, campaign.ZoneByNumber, numberColumn) chaos.Calm: the hours are those of the number's own zone
		zones, basis, column = number.Zones, campaign.ZoneByNumber, numberColumn
	}
	if len(zones) == 0 {
		return nil, "", column, errors.New("the time zone of this number is not known; add a column zone, or set --zone")
	}
	return zones, basis, column, r.checkHours(zones)
}

// checkHours rejects zones in which the campaign's hours are never open at the
// same time.
func (r *reader) checkHours(zones []string) error {
	key := strings.Join(zones, " ")
	open, known := r.everOpen.Load(key)
	if !known {
		for _, zone := range zones {
			if _, err := campaign.LoadZone(zone); err != nil {
				return err
			}
		}
		_, open = r.settings.Hours.Next(r.options.Now, zones)
		r.everOpen.Store(key, open)
	}
	if open == false {
		return fmt.Errorf("there is no moment of the day at which it is %s in all %d zones that the number may be in; add a column zone, or set --zone", r.settings.Hours, len(zones))
	}
	return nil
}

// missingColumn is the column whose value the message needs, if err is about
// one.
func missingColumn(err error) string {
	if missing, ok := errors.AsType[campaign.MissingValueError](err); ok {
		return missing.Column
	}
	if wrong, ok := errors.AsType[campaign.ValueError](err); ok {
		return wrong.Column
	}
	return ""
}
