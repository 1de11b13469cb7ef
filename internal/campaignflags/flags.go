// Package campaignflags has the flags that are short forms of the campaign document,
// for every command that takes them. It is not for what only one command has.
package campaignflags

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"dialer/campaign"
	"dialer/internal/calendar"
)

// Flags are what a campaign is, as flags. Their tags are those of kong.
type Flags struct {
	Campaign string `type:"existingfile" placeholder:"FILE.yaml" help:"The campaign document: a file that says all that the flags say, and more. Flags win over it."`

	Name string   `placeholder:"NAME" help:"The campaign's name. The same name and file again resumes an import that stopped, adds nobody twice, and reports what changed."`
	From []string `placeholder:"NUMBER" help:"The number that people see: one of your account's, with its country code. If there are several, each person always sees the same one."`

	Say       string `xor:"message" placeholder:"TEXT" help:"What the call says. {{column}} is replaced by the row's value, {{column|friend}} by friend if that is blank."`
	NCCO      string `name:"ncco" xor:"message" type:"existingfile" placeholder:"FILE" help:"A file with the call's NCCO, a JSON array of actions; {{column}} works inside its texts."`
	AnswerURL string `name:"answer-url" xor:"message" placeholder:"URL" help:"Where Vonage fetches the NCCO once a call is answered."`

	Language  string   `placeholder:"en-GB" help:"The language of --say; {{column}} works in it (default: en-US)."`
	OnKey     []string `name:"on-key" sep:"none" placeholder:"KEY=WORD[:TEXT]" help:"What a key does: 1=confirmed:TEXT notes a result of your own and says TEXT. The words repeat, opt_out, end and connect:NUMBER do what they say. Give it once for each key."`
	Voicemail string   `placeholder:"TEXT" help:"What an answering machine hears after its beep. Machines are detected then, which Vonage charges for; the message begins at once all the same."`
	Until     string   `enum:",answered,heard,result" default:"" placeholder:"answered|heard|result" help:"What is wanted of a person, who otherwise is called again: that they answer, hear the message to its end, or press a key with a result (default: answered)."`

	AnswerMethod string `name:"answer-method" enum:",GET,POST" default:"" placeholder:"GET|POST" help:"With --answer-url: how Vonage asks (its default: GET)."`
	DTMFAnswer   string `name:"dtmf-answer" placeholder:"DIGITS" help:"Tones to send once a call is answered: 0-9, *, # and p, a pause of half a second. {{column}} works in them."`

	Start  string   `placeholder:"TIME" help:"Nothing is dialed before: 2026-12-01T09:00:00Z, or \"2026-12-01 09:00\" in the --zone."`
	End    string   `placeholder:"TIME" help:"Nothing is dialed from then on, written as --start; people who were not reached by then end as expired."`
	Hours  string   `placeholder:"09:00-20:00" help:"Calls are placed only between these times (default: 09:00-20:00). With breaks: 09:00-12:30,14:00-20:00."`
	Days   string   `placeholder:"mon-fri" help:"The days of the week on which --hours apply; on the others nobody is called. A list or a range."`
	Except []string `placeholder:"DATE,..." help:"Dates on which nobody is called, such as 2026-12-25. holidays=GB are a country's public holidays, holidays=GB-SCT those of a region too, and closed.csv or closed.ics a file of dates or of whole days."`
	Zone   string   `placeholder:"recipient|Area/City" help:"On whose clock --hours is: each person's own, or one zone's (default: recipient)."`

	RemindBefore string `name:"remind-before" sep:"none" placeholder:"COLUMN=24h,2h" help:"Call each person so long before the time in that column, once for each; in closed hours at the nearest open time before."`

	Attempts     *int   `placeholder:"N" help:"Calls to one person, at most (default: 3)."`
	Retry        string `placeholder:"busy=10m,..." help:"After which results a person is called again, and how much later; several waits, one after another: busy=10m/1h/4h. What is not named is as by default (${retry}); busy=never makes it final, and none all of them. With --until also unheard (30m)."`
	Machine      string `enum:",continue,hangup" default:"" placeholder:"continue|hangup" help:"Detect answering machines, and talk to them or hang up. Without it nothing is detected."`
	MachineMode  string `name:"machine-mode" enum:",default,detect,detect_beep" default:"" placeholder:"default|detect|detect_beep" help:"With --machine: Vonage's advanced detection, which it charges for; detect_beep waits for the beep."`
	BeepTimeout  *int   `name:"beep-timeout" placeholder:"SECONDS" help:"With --machine-mode detect_beep: how long it waits for the beep, 45 to 120."`
	RingingTimer *int   `name:"ringing-timer" placeholder:"SECONDS" help:"How long the telephone rings, 1 to 120 (default: 60)."`
	LengthTimer  *int   `name:"length-timer" placeholder:"SECONDS" help:"How long an answered call may last, 1 to 7200 (default: three times what the message takes with its keys and waits, and 60 at least; 7200 with --ncco, --answer-url or a key that connects)."`

	PerSecond string `name:"per-second" placeholder:"N" help:"Calls of the campaign that begin in any second, at most."`
	AtOnce    *int   `name:"at-once" placeholder:"N" help:"Calls of the campaign that are up at once, at most."`
	Budget    string `placeholder:"AMOUNT" help:"What its calls may cost, in the account's currency. It is not exceeded: the campaign pauses before that."`
	Priority  *int   `placeholder:"0-9" help:"Campaigns of a higher priority are called first (default: 5)."`
	Purpose   string `placeholder:"WORD" help:"What the calls are for: emergency, notification, reminder, health or marketing."`
}

// Vars are what the flags' help names.
func Vars() map[string]string {
	return map[string]string{"retry": campaign.DefaultPolicy().FormatRetry()}
}

// Document is the campaign document of --campaign, or else d, with what the flags
// say in place of what it says. Its error has every mistake of the flags.
func (f *Flags) Document(d campaign.Document) (campaign.Document, error) {
	if f.Campaign != "" {
		var err error
		if d, err = readDocument(f.Campaign); err != nil {
			return d, err
		}
	}
	f.words(&d)
	f.counts(&d)
	return d, errors.Join(f.times(&d), f.message(&d), f.retry(&d))
}

// readDocument reads the document and the files of dates that it names.
func readDocument(path string) (d campaign.Document, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return d, fmt.Errorf("--campaign: %w", err)
	}
	if d, err = campaign.ParseDocument(path, text); err != nil {
		return d, err
	}
	if d.When.Except, err = exceptDates(filepath.Dir(path), d.When.Except); err != nil {
		return d, fmt.Errorf("%s: when.except: %w", path, err)
	}
	return d, nil
}

// words takes the flags whose value is kept as it is written.
func (f *Flags) words(d *campaign.Document) {
	for _, flag := range []struct {
		path, name, value string
		to                *string
	}{
		{"name", "--name", f.Name, &d.Name},
		{"purpose", "--purpose", f.Purpose, &d.Purpose},
		{"message.language", "--language", f.Language, &d.Message.Language},
		{"message.voicemail", "--voicemail", f.Voicemail, &d.Message.Voicemail},
		{"message.answer_method", "--answer-method", f.AnswerMethod, &d.Message.AnswerMethod},
		{"message.dtmf_answer", "--dtmf-answer", f.DTMFAnswer, &d.Message.DTMFAnswer},
		{"call.machine", "--machine", f.Machine, &d.Call.Machine},
		{"call.machine_mode", "--machine-mode", f.MachineMode, &d.Call.MachineMode},
		{"again.until", "--until", f.Until, &d.Again.Until},
		{"when.start", "--start", f.Start, &d.When.Start},
		{"when.end", "--end", f.End, &d.When.End},
		{"when.zone", "--zone", f.Zone, &d.When.Zone},
	} {
		if flag.value != "" {
			*flag.to = flag.value
			d.FromFlag(flag.path, flag.name)
		}
	}
	if len(f.From) > 0 {
		d.From = f.From
		d.FromFlag("from", "--from")
	}
	if f.PerSecond != "" {
		d.Limits.SetPerSecond(f.PerSecond)
		d.FromFlag("limits.per_second", "--per-second")
	}
	if f.Budget != "" {
		d.Limits.SetBudget(f.Budget)
		d.FromFlag("limits.budget", "--budget")
	}
}

// counts takes the flags whose value is a whole number.
func (f *Flags) counts(d *campaign.Document) {
	for _, flag := range []struct {
		path, name string
		value      *int
		to         **int
	}{
		{"call.beep_timeout", "--beep-timeout", f.BeepTimeout, &d.Call.BeepTimeout},
		{"call.ringing_timer", "--ringing-timer", f.RingingTimer, &d.Call.RingingTimer},
		{"call.length_timer", "--length-timer", f.LengthTimer, &d.Call.LengthTimer},
		{"again.attempts", "--attempts", f.Attempts, &d.Again.Attempts},
		{"limits.at_once", "--at-once", f.AtOnce, &d.Limits.AtOnce},
		{"limits.priority", "--priority", f.Priority, &d.Limits.Priority},
	} {
		if flag.value != nil {
			*flag.to = flag.value
			d.FromFlag(flag.path, flag.name)
		}
	}
}

// times takes the flags that are read here: reminders, hours and dates.
func (f *Flags) times(d *campaign.Document) error {
	var mistakes []error
	mistake := func(flag string, err error) {
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("%s: %w", flag, err))
		}
	}
	if f.RemindBefore != "" {
		mistake("--remind-before", d.SetRemind(f.RemindBefore))
		d.FromFlag("remind", "--remind-before")
	}
	if f.Hours != "" || f.Days != "" {
		mistake("--days", d.When.SetHours(f.Hours, f.Days))
		d.FromFlag("when.hours", "--hours")
	}
	if len(f.Except) > 0 {
		dates, err := exceptDates("", f.Except)
		mistake("--except", err)
		d.When.Except = dates
		d.FromFlag("when.except", "--except")
	}
	return errors.Join(mistakes...)
}

// exceptDates puts the dates of the files that are named in place of their names. The
// paths of a document begin at its folder.
func exceptDates(folder string, entries []string) (list []string, err error) {
	for _, entry := range entries {
		dates := []string{entry}
		if campaign.IsDatesFile(entry) {
			if dates, err = calendar.Dates(folder, entry); err != nil {
				return nil, err
			}
		}
		list = append(list, dates...)
	}
	return list, nil
}

// message takes what is said from the flags: one of three, in place of any of them
// in the document.
func (f *Flags) message(d *campaign.Document) error {
	m := &d.Message
	if f.Say != "" || f.NCCO != "" || f.AnswerURL != "" {
		m.Say, m.NCCO, m.AnswerURL = f.Say, nil, f.AnswerURL
		d.FromFlag("message.say", "--say")
		d.FromFlag("message.ncco", "--ncco")
		d.FromFlag("message.answer_url", "--answer-url")
	}
	var errs []error
	if f.NCCO != "" {
		text, err := os.ReadFile(f.NCCO)
		if err != nil {
			errs = append(errs, fmt.Errorf("--ncco: %w", err))
		}
		m.NCCO = json.RawMessage(text)
	}
	for _, on := range f.OnKey {
		pressed, does, found := strings.Cut(on, "=")
		key, err := campaign.ParseKey(does)
		switch {
		case !found:
			errs = append(errs, fmt.Errorf("--on-key %q: want KEY=WORD or KEY=WORD:TEXT", on))
		case err != nil:
			errs = append(errs, fmt.Errorf("--on-key %s: %w", pressed, err))
		default:
			m.SetKey(strings.TrimSpace(pressed), key)
			d.FromFlag("message.keys."+strings.TrimSpace(pressed), "--on-key")
		}
	}
	return errors.Join(errs...)
}

func (f *Flags) retry(d *campaign.Document) error {
	if f.Retry == "" {
		return nil
	}
	if err := d.Again.SetRetry(f.Retry); err != nil {
		return err
	}
	d.FromFlag("again.after", "--retry")
	return nil
}
