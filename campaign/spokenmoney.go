package campaign

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"github.com/shopspring/decimal"
)

// currencies are the currencies that can be said, by their ISO codes, with the sign
// that voices know.
var currencies = map[string]string{
	"AED": "AED", "AUD": "AU$", "BRL": "R$", "CAD": "CA$", "CHF": "CHF", "CNY": "CN¥", "CZK": "Kč", "DKK": "kr.", "EUR": "€", "GBP": "£", "HKD": "HK$",
	"HUF": "Ft", "ILS": "₪", "INR": "₹", "JPY": "¥", "MXN": "MX$", "NOK": "kr", "NZD": "NZ$", "PLN": "zł", "RON": "lei", "SEK": "kr", "SGD": "S$",
	"TRY": "₺", "USD": "$", "ZAR": "R",
}

// currencySigns are signs that mean one currency. $ means the region's currency, and kr
// is used for several.
var currencySigns = map[string]string{
	"£": "GBP", "€": "EUR", "¥": "JPY", "₹": "INR", "zł": "PLN", "Kč": "CZK", "R$": "BRL", "US$": "USD", "₪": "ILS", "₺": "TRY", "Fr.": "CHF",
}

// currencyOf is the currency of a region, by the region's code in a language's name.
var currencyOf = map[string]string{
	"GB": "GBP", "US": "USD", "DE": "EUR", "AT": "EUR", "FR": "EUR", "ES": "EUR", "IT": "EUR", "NL": "EUR", "BE": "EUR", "PT": "EUR", "IE": "EUR", "FI": "EUR",
	"CH": "CHF", "BR": "BRL", "MX": "MXN", "CA": "CAD", "AU": "AUD", "NZ": "NZD", "IN": "INR", "PL": "PLN", "CZ": "CZK", "SE": "SEK", "DK": "DKK", "NO": "NOK", "ZA": "ZAR",
}

// region is the region of the language that the message names; "": it names none.
func (s speaking) region() string {
	_, region, _ := strings.Cut(strings.ReplaceAll(s.language, "_", "-"), "-")
	return strings.ToUpper(region)
}

// speakMoney says an amount with its currency: the one in the value, else the one after
// the filter's name, else that of the language's region.
func speakMoney(s speaking) (string, error) {
	number, code, err := s.splitAmount()
	if err != nil {
		return "", err
	}
	sign, known := currencies[code]
	switch {
	case code == "":
		return "", errors.New("there is no currency: name it in the message, as {{price|money GBP}}, or in the value, as 12.50 GBP")
	case !known:
		return "", fmt.Errorf("the currency %s cannot be said; write the amount as it is to be said", code)
	}
	if code == currencyOf[s.region()] && strings.HasSuffix(sign, "$") {
		sign = strings.TrimLeft(sign, "ACUMXNZHKS") // at home the sign is $ alone; in Brazil R$
	}
	amount, err := readAmount(number)
	if err != nil {
		return "", err
	}
	l, err := s.locale()
	if err != nil {
		return "", err
	}
	decimals := uint64(2)
	if amount.IsInteger() {
		decimals = 0
	}
	value, _ := amount.Float64() // only for saying it: 15 digits are exact
	said := plainBlanks(l.FmtNumber(value, decimals))
	switch base, _, _ := strings.Cut(strings.ToLower(cmp.Or(s.language, defaultLanguage)), "-"); {
	case base == "en" && !strings.ContainsFunc(sign, unicode.IsLower) && sign != code:
		return sign + said, nil
	case base == "en", base == "pt", base == "nl":
		return sign + " " + said, nil
	}
	return said + " " + sign, nil
}

// splitAmount splits a value into its number and the code of its currency.
func (s speaking) splitAmount() (number, code string, err error) {
	text := strings.TrimSpace(plainBlanks(s.value))
	number = strings.TrimFunc(text, func(r rune) bool { return unicode.IsLetter(r) || unicode.Is(unicode.Sc, r) || r == ' ' || r == '.' })
	negative := strings.HasPrefix(text, "-") && !strings.HasPrefix(number, "-")
	sign := strings.TrimSpace(strings.TrimPrefix(strings.Replace(text, number, "", 1), "-"))
	if negative {
		number = "-" + strings.TrimLeft(number, "-")
	}
	switch {
	case sign == "":
		if code = strings.ToUpper(s.argument); code == "" {
			code = currencyOf[s.region()]
		}
	case sign == "$":
		if code = currencyOf[s.region()]; !strings.HasSuffix(code, "D") {
			code = "USD"
		}
	case currencySigns[sign] != "":
		code = currencySigns[sign]
	default:
		if code = strings.ToUpper(sign); len(code) != 3 {
			return "", "", errors.New("this amount has a currency that is not known; write its code of three letters, as 12.50 EUR")
		}
	}
	if s.argument != "" && code != strings.ToUpper(s.argument) {
		return "", "", fmt.Errorf("the value is in %s, and the message says %s", code, strings.ToUpper(s.argument))
	}
	return number, code, nil
}

var (
	amountForm = regexp.MustCompile(`^-?[0-9]+([.,' ’][0-9]+)*$`)
	groups     = regexp.MustCompile(`^-?[0-9]{1,3}([.,' ’][0-9]{3})*$`)
)

// readAmount reads 1234.5, 1,234.50, 1.234,50 and 1 234,50. It refuses a sign that may
// mean a fraction or thousands.
func readAmount(text string) (decimal.Decimal, error) {
	wrong := errors.New("this is no amount of money that can be read in one way; write it as 1234.50")
	if !amountForm.MatchString(text) {
		return decimal.Zero, wrong
	}
	whole, fraction := text, ""
	if at := strings.LastIndexAny(text, ".,"); at >= 0 {
		switch behind := text[at+1:]; {
		case len(behind) <= 2:
			whole, fraction = text[:at], behind
			if strings.Contains(whole, text[at:at+1]) {
				return decimal.Zero, wrong
			}
		case len(behind) != 3, strings.Count(text, text[at:at+1]) == 1 && !strings.ContainsAny(text[:at], " '’.,"):
			return decimal.Zero, wrong
		}
	}
	plain := strings.NewReplacer(".", "", ",", "", "'", "", "’", "", " ", "").Replace(whole)
	if plain != whole && (!groups.MatchString(whole) || mixed(whole)) {
		return decimal.Zero, wrong
	}
	if fraction != "" {
		plain += "." + fraction
	}
	return decimal.NewFromString(plain)
}

// mixed reports whether the thousands are separated by more than one sign.
func mixed(whole string) bool {
	seen := map[rune]bool{}
	for _, r := range whole {
		if strings.ContainsRune(".,' ’", r) {
			seen[r] = true
		}
	}
	return len(seen) > 1
}
