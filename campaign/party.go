package campaign

import (
	"cmp"
	"regexp"
	"strings"
)

// PartyKind is what evidence says of one end of a call.
type PartyKind string

const (
	PartyUnknown    PartyKind = ""           // not said, or in a word that is not known
	PartyPhone      PartyKind = "phone"      // a telephone
	PartyOther      PartyKind = "other"      // something else, such as SIP: never a phone attempt's call
	PartyUnreadable PartyKind = "unreadable" // of an event: said, and neither a number nor a known address
)

const (
	// leastDigits is how many digits a number must have to say which telephone it
	// is: fewer may be any telephone's.
	leastDigits = 7
	// endDigits is how many last digits two wordings of one number share, whatever
	// country code, trunk prefix or mobile prefix stands before them.
	endDigits  = 8
	mostDigits = 20
)

// ReadNumber returns the digits of a number as Vonage words it: with a plus sign,
// with 00, or without. A number in national form stays as it is. "": it is a word,
// or has so few digits that it may be any number.
func ReadNumber(s string) string {
	digits := strings.TrimPrefix(strings.TrimSpace(s), "+")
	if rest, found := strings.CutPrefix(digits, "00"); found {
		digits = rest
	}
	if strings.Trim(digits, "0123456789") != "" || len(digits) > mostDigits || len(strings.TrimLeft(digits, "0")) < leastDigits {
		return ""
	}
	return digits
}

// NumbersDiffer reports whether two numbers are certainly of different telephones,
// however they are worded: their last eight digits differ, or their last seven
// where one has no more. What cannot be read differs from nothing. The rule is that
// of the function numbers_differ in Postgres.
func NumbersDiffer(a, b string) bool {
	a, b = strings.TrimLeft(ReadNumber(a), "0"), strings.TrimLeft(ReadNumber(b), "0")
	if a == "" || b == "" {
		return false
	}
	n := min(len(a), len(b), endDigits)
	return a[len(a)-n:] != b[len(b)-n:]
}

// callUUID finds a uuid at the end of a call's name, with or without dashes.
var callUUID = regexp.MustCompile(`^(?:.*[^0-9A-Za-z])?([0-9A-Fa-f]{8}-?(?:[0-9A-Fa-f]{4}-?){3}[0-9A-Fa-f]{12})}?$`)

// hexDigits returns the digits of a call's uuid in lower case; "" if it is no uuid.
func hexDigits(call string) string {
	found := callUUID.FindStringSubmatch(call)
	if found == nil {
		return ""
	}
	return strings.ToLower(strings.ReplaceAll(found[1], "-", ""))
}

// CallKey is the same for every wording of a call's uuid: in upper case, without
// dashes, in braces, or with a prefix such as CALL- or urn:uuid:. A name that is no
// uuid is its own key.
func CallKey(call string) string {
	if digits := hexDigits(call); digits != "" {
		return digits
	}
	return call
}

// SameCall reports whether two names are of one call. Vonage takes a name only as
// it gave it, so the name that came first is kept.
func SameCall(a, b string) bool { return a == b || a != "" && CallKey(a) == CallKey(b) }

// SameConversation reports whether two names are of one conversation, as SameCall does
// for calls. What is not said is in none.
func SameConversation(a, b string) bool {
	//guard:value(a != "" && a == b) campaign.TestFoldOfLegs: a conversation is known in every wording
	return a != "" && CallKey(a) == CallKey(b)
}

// compareConversations orders the names that a conversation may have: that of
// Vonage's own form before all others.
func compareConversations(a, b string) int {
	other := func(name string) int {
		if digits, found := strings.CutPrefix(name, "CON-"); found && digits == strings.ToLower(digits) {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(other(a), other(b)), strings.Compare(a, b))
}

// CallSpellings are the ways in which an index finds a call whatever its wording:
// the name as it is, and its uuid with and without dashes in both cases.
func CallSpellings(call string) []string {
	digits := hexDigits(call)
	if digits == "" {
		return []string{call}
	}
	dashed := strings.Join([]string{digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]}, "-")
	return []string{call, dashed, digits, strings.ToUpper(dashed), strings.ToUpper(digits)}
}
