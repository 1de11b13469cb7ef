package campaign

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Script is what a call says to one person, and what the keys do: a message that
// was rendered.
type Script struct {
	Language  string // BCP 47; "": Vonage's default, en-US
	Say       string
	Voicemail string            // "": a machine hears what a person does
	Keys      map[string]Key    // with Say rendered
	Wrong     string            // after a key that does nothing; "": the message again
	Silent    string            // after no key; "": the call ends
	Tries     int               // how often a key is waited for
	Wait      int               // seconds
	Words     map[string]string // which key is meant by a word that is said
	// Confidence is how sure Vonage must be of a word, from 0 to 1.
	Confidence float64
	Loop       int     // how often Say is said in a row; 0: once
	Level      float64 // from -1 to 1
}

// maxTurns bounds how often one call waits for a key, however often the person
// asks to hear the message again.
const maxTurns = 24

// Turn is a place in the dialogue at which keys are waited for. It stands in the
// address to which Vonage sends them, so that any process can answer.
type Turn struct {
	No  int // of the call's turns, from 1
	Try int // from 1: how often the person was silent or pressed a wrong key, and this time
	// Early: the message has just ended. A key that was pressed while it was spoken
	// comes here; without one, the message was heard and the call waits on.
	Early bool
	// Played: the message was played to its end before this turn, without a doubt.
	Played bool
}

// First is the turn after the message was spoken for the first time.
var First = Turn{No: 1, Try: 1, Early: true}

// Valid reports whether the dialogue can have such a turn.
func (t Turn) Valid() bool { return t.No >= 1 && t.No <= maxTurns+1 && t.Try >= 1 && t.Try <= maxTries }

// Reaction is what follows a turn.
type Reaction struct {
	Key    Key
	Say    []string // what is spoken
	Again  bool     // the message is spoken, after Say
	Listen bool     // then a key is waited for, at Next
	Next   Turn
	// GoOn: nobody pressed a key while the message was spoken, so it was heard, and a
	// key is waited for.
	GoOn bool
}

// React says what follows when the keys were pressed at a turn: "" for none. It is
// a function of what it is given, so a request that is repeated is answered as
// before.
func (s Script) React(at Turn, pressed string) Reaction {
	if pressed == "" && at.Early {
		return Reaction{GoOn: true}
	}
	key, known := s.Keys[pressed]
	r := Reaction{Key: key, Next: Turn{No: at.No + 1, Try: at.Try + 1}}
	switch {
	case known:
		r.Next.Try = at.Try
		r.Again, r.Listen = key.Repeat, key.Repeat
		r.Say = spoken(s.SaidBy(key))
	case at.Try >= s.Tries:
	case pressed == "":
		r.Say = spoken(s.Silent)
		r.Listen = s.Silent != ""
	default:
		r.Say = spoken(s.Wrong)
		r.Again, r.Listen = s.Wrong == "", true
	}
	// Nobody is kept on the line for ever.
	if r.Next.No > maxTurns {
		r.Again, r.Listen = false, false
	}
	r.Next.Early = r.Again
	return r
}

func spoken(texts ...string) (list []string) {
	for _, text := range texts {
		if text != "" {
			list = append(list, text)
		}
	}
	return list
}

// SaidBy is what is said when the key was pressed. A person who opts out always
// hears that it worked.
func (s Script) SaidBy(k Key) string {
	if k.Say != "" || !k.OptOut {
		return k.Say
	}
	return s.inItsLanguage(optOutTexts)
}

// Apology is said when a key could not be answered.
func (s Script) Apology() string { return s.inItsLanguage(apologies) }

// inItsLanguage is one of our own texts, in English where there is none.
func (s Script) inItsLanguage(texts map[string]string) string {
	language, _, _ := strings.Cut(strings.ToLower(s.Language), "-")
	if text, ok := texts[language]; ok {
		return text
	}
	return texts["en"]
}

// optOutTexts confirm an opt-out where the message has no text for it.
var optOutTexts = map[string]string{
	"en": "You will not be called again. Goodbye.",
	"de": "Sie werden nicht mehr angerufen. Auf Wiederhören.",
	"fr": "Nous ne vous appellerons plus. Au revoir.",
	"es": "No le volveremos a llamar. Adiós.",
	"it": "Non verrà più chiamato. Arrivederci.",
	"nl": "U wordt niet meer gebeld. Tot ziens.",
	"pt": "Não voltaremos a ligar-lhe. Adeus.",
	"pl": "Nie będziemy więcej dzwonić. Do widzenia.",
}

var apologies = map[string]string{
	"en": "We are sorry, this call cannot be continued. Goodbye.",
	"de": "Es tut uns leid, dieser Anruf kann nicht fortgesetzt werden. Auf Wiederhören.",
	"fr": "Nous sommes désolés, cet appel ne peut pas continuer. Au revoir.",
	"es": "Lo sentimos, esta llamada no puede continuar. Adiós.",
	"it": "Siamo spiacenti, questa chiamata non può continuare. Arrivederci.",
	"nl": "Het spijt ons, dit gesprek kan niet worden voortgezet. Tot ziens.",
	"pt": "Lamentamos, esta chamada não pode continuar. Adeus.",
	"pl": "Przepraszamy, tej rozmowy nie można kontynuować. Do widzenia.",
}

// Pressable are the keys that do something, sorted.
func (s Script) Pressable() []string { return slices.Sorted(maps.Keys(s.Keys)) }

// speakingRate is how many characters a voice speaks in a second, about.
const speakingRate = 15

// maxBreak is the longest break that SSML can ask for.
const maxBreak = 10 * time.Second

var xmlBreak = regexp.MustCompile(`(?i)<break\s[^>]*\btime\s*=\s*["']([0-9.]{1,9}m?s)["']`)

// SpeakingTime is how long a text takes to say, about, with the breaks that SSML
// asks for. Its tags are not spoken. It is 0 for a sound.
func SpeakingTime(text string) time.Duration {
	if _, ok := Sound(text); ok {
		return 0 // nobody knows
	}
	total := speakingTime(utf8.RuneCountInString(xmlTag.ReplaceAllString(text, "")))
	for _, pause := range xmlBreak.FindAllStringSubmatch(text, -1) {
		if d, err := time.ParseDuration(pause[1]); err == nil {
			total += min(d, maxBreak)
		}
	}
	return total
}

func speakingTime(characters int) time.Duration {
	return time.Duration(float64(characters) / speakingRate * float64(time.Second))
}
