package main

import (
	"dialer/campaign"
	"dialer/internal/campaignflags"
	"dialer/internal/cli"

	"github.com/alecthomas/kong"
)

// flags is the whole command line.
type flags struct {
	cli.VersionFlag
	File string `arg:"" name:"file" placeholder:"FILE.csv|FILE.xlsx|-" help:"The CSV or spreadsheet, gzipped or not, or - for standard input. Its first row names the columns."`

	campaignflags.Flags

	AllowUnknown bool `name:"allow-unknown" help:"Send actions and members of an NCCO that this program does not know. Without it they are taken for mistyped."`

	DefaultCountry string            `name:"default-country" env:"DIALER_DEFAULT_COUNTRY" placeholder:"GB" help:"The country of numbers without a country code."`
	Countries      []string          `env:"DIALER_COUNTRIES" placeholder:"GB,IE|all" help:"Where people may be called; rows with other numbers are refused ($$${env}; default: the country of --default-country and those of --from)."`
	Map            map[string]string `mapsep:"," placeholder:"to=phone,..." help:"Which column is the number (to; to=mobile+home for one person's numbers in their order), the time zone (zone), the postal code (postal_code), the time of the call (call_at) or the time from which on nobody is called (call_before), if its name does not say so."`
	Key            string            `placeholder:"COLUMN" help:"The column that tells people apart: two of them may share a telephone, and one who has changed is known again (default: the number)."`
	DateFormat     string            `name:"date-format" placeholder:"LAYOUT" help:"How the file writes times that are not ISO 8601: \"DD/MM/YYYY HH:mm\", \"MM/DD/YYYY hh:mm A\"."`

	Encoding string `placeholder:"NAME" help:"The CSV's encoding, such as windows-1250 or shift_jis. Without it UTF-8 and UTF-16 are recognized, and others are guessed, with a warning."`
	Sheet    string `placeholder:"NAME" help:"Which sheet of a spreadsheet is read (default: the first)."`

	Rejects string `placeholder:"FILE" help:"Where refused rows go, each with its line and reason (default: the CSV's name with .rejects.csv, if a row is refused)."`
	Update  bool   `help:"Rows that differ change people who are still to be called. Without this flag the differences are only reported."`

	RemoveMissing bool `name:"remove-missing" help:"The file is the whole campaign: people who are still to be called and have no row in it are cancelled."`
	Yes           bool `help:"Take rows whose time is past or outside the hours; they are called when the hours begin next."`

	Test    string `placeholder:"NUMBER" help:"Call this number, which should be your own, with the message of a row, and do nothing else: the file is not imported. The keys work and opt nobody out. A running dialer makes the call."`
	TestRow int    `name:"test-row" placeholder:"N" help:"With --test or --dry-run: which row's message, counted from 1 below the header (default: the first that can be called)."`

	DryRun bool `name:"dry-run" help:"Read the whole file, show what would happen, write nothing."`
	Follow bool `help:"Show the campaign's progress until it has ended. Ctrl-C ends the display only."`

	read campaign.Document // once it was read

	cli.ByFlag
	DatabaseURL    string  `name:"database-url" env:"DATABASE_URL" secret:"" placeholder:"URL" help:"Postgres, for example postgres://dialer@localhost/dialer ($$${env}). Not needed for --dry-run."`
	CallsPerSecond float64 `name:"calls-per-second" env:"DIALER_CALLS_PER_SECOND" default:"3" help:"The account's limit, from which --dry-run computes how long the campaign takes ($$${env}; default: ${default})."`
}

// Help is printed by -h below the flags.
func (flags) Help() string {
	return `A name, a number to call from and one of --say, --ncco and --answer-url are needed, here or in the campaign document ('dialer schema campaign' describes it). Examples:

    enqueue --name outage --from 442079460000 --default-country GB \
        --say "Hello {{name}}, your water will be off tomorrow." people.csv

    enqueue --name checkups --from 442079460000 --say "See you {{when}}. Press 1 to confirm, 9 not to be called again." \
        --on-key "1=confirmed:Thank you." --on-key 9=opt_out --until result people.csv

    enqueue --campaign checkups.yaml --dry-run people.csv
    enqueue --campaign checkups.yaml --test 447700900123 people.csv

    enqueue --name checkups --from 442079460000 --ncco checkup.json \
        --map to=mobile,call_at=remind_at --machine hangup --dry-run people.csv

    cat people.xlsx | enqueue --name outage --from 442079460000 --sheet Members \
        --answer-url https://example.com/ncco --rejects refused.csv --follow -

Exit codes: 0 done, 1 failed, 2 the command is mistyped.`
}

// parse reads the arguments. Its errors are those of cli.Program.
func parse(f *flags, args []string, p cli.Program) error {
	_, err := p.Parse(f, args,
		kong.ConfigureHelp(kong.HelpOptions{WrapUpperBound: 110}),
		kong.Vars(campaignflags.Vars()),
	)
	return err
}
