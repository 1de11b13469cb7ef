package campaign

import (
	"cmp"
	"regexp"
	"strings"
)

// PartyKind is the kind of one end of a call in the evidence.
type PartyKind string

const (
	PartyUnknown    PartyKind = ""           // not given, or in an unknown word
	PartyPhone      PartyKind = "phone"      // a telephone
	PartyOther      PartyKind = "other"      // something else, such as SIP: never a phone attempt's call
	PartyUnreadable PartyKind = "unreadable" // in an event: given, but neither a number nor a known address
)

const (
	// leastDigits is how many digits a number needs to identify a telephone: fewer may
	// belong to any telephone.
	leastDigits = 7
	// endDigits is how many last digits two wordings of one number share, with any country
	// code, trunk prefix or mobile prefix before them.
	endDigits  = 8
	mostDigits = 20
)

// ReadNumber returns the digits of a number in Vonage's wording: with a plus sign, with
// 00, or without. A number in national form stays as it is. "": the text is a word, or
// has so few digits that it may be any number.
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

// NumbersDiffer reports whether two numbers certainly belong to different telephones,
// in any wording: their last eight digits differ, or their last seven if one has no
// more. An unreadable number differs from none. The function numbers_differ in Postgres
// has the same rule.
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

// SameCall reports whether two names mean one call. Vonage accepts a name only in the
// form that it gave, so the first name is kept.
func SameCall(a, b string) bool { return a == b || a != "" && CallKey(a) == CallKey(b) }

// SameConversation reports whether two names mean one conversation, as SameCall does
// for calls. An empty name means none.
func SameConversation(a, b string) bool {
	//guard:value(a != "" && a == b) campaign.TestFoldOfLegs: a conversation is known in every wording
	return a != "" && CallKey(a) == CallKey(b)
}

// compareConversations orders the possible names of a conversation: the one in Vonage's
// own form before all others.
func compareConversations(a, b string) int {
	other := func(name string) int {
		if digits, found := strings.CutPrefix(name, "CON-"); found && digits == strings.ToLower(digits) {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(other(a), other(b)), strings.Compare(a, b))
}

// CallSpellings are the spellings with which an index finds a call in any wording: the
// name itself, and its uuid with and without dashes in both cases.
func CallSpellings(call string) []string {
	digits := hexDigits(call)
	if digits == "" {
		return []string{call}
	}
	dashed := strings.Join([]string{digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]}, "-")
	return []string{call, dashed, digits, strings.ToUpper(dashed), strings.ToUpper(digits)}
}
