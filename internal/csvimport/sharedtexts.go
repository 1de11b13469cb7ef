package csvimport

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"strconv"
	"strings"
)

// sharedTexts are the texts to which cells refer by number. They are in a file, and a
// window of it is in memory, because cells mostly refer to them in order.
type sharedTexts struct {
	file   *os.File // nil: there are none
	ends   []uint32
	buffer []byte // not yet written
	size   int64  // written and buffered
	window []byte
	at     int64 // of the window
}

func (t *sharedTexts) add(text string) error {
	if t.size += int64(len(text)); t.size > 1<<31 {
		return errors.New("they are larger than 2 GiB")
	}
	t.ends = append(t.ends, uint32(t.size))
	if t.buffer = append(t.buffer, text...); len(t.buffer) > 1<<20 {
		return t.flush()
	}
	return nil
}

func (t *sharedTexts) flush() error {
	_, err := t.file.Write(t.buffer)
	t.buffer = t.buffer[:0]
	return err
}

func (t *sharedTexts) get(number string) (string, error) {
	i, err := strconv.Atoi(number)
	if err != nil || i < 0 || i >= len(t.ends) {
		return "", errors.New("a cell refers to a text that is not there")
	}
	from, to := int64(0), int64(t.ends[i])
	if i > 0 {
		from = int64(t.ends[i-1])
	}
	if from < t.at || to > t.at+int64(len(t.window)) {
		if t.window == nil {
			t.window = make([]byte, 4*maxRecord)
		}
		t.at, t.window = from, t.window[:cap(t.window)]
		n, err := t.file.ReadAt(t.window, from)
		if err != nil && err != io.EOF {
			return "", err
		}
		t.window = t.window[:n]
	}
	if to-t.at > int64(len(t.window)) {
		return "", io.ErrUnexpectedEOF
	}
	return string(t.window[from-t.at : to-t.at]), nil
}

// readTexts copies the shared texts to a temporary file.
func (s *sheetReader) readTexts() (*sharedTexts, error) {
	texts := &sharedTexts{}
	part, err := s.part("xl/sharedStrings.xml")
	if err != nil {
		return texts, nil // each text is then in its cell
	}
	in := &boundedReader{in: part, left: maxSheetPiece, err: errSheetPiece}
	decoder := xml.NewDecoder(in)
	if texts.file, err = temporary(); err != nil {
		return texts, err
	}
	for {
		token, err := decoder.Token()
		if err == io.EOF {
			return texts, texts.flush()
		}
		if err != nil {
			return texts, err
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "si" {
			text, err := textIn(decoder, "si")
			if err == nil {
				err = texts.add(text)
			}
			if err != nil {
				return texts, err
			}
			in.left = maxSheetPiece
		}
	}
}

// textIn is the text of the runs up to the end of an element, without phonetic hints.
func textIn(decoder *xml.Decoder, element string) (string, error) {
	var text strings.Builder
	inText := false
	for {
		token, err := decoder.Token()
		if err != nil {
			return "", noEOF(err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			if t.Name.Local == "rPh" {
				if err := decoder.Skip(); err != nil {
					return "", noEOF(err)
				}
				continue
			}
			inText = t.Name.Local == "t"
		case xml.CharData:
			if inText && text.Len() <= maxRecord {
				text.Write(t)
			}
		case xml.EndElement:
			inText = false
			if t.Name.Local == element {
				return unescaped(text.String()), nil
			}
		}
	}
}

// unescaped reads characters that XML cannot contain; Excel writes them as _x000D_.
func unescaped(text string) string {
	if !strings.Contains(text, "_x") {
		return text
	}
	return strings.NewReplacer("_x000D_", "", "_x000d_", "", "_x000A_", "\n", "_x000a_", "\n", "_x0009_", "\t", "_x005F_", "_", "_x005f_", "_").Replace(text)
}

func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
