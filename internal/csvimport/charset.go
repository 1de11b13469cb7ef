package csvimport

import (
	"bufio"
	"bytes"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// sampleSize is how much of a file is read to find its encoding.
const sampleSize = 64 << 10

// charset is an encoding that a file may be in.
type charset struct {
	name     string
	bom      []byte
	encoding encoding.Encoding // nil: UTF-8, which is read as it is
}

// withBOM are the encodings that a byte order mark names.
var withBOM = []charset{
	{name: "utf-8", bom: []byte{0xEF, 0xBB, 0xBF}},
	{name: "utf-16le", bom: []byte{0xFF, 0xFE}, encoding: unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)},
	{name: "utf-16be", bom: []byte{0xFE, 0xFF}, encoding: unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)},
}

// decode finds the encoding of a file from its beginning and returns the file
// as UTF-8.
//
// Without a byte order mark a file is UTF-8 when its beginning is valid UTF-8.
// Else it is Windows-1252, which spreadsheets write where they do not write
// UTF-8. Bytes that later prove not to be in that encoding stay as they are or
// become U+FFFD, so that the record that holds them can be rejected.
func decode(in io.Reader) (r io.Reader, name string, err error) {
	buffered := bufio.NewReaderSize(in, sampleSize)
	sample, err := buffered.Peek(sampleSize)
	if err != nil && err != io.EOF {
		return nil, "", err
	}
	for _, c := range withBOM {
		if bytes.HasPrefix(sample, c.bom) {
			_, err := buffered.Discard(len(c.bom))
			return c.reader(buffered), c.name, err
		}
	}
	if validStart(sample) {
		return buffered, "utf-8", nil
	}
	c := charset{name: "windows-1252", encoding: charmap.Windows1252}
	return c.reader(buffered), c.name, nil
}

func (c charset) reader(r io.Reader) io.Reader {
	if c.encoding == nil {
		return r
	}
	return transform.NewReader(r, c.encoding.NewDecoder())
}

// validStart reports whether b is valid UTF-8. Its last character may be
// incomplete, because the sample may end inside it.
func validStart(b []byte) bool {
	for i := len(b) - 1; i >= 0 && i >= len(b)-utf8.UTFMax; i-- {
		if utf8.RuneStart(b[i]) {
			if !utf8.FullRune(b[i:]) {
				b = b[:i]
			}
			break
		}
	}
	return utf8.Valid(b)
}
