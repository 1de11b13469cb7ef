package csvimport

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"

	"dialer/campaign"
)

// A spreadsheet is read row by row. Memory does not grow with it, and each part is
// bounded, because a small archive can contain a part of any size.
const (
	maxSheetFile  = 512 << 20 // bytes of the file, which is copied to a temporary one
	maxSheetParts = 10_000    // files in the archive
	maxSheetDir   = 8 << 20   // bytes of its directory
	maxSheetSmall = 32 << 20  // bytes of a part that says how the others are read
	maxSheetPiece = 4 << 20   // bytes of one row or of one shared text
	maxSheetCol   = 16_384    // columns that a spreadsheet can have
)

var errSheetPiece = errors.New("one row or text of it is larger than 4 MiB")

// sheetReader reads the rows of one sheet of an xlsx file.
type sheetReader struct {
	name    string // of the sheet
	archive *zip.Reader
	spool   *os.File
	texts   *sharedTexts
	formats []numberFormat
	epoch   int // the number of 1970-01-01 in its calendar
	in      *boundedReader
	xml     *xml.Decoder
	row     int
}

// openSheet opens a sheet by name, or the first.
func openSheet(in io.Reader, name string) (_ *sheetReader, err error) {
	s := &sheetReader{}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.spool, err = temporary(); err != nil {
		return nil, err
	}
	size, err := io.Copy(s.spool, io.LimitReader(in, maxSheetFile+1))
	if err != nil {
		return nil, fmt.Errorf("read the file: %w", err)
	}
	if err := checkArchive(s.spool, size); err != nil {
		return nil, err
	}
	if s.archive, err = zip.NewReader(s.spool, size); err != nil {
		return nil, fmt.Errorf("this looks like a spreadsheet (xlsx) and is damaged: %w; save it again, or as CSV UTF-8", err)
	}
	if !slices.ContainsFunc(s.archive.File, func(f *zip.File) bool { return strings.HasPrefix(f.Name, "xl/worksheets/") }) {
		return nil, otherZip(s.archive)
	}
	if err := s.open(name); err != nil {
		if _, other := errors.AsType[sheetNameError](err); other {
			return nil, err
		}
		return nil, fmt.Errorf("this is a spreadsheet (xlsx) that cannot be read: %w; save it again, or as CSV UTF-8", err)
	}
	return s, nil
}

// temporary is a file that is gone when it is closed.
func temporary() (*os.File, error) {
	file, err := os.CreateTemp("", "enqueue-*")
	if err == nil {
		_ = os.Remove(file.Name()) // where an open file cannot be removed, close does it
	}
	return file, err
}

// checkArchive bounds what the library reads from an archive's directory.
func checkArchive(file io.ReaderAt, size int64) error {
	if size > maxSheetFile {
		return errors.New("the spreadsheet is larger than 512 MiB; save it as CSV UTF-8")
	}
	tail := make([]byte, min(size, 66<<10))
	if _, err := file.ReadAt(tail, size-int64(len(tail))); err != nil && err != io.EOF {
		return err
	}
	at := bytes.LastIndex(tail, []byte("PK\x05\x06"))
	if at < 0 || at+22 > len(tail) {
		return errors.New("this looks like a spreadsheet (xlsx) or a zip archive, and its end is missing; save it again, or as CSV UTF-8")
	}
	parts, directory := binary.LittleEndian.Uint16(tail[at+10:]), binary.LittleEndian.Uint32(tail[at+12:])
	if parts > maxSheetParts || directory > maxSheetDir {
		return errors.New("the archive holds too many files for a spreadsheet; save it as CSV UTF-8")
	}
	return nil
}

func (s *sheetReader) close() {
	if s.texts != nil && s.texts.file != nil {
		closeTemporary(s.texts.file)
	}
	if s.spool != nil {
		closeTemporary(s.spool)
	}
}

func closeTemporary(file *os.File) {
	_ = file.Close()
	_ = os.Remove(file.Name()) // see temporary
}

// sheetNameError says that there is no such sheet.
type sheetNameError struct {
	name  string
	found []string
}

func (e sheetNameError) Error() string {
	return fmt.Sprintf("--sheet %s: there is no such sheet: found %s", e.name, quoted(e.found))
}

// open finds the sheet and reads what its cells refer to.
func (s *sheetReader) open(name string) error {
	file, err := s.find(name)
	if err != nil {
		return err
	}
	if err := s.readStyles(); err != nil {
		return fmt.Errorf("styles: %w", err)
	}
	if s.texts, err = s.readTexts(); err != nil {
		return fmt.Errorf("shared texts: %w", err)
	}
	opened, err := s.part(file)
	if err != nil {
		return err
	}
	s.in = &boundedReader{in: opened, left: maxSheetPiece, err: errSheetPiece}
	s.xml = xml.NewDecoder(s.in)
	return nil
}

func (s *sheetReader) part(name string) (io.Reader, error) {
	for _, f := range s.archive.File {
		if strings.EqualFold(strings.TrimPrefix(f.Name, "/"), name) {
			return f.Open()
		}
	}
	return nil, fmt.Errorf("it has no %s", name)
}

// elements calls each with the elements of a small part, in their order.
func (s *sheetReader) elements(name string, each func(xml.StartElement)) error {
	in, err := s.part(name)
	if err != nil {
		return err
	}
	decoder := xml.NewDecoder(&boundedReader{in: in, left: maxSheetSmall, err: errors.New("it is larger than 32 MiB")})
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if e, ok := token.(xml.StartElement); ok {
			each(e)
		}
	}
}

// find is the part with the sheet. Sheets are in the order in which the program shows
// them.
func (s *sheetReader) find(name string) (string, error) {
	targets := map[string]string{}
	err := s.elements("xl/_rels/workbook.xml.rels", func(e xml.StartElement) {
		if e.Name.Local == "Relationship" {
			target := attribute(e, "Target")
			if !strings.HasPrefix(target, "/") {
				target = path.Join("xl", target)
			}
			targets[attribute(e, "Id")] = strings.TrimPrefix(target, "/")
		}
	})
	if err != nil {
		return "", err
	}
	var names, ids []string
	s.epoch = 25_569 // counted from 1899-12-30
	err = s.elements("xl/workbook.xml", func(e xml.StartElement) {
		switch e.Name.Local {
		case "workbookPr":
			if d := attribute(e, "date1904"); d == "1" || d == "true" {
				s.epoch = 24_107 // counted from 1904-01-01
			}
		case "sheet":
			names, ids = append(names, attribute(e, "name")), append(ids, attribute(e, "id"))
		}
	})
	if err != nil {
		return "", err
	}
	for i := range names {
		if name == "" || campaign.FoldName(names[i]) == campaign.FoldName(name) {
			s.name = names[i]
			return targets[ids[i]], nil
		}
	}
	if name != "" && len(names) > 0 {
		return "", sheetNameError{name, names}
	}
	return "", errors.New("it has no sheet")
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// readStyles reads how numbers are shown: which of them are dates.
func (s *sheetReader) readStyles() error {
	if _, err := s.part("xl/styles.xml"); err != nil {
		return nil // a file without styles has no dates
	}
	codes := map[string]string{}
	inCells := false
	return s.elements("xl/styles.xml", func(e xml.StartElement) {
		switch e.Name.Local {
		case "numFmt":
			codes[attribute(e, "numFmtId")] = attribute(e, "formatCode")
		case "cellXfs":
			inCells = true
		case "cellStyles", "dxfs":
			inCells = false
		case "xf":
			if inCells {
				id := attribute(e, "numFmtId")
				s.formats = append(s.formats, formatOf(id, codes[id]))
			}
		}
	})
}

// boundedReader fails when more is read than left allows.
type boundedReader struct {
	in   io.Reader
	left int
	err  error
}

func (b *boundedReader) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, b.err
	}
	n, err := b.in.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}
