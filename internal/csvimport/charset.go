package csvimport

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/wlynxg/chardet"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
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
	guessed  bool
}

var (
	utf8Charset = charset{name: "utf-8", bom: []byte{0xEF, 0xBB, 0xBF}}
	utf16le     = charset{name: "utf-16le", bom: []byte{0xFF, 0xFE}, encoding: unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)}
	utf16be     = charset{name: "utf-16be", bom: []byte{0xFE, 0xFF}, encoding: unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)}
)

// decode returns a file as UTF-8. named is the encoding that a person gave it;
// "": it is found.
//
// A byte order mark decides the encoding. Otherwise it is the named one, or UTF-16 if
// every other byte is zero, or UTF-8 if most letters beyond ASCII are UTF-8, or a guess.
// Bytes that are not valid in the encoding stay as they are, so that only their record is
// refused.
func decode(in io.Reader, named string) (io.Reader, charset, error) {
	buffered := bufio.NewReaderSize(in, sampleSize)
	sample, err := buffered.Peek(sampleSize)
	if err != nil && err != io.EOF {
		return nil, charset{}, err
	}
	c, err := charsetOf(sample, named)
	if err != nil {
		return nil, c, err
	}
	if bytes.HasPrefix(sample, c.bom) {
		if _, err := buffered.Discard(len(c.bom)); err != nil {
			return nil, c, err
		}
	}
	return c.reader(buffered), c, nil
}

func charsetOf(sample []byte, named string) (charset, error) {
	var given charset
	if named != "" {
		var err error
		if given, err = charsetNamed(named); err != nil {
			return given, err
		}
	}
	for _, c := range []charset{utf8Charset, utf16le, utf16be} {
		if !bytes.HasPrefix(sample, c.bom) {
			continue
		}
		if named != "" && given.name != c.name {
			return c, fmt.Errorf("--encoding %s: the file begins with the mark of %s; leave the flag out", named, c.name)
		}
		return c, nil
	}
	switch {
	case named != "":
		return given, nil
	case zeroes(sample, 1) > len(sample)/4 && zeroes(sample, 0) == 0:
		return utf16le, nil
	case zeroes(sample, 0) > len(sample)/4 && zeroes(sample, 1) == 0:
		return utf16be, nil
	case isMostlyUTF8(sample) && !isJapaneseInSevenBits(sample):
		return utf8Charset, nil
	}
	return guess(sample), nil
}

// charsetNamed is the encoding with a name from the WHATWG's list, for example
// windows-1250, shift_jis or macintosh.
func charsetNamed(name string) (charset, error) {
	e, err := htmlindex.Get(strings.TrimSpace(name))
	if err != nil {
		return charset{}, fmt.Errorf("--encoding %s: there is no such encoding; names are those of the WHATWG, such as utf-8, windows-1252, windows-1250, iso-8859-2, macintosh, shift_jis or gbk", name)
	}
	canonical, err := htmlindex.Name(e)
	switch {
	case err != nil || e == encoding.Replacement:
		return charset{}, fmt.Errorf("--encoding %s: this encoding is not read; export the file again as UTF-8", name)
	case canonical == utf8Charset.name:
		return utf8Charset, nil
	case canonical == utf16le.name:
		return utf16le, nil
	case canonical == utf16be.name:
		return utf16be, nil
	}
	return charset{name: canonical, encoding: e}, nil
}

// zeroes counts the zero bytes at every second place.
func zeroes(b []byte, first int) (n int) {
	for i := first; i < len(b); i += 2 {
		if b[i] == 0 {
			n++
		}
	}
	return n
}

// isMostlyUTF8 reports whether the letters beyond ASCII are UTF-8, except for stray
// bytes. Two letters of an older encoding hardly ever form a UTF-8 letter by chance, so
// twice as many stray bytes as letters are allowed. A letter that is cut by the sample's
// end counts as whole.
func isMostlyUTF8(b []byte) bool {
	letters, strays := 0, 0
	for len(b) > 0 {
		if b[0] < utf8.RuneSelf {
			b = b[1:]
			continue
		}
		r, size := utf8.DecodeRune(b)
		switch {
		case r != utf8.RuneError || size > 1:
			letters++
		case !utf8.FullRune(b):
			size = len(b)
		default:
			strays++
		}
		b = b[size:]
	}
	return strays <= 2*letters
}

// isJapaneseInSevenBits reports whether the text may be ISO-2022-JP: it has an escape
// that begins Japanese, and no byte beyond ASCII.
func isJapaneseInSevenBits(b []byte) bool {
	return bytes.Contains(b, []byte("\x1b$")) && !slices.ContainsFunc(b, func(c byte) bool { return c >= utf8.RuneSelf })
}

// leastConfidence is how sure the detector must be. It is less sure about a few names in
// Latin letters. Then the file is read as windows-1252, which spreadsheets mostly write
// if they do not write UTF-8.
const leastConfidence = 0.5

// guess is the likeliest encoding of the bytes beyond ASCII. The same bytes are letters
// in many encodings.
func guess(sample []byte) charset {
	for _, found := range chardet.DetectAll(sample) {
		c, err := charsetNamed(cmp.Or(found.Charset, found.Encoding))
		if err == nil && c.encoding != nil && c.bom == nil && found.Confidence > leastConfidence {
			c.guessed = true
			return c
		}
	}
	c, _ := charsetNamed("windows-1252") // the list has it
	c.guessed = true
	return c
}

func (c charset) reader(r io.Reader) io.Reader {
	if c.encoding == nil {
		return r
	}
	var t transform.Transformer = c.encoding.NewDecoder()
	if c.bom == nil && c.name != "iso-2022-jp" { // others have no state and are read byte by byte
		t = &keepBytes{decoder: t}
	}
	return transform.NewReader(r, t)
}

// warning says that the encoding was guessed; "" if it was not.
func (c charset) warning() string {
	if !c.guessed {
		return ""
	}
	return fmt.Sprintf("the file is not UTF-8; that it is %s is a guess: look at the letters beyond ASCII, and name the encoding with --encoding if they are wrong", c.name)
}

// keepBytes decodes like decoder, but leaves bytes unchanged that are not characters. So
// their record is not text and is refused, and can be written as it was.
type keepBytes struct {
	transform.NopResetter
	decoder transform.Transformer
}

var noCharacter = []byte("\uFFFD")

func (k *keepBytes) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	nDst, nSrc, err = k.decoder.Transform(dst, src, atEOF)
	if !bytes.Contains(dst[:nDst], noCharacter) {
		return nDst, nSrc, err
	}
	nDst, nSrc = 0, 0
	for nSrc < len(src) {
		n, used, err := k.one(dst[nDst:], src[nSrc:], atEOF)
		if err != nil {
			return nDst, nSrc, err
		}
		nDst, nSrc = nDst+n, nSrc+used
	}
	return nDst, nSrc, nil
}

// one decodes one character, or copies one byte.
func (k *keepBytes) one(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	if len(dst) < utf8.UTFMax {
		return 0, 0, transform.ErrShortDst
	}
	for size := 1; size <= min(len(src), utf8.UTFMax); size++ {
		n, used, err := k.decoder.Transform(dst, src[:size], atEOF && size == len(src))
		if errors.Is(err, transform.ErrShortSrc) {
			continue
		}
		if err != nil || n == 0 || bytes.Equal(dst[:n], noCharacter) {
			dst[0] = src[0]
			return 1, 1, nil
		}
		return n, used, nil
	}
	if !atEOF && len(src) < utf8.UTFMax {
		return 0, 0, transform.ErrShortSrc
	}
	dst[0] = src[0]
	return 1, 1, nil
}
