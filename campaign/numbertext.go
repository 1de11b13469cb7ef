package campaign

import (
	"errors"
	"regexp"
	"strings"
	"unicode"
)

var (
	// sheetText is a value in the form that keeps a spreadsheet from reading it as a
	// number.
	sheetText  = regexp.MustCompile(`^=?"(.*)"$`)
	sheetError = regexp.MustCompile(`^#(#+|N/A|NAME\?|NULL!|NUM!|REF!|VALUE!|DIV/0!|SPILL!|GETTING_DATA)$`)
	// numberPrefix is a word before a number that only says that it is a number.
	numberPrefix = regexp.MustCompile(`(?i)^(tel|telephone|phone|mobile|cell|callto|whatsapp|sms|p)\s*[:.]\s*`)

	scientific = regexp.MustCompile(`^[+-]?[0-9]+([.,][0-9]*)?[eE][+-]?[0-9]+$`)
	decimalDot = regexp.MustCompile(`^\+?[0-9]+[.,]0*$`)
	thousands  = regexp.MustCompile(`^\+?[0-9]{1,3}(,[0-9]{3}){2,}$`)
	extension  = regexp.MustCompile(`(?i)([0-9)\s](x|ext|extn|extension|durchwahl|dw|poste|anexo|interno|int|доб|доп|分機|内線)\.?:?\s*[0-9]+\s*$)|;(ext|isub)=|#`)
	several    = regexp.MustCompile(`(?i)[0-9)][\s]*([;|&\n]|\s(or|and|und|oder|ou|et|y|o|e|ed)\s)[\s]*[+(0-9]`)
	afterwards = regexp.MustCompile(`[0-9].*[0-9]\s*\([0-9\s]+\)\s*$`)
)

// numberText converts a cell to the characters of numbers: the digits 0 to 9, ASCII
// signs and single blanks. It removes invisible characters, and those that spreadsheets
// and address books put around a number.
func numberText(raw string) (string, error) {
	s := strings.TrimSpace(strings.Map(plainRune, raw))
	s = strings.TrimSpace(strings.TrimLeft(s, "'"))
	if inside := sheetText.FindStringSubmatch(s); inside != nil {
		s = strings.TrimSpace(inside[1])
	}
	if sheetError.MatchString(s) {
		return "", errors.New("a spreadsheet shows an error here and no number; widen the column or mend its formula, and export again")
	}
	return numberPrefix.ReplaceAllString(s, ""), nil
}

// plainRune is the ASCII form of a character in a number; -1 for invisible characters,
// such as the direction marks of address books.
func plainRune(r rune) rune {
	switch {
	case r < 0x80:
		if r != '\n' && unicode.IsSpace(r) {
			return ' '
		}
		return r
	case unicode.Is(unicode.Nd, r):
		return '0' + digitValue(r)
	case unicode.Is(unicode.Cf, r):
		return -1
	case unicode.IsSpace(r):
		return ' '
	case unicode.Is(unicode.Pd, r), r == '−':
		return '-'
	}
	switch r {
	case '＋', '﹢', '⁺':
		return '+'
	case '（', '﹙':
		return '('
	case '）', '﹚':
		return ')'
	case '．', '·', '•', '∙', '‧', '․':
		return '.'
	case '／', '∕', '⁄':
		return '/'
	case '，', '、', '،':
		return ','
	case '；':
		return ';'
	case '＃':
		return '#'
	case '“', '”', '„', '＂':
		return '"'
	case '‘', '’', '＇', '`', '´':
		return '\''
	}
	return r
}

// digitValue is the value of a decimal digit of any script. Unicode keeps the ten
// digits of a script together, from zero on.
func digitValue(r rune) rune {
	for _, block := range unicode.Nd.R16 {
		if rune(block.Lo) <= r && r <= rune(block.Hi) {
			return (r - rune(block.Lo)) % 10
		}
	}
	for _, block := range unicode.Nd.R32 {
		if rune(block.Lo) <= r && r <= rune(block.Hi) {
			return (r - rune(block.Lo)) % 10
		}
	}
	return 0
}

// checkWriting reports a change by a spreadsheet or a person that cannot be undone
// without guessing, and a cell with more than one number.
func checkWriting(s string) error {
	switch {
	case s == "":
		return errors.New("there is no number; fill it in")
	case onlyDigits(s):
		return nil
	case scientific.MatchString(s):
		return errors.New("a spreadsheet rounded this number to scientific notation; format the column as text, restore the digits and export again")
	case decimalDot.MatchString(s):
		return errors.New("a spreadsheet wrote this number with a decimal point; format the column as text and export again")
	case thousands.MatchString(s):
		return errors.New("a spreadsheet wrote this number with commas between thousands; format the column as text and export again")
	case several.MatchString(s), strings.Count(s, "+") > 1, strings.Count(s, "/") > 1:
		return errors.New("there is more than one number here; give one a row")
	case extension.MatchString(s):
		return errors.New("this number has an extension, which cannot be dialed; give a direct number")
	case strings.Contains(s, ","):
		return errors.New("there is a comma in this number: a pause, an extension or a second number; give one number a row, with digits only")
	case strings.ContainsFunc(s, unicode.IsLetter):
		return errors.New("there are letters in this number; write it with digits only")
	case afterwards.MatchString(s):
		return errors.New("there is something in brackets behind this number; give one number a row, with digits only")
	case strings.Contains(strings.TrimLeft(s, " (+"), "+"):
		return errors.New("there is a plus sign inside this number; give one number a row")
	case strings.ContainsFunc(s, func(r rune) bool { return !strings.ContainsRune("0123456789+-./() ", r) }):
		return errors.New("this is not a telephone number: it holds other signs than digits, blanks and + - . / ( )")
	}
	return nil
}
