package csvimport

import (
	"archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxUnpacked is how many times a file may be compressed: people.csv.gz, once
// more by a mail program, and no more.
const maxUnpacked = 2

// otherFiles are kinds of files that are not read, by their first bytes, and what to do
// with each.
var otherFiles = []struct{ begins, kind, do string }{
	{"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", "an old Excel file (xls) or one with a password", "open it and save it as CSV UTF-8 or as xlsx without a password"},
	{"%PDF", "a PDF", "ask for the spreadsheet that it was made from, and save that as CSV"},
	{"{\\rtf", "a text document (RTF)", saveAsCSV},
	{"BZh", "compressed with bzip2", "unpack it first: bzcat FILE | enqueue ... -"},
	{"\xFD7zXZ\x00", "compressed with xz", "unpack it first: xzcat FILE | enqueue ... -"},
	{"\x28\xB5\x2F\xFD", "compressed with zstd", "unpack it first: zstdcat FILE | enqueue ... -"},
	{"7z\xBC\xAF\x27\x1C", "a 7z archive", "unpack it first"},
	{"Rar!", "a RAR archive", "unpack it first"},
	{"SQLite format 3\x00", "a SQLite database", "export the table as CSV"},
	{"PAR1", "a Parquet file", "export it as CSV"},
	{"\x89PNG", "a picture", "ask for the spreadsheet itself"},
	{"\xFF\xD8\xFF", "a picture", "ask for the spreadsheet itself"},
	{"BEGIN:VCARD", "an address book (vCard)", "export it as CSV"},
}

const saveAsCSV = "open it in a spreadsheet program and save it as CSV UTF-8"

// markups are kinds of texts in angle brackets, by a word near their beginning.
var markups = []struct{ has, kind string }{
	{"urn:schemas-microsoft-com:office:spreadsheet", "a spreadsheet in XML"},
	{"<html", "a web page (HTML)"}, {"<!doctype html", "a web page (HTML)"}, {"<table", "a web page (HTML)"}, {"<meta", "a web page (HTML)"},
	{"<?xml", "an XML file"},
}

// zipKinds are the kinds of files that are zip archives, by the name of a file
// inside.
var zipKinds = []struct{ inside, kind, do string }{
	{"xl/workbook.bin", "a binary Excel file (xlsb)", "save it as xlsx or CSV UTF-8"},
	{"content.xml", "an OpenDocument file (ods)", "open it and save it as xlsx or CSV UTF-8"},
	{"word/document.xml", "a Word document", "copy its table into a spreadsheet and save that as CSV UTF-8"},
	{"Index/Document.iwa", "a file of Apple Numbers", "export it as CSV or Excel"},
}

// unpack decompresses the file, or names a kind that cannot be read. kind is "xlsx", or
// "" for text.
func unpack(in io.Reader) (out *bufio.Reader, kind string, err error) {
	for packed := 0; ; packed++ {
		out = bufio.NewReaderSize(in, sampleSize)
		head, err := out.Peek(sampleSize)
		if len(head) == 0 && err != nil && err != io.EOF {
			return nil, "", err
		}
		switch {
		case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")):
			return out, "xlsx", nil
		case !bytes.HasPrefix(head, []byte{0x1F, 0x8B}):
			return out, "", otherFile(head)
		case packed == maxUnpacked:
			return nil, "", errors.New("the file is compressed several times over; unpack it first")
		}
		if in, err = gzip.NewReader(out); err != nil {
			return nil, "", fmt.Errorf("the file is compressed with gzip and damaged: %w", err)
		}
	}
}

// otherFile names a file that is not a CSV, by its beginning.
func otherFile(head []byte) error {
	for _, f := range otherFiles {
		if bytes.HasPrefix(head, []byte(f.begins)) {
			return fmt.Errorf("this is not a CSV: it is %s; %s", f.kind, f.do)
		}
	}
	if len(head) > 262 && string(head[257:262]) == "ustar" {
		return errors.New("this is not a CSV: it is a tar archive; unpack it first")
	}
	text := strings.ToLower(string(bytes.TrimLeft(bytes.TrimPrefix(head, utf8Charset.bom), " \t\r\n")))
	switch {
	case strings.HasPrefix(text, "<"):
		for _, m := range markups {
			if strings.Contains(text[:min(len(text), 4<<10)], m.has) {
				return fmt.Errorf("this is not a CSV: it is %s; %s", m.kind, saveAsCSV)
			}
		}
	case strings.HasPrefix(text, "[{"), strings.HasPrefix(text, "{\""), strings.HasPrefix(text, "[\n"), strings.HasPrefix(text, "{\n"):
		return errors.New("this is not a CSV: it is JSON; export it as CSV, with a first line that names the columns")
	}
	return nil
}

// otherZip names a zip archive that is not an xlsx.
func otherZip(archive *zip.Reader) error {
	for _, file := range archive.File {
		for _, k := range zipKinds {
			if file.Name == k.inside {
				return fmt.Errorf("this is not a CSV: it is %s; %s", k.kind, k.do)
			}
		}
	}
	return errors.New("this is not a CSV: it is a zip archive; unpack it first, and give the file inside")
}
