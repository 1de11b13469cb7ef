package csvimport

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// next returns the next row that is not blank, or io.EOF.
func (s *sheetReader) next() (record, error) {
	for {
		token, err := s.xml.Token()
		if err == io.EOF {
			return record{}, io.EOF
		}
		if err != nil {
			return record{}, s.damaged(err)
		}
		e, ok := token.(xml.StartElement)
		if !ok || e.Name.Local != "row" {
			continue
		}
		rec, err := s.readRow(e)
		if err != nil {
			return record{}, s.damaged(err)
		}
		s.in.left = maxSheetPiece
		if !rec.blank() {
			return rec, nil
		}
	}
}

func (s *sheetReader) damaged(err error) error {
	return fmt.Errorf("the spreadsheet cannot be read after row %d: %w; save it again, or as CSV UTF-8", s.row, noEOF(err))
}

func (s *sheetReader) readRow(e xml.StartElement) (record, error) {
	number, err := strconv.Atoi(attribute(e, "r"))
	if err != nil || number <= s.row {
		number = s.row + 1
	}
	s.row = number
	rec := record{line: number}
	column := 0
	for {
		token, err := s.xml.Token()
		if err != nil {
			return rec, err
		}
		switch t := token.(type) {
		case xml.EndElement:
			if t.Name.Local == "row" {
				return rec.finished(), nil
			}
		case xml.StartElement:
			if t.Name.Local != "c" {
				continue
			}
			if at, ok := columnOf(attribute(t, "r")); ok {
				column = at
			}
			value, err := s.readCell(t)
			if err != nil {
				return rec, err
			}
			if err := rec.set(column, value); err != nil {
				return rec, err
			}
			column++
		}
	}
}

// set puts a value into a column of the row.
func (rec *record) set(column int, value string) error {
	switch {
	case column >= maxSheetCol:
		return errors.New("a column is beyond the last that a spreadsheet has")
	case value == "":
		return nil
	case column >= maxColumns:
		rec.fault = faultColumns
		return nil
	}
	for len(rec.fields) <= column {
		rec.fields = append(rec.fields, "")
	}
	rec.size += len(value)
	rec.fields[column] = value
	return nil
}

// finished applies the bounds of a text file's record to a row. A row of a spreadsheet
// has every column.
func (rec record) finished() record {
	if rec.size > maxRecord {
		rec.fault = faultLong
	}
	if rec.fault != "" {
		rec.fields = nil
	}
	rec.fields = trimBlank(rec.fields, 0) // cells that hold blanks alone, as in a CSV
	rec.columns = maxSheetCol
	rec.size += fieldSize * len(rec.fields)
	return rec
}

// columnOf is the number of the column in a cell's name, from 0: that of C7 is 2.
func columnOf(cell string) (int, bool) {
	n, letters := 0, 0
	for _, c := range cell {
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		if c < 'A' || c > 'Z' {
			break
		}
		n, letters = n*26+int(c-'A')+1, letters+1
	}
	return n - 1, letters > 0 && letters <= 3
}

// readCell is the value of a cell as text.
func (s *sheetReader) readCell(e xml.StartElement) (string, error) {
	kind, style := attribute(e, "t"), attribute(e, "s")
	var value string
	for {
		token, err := s.xml.Token()
		if err != nil {
			return "", err
		}
		switch t := token.(type) {
		case xml.EndElement:
			if t.Name.Local == "c" {
				return s.cellText(kind, style, value)
			}
		case xml.StartElement:
			switch t.Name.Local {
			case "is":
				if value, err = textIn(s.xml, "is"); err != nil {
					return "", err
				}
			case "v":
				if err := s.xml.DecodeElement(&value, &t); err != nil {
					return "", err
				}
			default:
				if err := s.xml.Skip(); err != nil {
					return "", err
				}
			}
		}
	}
}

func (s *sheetReader) cellText(kind, style, value string) (string, error) {
	switch kind {
	case "s":
		return s.texts.get(strings.TrimSpace(value))
	case "b":
		return map[string]string{"0": "FALSE", "1": "TRUE"}[strings.TrimSpace(value)], nil
	case "n", "":
		var format numberFormat
		if i, err := strconv.Atoi(style); err == nil && i >= 0 && i < len(s.formats) {
			format = s.formats[i]
		}
		return format.text(strings.TrimSpace(value), s.epoch), nil
	}
	return unescaped(value), nil // an inline text, a formula's text, an error such as #N/A, an ISO date
}
