package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"dialer/campaign"
	"dialer/storage"
)

type campaignCommand struct {
	List   campaignListCommand   `cmd:"" help:"List all campaigns."`
	Show   campaignShowCommand   `cmd:"" help:"Show a campaign's settings and how it stands."`
	Pause  campaignPauseCommand  `cmd:"" help:"Place no more of its calls, from now on. Calls that are up go on."`
	Resume campaignResumeCommand `cmd:"" help:"Let a paused campaign go on."`
	Stop   campaignStopCommand   `cmd:"" help:"End a campaign for good. Calls that are up go on, unless --hang-up ends them."`
}

// campaignFlags name one campaign.
type campaignFlags struct {
	Name string `arg:"" name:"campaign" help:"The campaign's name or id."`
	databaseFlags
}

// with finds the campaign and does something with it.
func (c *campaignFlags) with(ctx context.Context, do func(*storage.DB, campaign.Campaign) error) error {
	db, err := openMigrated(ctx, c.DatabaseURL)
	if err != nil {
		return err
	}
	defer db.Close()
	found, err := findCampaign(ctx, db, c.Name)
	if err != nil {
		return err
	}
	return do(db, found)
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
	table := tabwriter.NewWriter(con.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ID\tCAMPAIGN\tSTATUS\tCREATED\tROWS\tREJECTED\tPENDING\tACTIVE\tWAITING\tDONE")
	for _, r := range list {
		fmt.Fprintf(table, "%d\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\n",
			r.CampaignID, r.Campaign, r.Status, r.CreatedAt.Format(timeFormat), r.Rows, r.Rejected, r.Pending, r.Active, r.Waiting, r.Done)
	}
	return table.Flush()
}

// timeFormat is how people are told of times; all are UTC.
const timeFormat = "2006-01-02 15:04:05Z"

type campaignShowCommand struct{ campaignFlags }

func (c *campaignShowCommand) Run(ctx context.Context, con console) error {
	return c.with(ctx, func(db *storage.DB, found campaign.Campaign) error {
		reports, err := db.Report(ctx, found.ID)
		if err != nil {
			return err
		}
		for _, r := range reports {
			con.printf("%s (%d): %s%s\n", r.Campaign, r.CampaignID, r.Status, because(r.PauseReason))
			printSettings(con, found.Settings)
			if err := printReportTable(con, r); err != nil {
				return err
			}
		}
		return nil
	})
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ", because: " + reason
}

func printSettings(con console, s campaign.Settings) {
	con.printf("  says      %s\n", describeMessage(s.Message))
	con.printf("  from      %d of the account's numbers\n", len(s.From))
	con.printf("  hours     %s, %s\n", s.Hours, describeZone(s.Zone))
	if !s.Start.IsZero() {
		con.printf("  start     %s\n", s.Start.Format(timeFormat))
	}
	con.printf("  retry     %s\n", s.Retry)
	con.printf("  timers    rings %d s, lasts %d s at most\n", s.RingingTimer, s.LengthTimer)
	if s.Message.DTMFAnswer != "" {
		con.printf("  tones     sent once it is answered\n")
	}
	if s.Machine != "" {
		con.printf("  machines  %s\n", describeDetection(s))
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
		return "what " + m.AnswerURL + " answers" + inBrackets(m.AnswerMethod)
	}
	return "the NCCO " + string(m.NCCO)
}

func describeZone(zone string) string {
	if zone == campaign.ZoneRecipient {
		return "by each person's own clock"
	}
	return "by the clock of " + zone
}

type campaignPauseCommand struct {
	campaignFlags
	Reason string `default:"by hand" help:"Why, for whoever looks at it later (default: ${default})."`
}

func (c *campaignPauseCommand) Run(ctx context.Context, con console) error {
	return c.with(ctx, func(db *storage.DB, found campaign.Campaign) error {
		begun := time.Now()
		if err := db.Pause(ctx, found.ID, c.Reason); err != nil {
			return err
		}
		con.printf("%s: paused in %d ms; nothing more is dialed until it is resumed\n", found.Name, time.Since(begun).Milliseconds())
		return nil
	})
}

type campaignResumeCommand struct{ campaignFlags }

func (c *campaignResumeCommand) Run(ctx context.Context, con console) error {
	return c.with(ctx, func(db *storage.DB, found campaign.Campaign) error {
		if err := db.Resume(ctx, found.ID); err != nil {
			return err
		}
		con.printf("%s: goes on\n", found.Name)
		return nil
	})
}

// findCampaign finds the campaign that a person named, by its name or id.
func findCampaign(ctx context.Context, db *storage.DB, name string) (campaign.Campaign, error) {
	found, err := db.CampaignByName(ctx, name)
	if errors.Is(err, campaign.ErrNotFound) {
		err = fmt.Errorf("%w; `dialer campaign list` names them all", err)
	}
	return found, err
}
