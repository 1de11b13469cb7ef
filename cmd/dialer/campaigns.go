package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"dialer/campaign"
	"dialer/internal/app"
	"dialer/internal/cli"
	"dialer/voice"
)

type campaignCommand struct {
	List   campaignListCommand   `cmd:"" help:"List all campaigns."`
	Show   campaignShowCommand   `cmd:"" help:"Show a campaign's settings and its progress."`
	Follow campaignFollowCommand `cmd:"" help:"Show a campaign's progress until it has ended. Ctrl-C ends the display only."`
	Pause  campaignPauseCommand  `cmd:"" help:"Start no more of its calls, from now on. Calls in progress continue."`
	Resume campaignResumeCommand `cmd:"" help:"Let a paused campaign call again, or start a draft."`
	Edit   campaignEditCommand   `cmd:"" help:"Change what a campaign says, its hours, its end or its rules, for the calls that have not begun."`
	Export campaignExportCommand `cmd:"" help:"Write one line a person: the CSV's own columns and what became of them."`
	Stop   campaignStopCommand   `cmd:"" help:"End a campaign for good. Calls in progress continue, unless --hang-up ends them."`
}

// campaignFlags name one campaign.
type campaignFlags struct {
	Campaign string `arg:"" name:"campaign" help:"The campaign's name or id."`
	databaseFlags
}

// with opens the database and does something with its campaigns.
func (c *campaignFlags) with(ctx context.Context, do func(app.Campaigns) error) error {
	db, err := openMigrated(ctx, c.DatabaseURL)
	if err != nil {
		return err
	}
	defer db.Close()
	return do(app.Campaigns{Store: db})
}

// listsThem adds to an error about a name how to find the right one.
func listsThem(err error) error {
	if errors.Is(err, campaign.ErrNotFound) {
		return fmt.Errorf("%w; `dialer campaign list` names them all", err)
	}
	return err
}

type campaignListCommand struct{ databaseFlags }

func (c *campaignListCommand) Run(ctx context.Context, con console) error {
	db, err := openMigrated(ctx, c.DatabaseURL)
	if err != nil {
		return err
	}
	defer db.Close()
	list, err := db.Report(ctx)
	if err != nil {
		return err
	}
	table := con.Table()
	table.Printf("ID\tCAMPAIGN\tSTATUS\tCREATED\tROWS\tREJECTED\tPENDING\tACTIVE\tWAITING\tDONE\tANSWERED\tHEARD\tRESULT\n")
	for _, r := range list {
		table.Printf("%d\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\n",
			r.CampaignID, r.Campaign, r.Status, cli.Time(r.CreatedAt), r.Rows, r.Rejected, r.Pending, r.Active, r.Waiting, r.Done,
			r.Ladder.Answered, r.Ladder.Heard, r.Ladder.Result)
	}
	return table.Flush()
}

type campaignShowCommand struct {
	campaignFlags
	Document bool `help:"Print only the campaign document, which enqueue --campaign reads."`
}

func (c *campaignShowCommand) Run(ctx context.Context, con console) error {
	return c.with(ctx, func(campaigns app.Campaigns) error {
		found, err := campaigns.Find(ctx, c.Campaign)
		if err != nil {
			return listsThem(err)
		}
		document, err := campaigns.Document(ctx, found.ID)
		if err != nil {
			return err
		}
		if c.Document {
			con.Printf("%s", document)
			return nil
		}
		version, err := campaigns.Store.CampaignVersion(ctx, found.ID)
		if err != nil {
			return err
		}
		reports, err := campaigns.Store.Report(ctx, found.ID)
		if err != nil {
			return err
		}
		for _, r := range reports {
			con.Linef("%s (%d): %s%s\n", r.Campaign, r.CampaignID, r.Status, because(r.PauseReason))
			con.Linef("  version   %s\n", describeVersion(version))
			printSettings(con, found.Settings)
			if err := printReportTable(con, r); err != nil {
				return err
			}
		}
		if document != "" {
			con.Printf("The campaign document:\n\n%s", document)
		}
		return nil
	})
}

func describeVersion(v app.CampaignVersion) string {
	return fmt.Sprintf("%d, since %s, by %s", v.Version, cli.Time(v.MadeAt), v.MadeBy)
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ", because: " + reason
}

func printSettings(con console, s campaign.Settings) {
	con.Linef("  says      %s\n", describeMessage(s.Message))
	con.Linef("  from      +%s\n", strings.Join(s.From, ", +"))
	con.Linef("  hours     %s, %s; the last call %s before they end\n", s.Hours, describeZone(s.Zone), s.Hours.Margin)
	if dates := s.Hours.ExceptText(time.Now().Format(time.DateOnly)); dates != "" {
		con.Linef("  not on    %s\n", dates)
	}
	if !s.Start.IsZero() {
		con.Linef("  start     %s\n", cli.Time(s.Start))
	}
	if !s.End.IsZero() {
		con.Linef("  end       %s\n", cli.Time(s.End))
	}
	con.Linef("  retry     %s\n", s.Retry)
	if s.Remind != nil {
		con.Linef("  reminds   %s\n", s.Remind)
	}
	if limits := s.Limits.String(); limits != "" {
		con.Linef("  limits    %s\n", limits)
	}
	con.Linef("  timers    rings %d s, lasts %d s at most\n", s.RingingTimer, s.LengthTimer)
	if s.Message.DTMFAnswer != "" {
		con.Linef("  tones     sent once the call is answered\n")
	}
	if s.Machine != "" {
		con.Linef("  machines  %s\n", describeDetection(s))
	}
}

func describeDetection(s campaign.Settings) string {
	text := s.Machine
	if s.MachineMode != "" {
		text += ", advanced: " + s.MachineMode
	}
	if s.BeepTimeout != 0 {
		text += fmt.Sprintf(", %d s for the beep", s.BeepTimeout)
	}
	return text
}

func describeMessage(m campaign.Message) string {
	switch {
	case m.Say != "":
		return fmt.Sprintf("%q", m.Say)
	case m.AnswerURL != "":
		return "the NCCO from " + m.AnswerURL + inBrackets(m.AnswerMethod)
	}
	return "the NCCO " + string(m.NCCO)
}

func describeZone(zone string) string {
	if zone == campaign.ZoneRecipient {
		return "on each person's own clock"
	}
	return "on the clock of " + zone
}

type campaignPauseCommand struct {
	campaignFlags
	Reason string `default:"by hand" help:"Why, for people who look at it later (default: ${default})."`
	actorFlags
}

func (c *campaignPauseCommand) Run(ctx context.Context, con console) error {
	return c.with(ctx, func(campaigns app.Campaigns) error {
		begun := time.Now()
		paused, err := campaigns.Pause(ctx, c.actor(), c.Campaign, c.Reason)
		if err != nil {
			return listsThem(err)
		}
		con.Linef("%s: paused in %d ms; no more calls start until it is resumed\n", paused.Name, time.Since(begun).Milliseconds())
		return nil
	})
}

type campaignResumeCommand struct {
	campaignFlags
	actorFlags
}

func (c *campaignResumeCommand) Run(ctx context.Context, con console) error {
	return c.with(ctx, func(campaigns app.Campaigns) error {
		resumed, err := campaigns.Resume(ctx, c.actor(), c.Campaign)
		if err != nil {
			return listsThem(err)
		}
		con.Linef("%s: resumed\n", resumed.Name)
		return nil
	})
}

type campaignStopCommand struct {
	campaignFlags
	HangUp bool `name:"hang-up" help:"Also end its calls, those that still ring included. This needs the account's settings."`
	actorFlags
	requestFlags
}

func (c *campaignStopCommand) Run(ctx context.Context, con console) error {
	if !c.HangUp {
		return c.campaignFlags.with(ctx, func(campaigns app.Campaigns) error {
			_, err := c.stop(ctx, con, campaigns)
			return err
		})
	}
	return c.requestFlags.with(ctx, con, c.DatabaseURL, func(v *vonage) error {
		id, err := c.stop(ctx, con, app.Campaigns{Store: v.db})
		if err != nil {
			return err
		}
		sum, err := app.Calls{Store: v.db}.HangUpAll(ctx, c.actor(), id, "campaign stop --hang-up", func(uuid string) app.CallRequest {
			return v.request(uuid, noResult((*voice.Client).Hangup, uuid))
		})
		con.Linef("%s: %s\n", c.Campaign, sum)
		return err
	})
}

func (c *campaignStopCommand) stop(ctx context.Context, con console, campaigns app.Campaigns) (id int64, err error) {
	stopped, err := campaigns.Stop(ctx, c.actor(), c.Campaign)
	if err != nil {
		return 0, listsThem(err)
	}
	con.Linef("%s: stopped; people who were not reached yet are not called\n", stopped.Name)
	return stopped.ID, nil
}
