package campaign

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Script is what a call says to one person, and what the keys do: a rendered message.
type Script struct {
	Language  string // BCP 47; "": Vonage's default, en-US
	Say       string
	Voicemail string            // "": a machine hears the same as a person
	Keys      map[string]Key    // with Say rendered
	Wrong     string            // said after a key that does nothing; "": the message again
	Silent    string            // said if no key is pressed; "": the call ends
	Tries     int               // how often the call waits for a key
	Wait      int               // seconds
	Words     map[string]string // the key for each word that can be said
	// Confidence is Vonage's least confidence in a word, from 0 to 1.
	Confidence float64
	Loop       int     // how often Say is said in a row; 0: once
	Level      float64 // from -1 to 1
}

// maxTurns limits how often one call waits for a key, however often the person asks to
// hear the message again.
const maxTurns = 24

// Turn is a place in the dialogue where the call waits for keys. It is in the address
// to which Vonage sends them, so that any process can answer.
type Turn struct {
	No  int // number of the turn in the call, from 1
	Try int // from 1: counts the turns in a row with silence or a wrong key, including this one
	// Early: the message has just ended. A key that was pressed during the message comes
	// here. Without one, the message was heard and the call waits on.
	Early bool
	// Played: the message was certainly played to its end before this turn.
	Played bool
}

// First is the turn after the first time that the message was spoken.
var First = Turn{No: 1, Try: 1, Early: true}

// Valid reports whether the dialogue can have this turn.
func (t Turn) Valid() bool { return t.No >= 1 && t.No <= maxTurns+1 && t.Try >= 1 && t.Try <= maxTries }

// Reaction is the next step after a turn.
type Reaction struct {
	Key    Key
	Say    []string // texts to speak
	Again  bool     // the message is spoken again, after Say
	Listen bool     // then the call waits for a key, at Next
	Next   Turn
	// GoOn: nobody pressed a key during the message, so it was heard. The call waits for
	// a key.
	GoOn bool
}

// React returns what follows when the keys were pressed at a turn; "" for none. It
// depends only on its arguments, so a repeated request gets the same answer.
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

// SaidBy is the text after the key was pressed. A person who opts out always hears that
// it worked.
func (s Script) SaidBy(k Key) string {
	if k.Say != "" || !k.OptOut {
		return k.Say
	}
	return s.inItsLanguage(optOutTexts)
}

// Apology is the text for a key press that could not be answered.
func (s Script) Apology() string { return s.inItsLanguage(apologies) }

// inItsLanguage is one of our own texts in the script's language, else in English.
func (s Script) inItsLanguage(texts map[string]string) string {
	language, _, _ := strings.Cut(strings.ToLower(s.Language), "-")
	if text, ok := texts[language]; ok {
		return text
	}
	return texts["en"]
}

// optOutTexts confirm an opt-out if the message has no text for it.
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

// speakingRate is about how many characters a voice speaks in a second.
const speakingRate = 15

// maxBreak is the longest break in SSML.
const maxBreak = 10 * time.Second

var xmlBreak = regexp.MustCompile(`(?i)<break\s[^>]*\btime\s*=\s*["']([0-9.]{1,9}m?s)["']`)

// SpeakingTime is about how long a text takes to say, with the breaks in its SSML. Its
// tags are not spoken. It is 0 for a sound.
func SpeakingTime(text string) time.Duration {
	if _, ok := Sound(text); ok {
		return 0 // the length is not known
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
