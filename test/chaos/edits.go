package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"dialer/campaign"
	"dialer/internal/campaignflags"

	"github.com/shopspring/decimal"
)

const actEdit = "edit"

// documented are the settings with their campaign document. Without one a campaign cannot
// be edited.
func documented(name string, s campaign.Settings) (campaign.Settings, error) {
	f := campaignflags.Flags{
		Name: name, From: s.From, Say: s.Message.Say, Voicemail: s.Message.Voicemail, OnKey: onKeys(s.Message), Hours: s.Hours.String(), Zone: s.Zone,
		Attempts: &s.Retry.Attempts, Retry: s.Retry.FormatRetry(), Machine: s.Machine, MachineMode: s.MachineMode,
		RingingTimer: &s.RingingTimer, LengthTimer: &s.LengthTimer,
	}
	d, err := f.Document(campaign.Document{})
	if err != nil {
		return s, err
	}
	d.People.Countries = []string{s.Countries.String()}
	s.Document, err = d.JSON()
	return s, err
}

// edits are the possible edits, by name: the change of the settings, and the flags for
// it. Some are taken back after a while, or nobody would be called any more.
var edits = []struct {
	name string
	make func(*operators, context.Context, string, *rand.Rand) error
}{
	{"text", (*operators).editText}, {"again", (*operators).editAgain}, {"hours", (*operators).editHours},
	{"at_once", (*operators).editAtOnce}, {"per_second", (*operators).editPerSecond}, {"budget", (*operators).editBudget},
}

func editNames() (names []string) {
	for _, e := range edits {
		names = append(names, e.name)
	}
	return names
}

// edit edits the campaign that is called now.
func (p *operators) edit(ctx context.Context, r *rand.Rand) error {
	p.pausing.Lock() // a budget pauses too
	defer p.pausing.Unlock()
	p.editing.Lock()
	defer p.editing.Unlock()
	name, chosen := p.latest(), edits[r.IntN(len(edits))]
	if p.Edit != "" {
		chosen = edits[slices.Index(editNames(), p.Edit)]
	}
	if p.contactsOf(name) == 0 {
		return nil
	}
	return ignoreRefused(chosen.make(p, ctx, name, r)) // it may be over
}

// edited types one edit. It may be in force from the moment it is typed, and only it is
// in force after the command has returned.
func (p *operators) edited(ctx context.Context, name string, change func(*campaign.Settings), flags ...string) error {
	s := p.orders.settingsOf(name)
	change(&s)
	p.orders.edit(name, s, time.Now())
	err := p.command(ctx, "dialer", append([]string{"campaign", "edit", name}, flags...)...)
	if err == nil {
		p.orders.edited(name, s, time.Now())
	}
	return err
}

// forAWhile makes an edit, and takes it back some seconds after the last call with the
// old settings could begin. The judge cannot see a shorter edit.
func (p *operators) forAWhile(ctx context.Context, name string, r *rand.Rand, change func(*campaign.Settings), back func(*campaign.Settings), flags, backFlags []string) error {
	if err := p.edited(ctx, name, change, flags...); err != nil {
		return err
	}
	select {
	case <-time.After(late + slack + between(r, time.Second, 5*time.Second)):
		return p.edited(ctx, name, back, backFlags...)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// editText makes the calls say something that no call has said before.
func (p *operators) editText(ctx context.Context, name string, _ *rand.Rand) error {
	was := p.orders.settingsOf(name).Message
	notice := fmt.Sprintf("notice %d.", p.notices.Add(1))
	say := strings.Replace(was.Say, saysOf(was), notice, 1)
	flags := []string{"--say", say}
	voicemail := was.Voicemail
	if voicemail != "" {
		voicemail = strings.Replace(voicemail, saysOf(was), notice, 1)
		flags = append(flags, "--voicemail", voicemail)
	}
	return p.edited(ctx, name, func(s *campaign.Settings) { s.Message.Say, s.Message.Voicemail = say, voicemail }, flags...)
}

// saysOf is the part of a message that differs after an edit.
func saysOf(m campaign.Message) string {
	if at := strings.Index(m.Say, "notice "); at >= 0 {
		return m.Say[at : at+strings.Index(m.Say[at:], ".")+1]
	}
	return "until noon."
}

// editAgain changes how often people are called, and how soon again.
func (p *operators) editAgain(ctx context.Context, name string, r *rand.Rand) error {
	policy := p.orders.settingsOf(name).Retry
	policy.Attempts = 2 + r.IntN(3)
	wait := time.Duration(5+r.IntN(9)) * time.Second
	policy, err := policy.ParseRetry(fmt.Sprintf("busy=%v,unanswered=%v,timeout=%v,failed=%v", wait, wait, wait, wait))
	if err != nil {
		return err
	}
	return p.edited(ctx, name, func(s *campaign.Settings) { s.Retry = policy },
		"--attempts", strconv.Itoa(policy.Attempts), "--retry", policy.FormatRetry())
}

// editHours closes the campaign's hours for a while.
func (p *operators) editHours(ctx context.Context, name string, r *rand.Rand) error {
	was := p.orders.settingsOf(name).Hours
	closed := closedAt(time.Now())
	closed.Margin = was.Margin
	return p.forAWhile(ctx, name, r, func(s *campaign.Settings) { s.Hours = closed }, func(s *campaign.Settings) { s.Hours = was },
		[]string{"--hours", closed.String()}, []string{"--hours", was.String()})
}

// closedAt are hours of the day, by the clock of UTC, that are far from a moment.
func closedAt(now time.Time) campaign.Hours {
	from := (now.UTC().Hour() + 6) % 23
	return campaign.Daily(from*60, (from+1)*60)
}

// plenty is a limit that limits nothing.
const plenty = 1000

func (p *operators) editAtOnce(ctx context.Context, name string, r *rand.Rand) error {
	n := 1 + r.IntN(4)
	return p.forAWhile(ctx, name, r, func(s *campaign.Settings) { s.Limits.AtOnce = n }, func(s *campaign.Settings) { s.Limits.AtOnce = plenty },
		[]string{"--at-once", strconv.Itoa(n)}, []string{"--at-once", strconv.Itoa(plenty)})
}

func (p *operators) editPerSecond(ctx context.Context, name string, r *rand.Rand) error {
	n := 1 + r.IntN(4)
	return p.forAWhile(ctx, name, r, func(s *campaign.Settings) { s.Limits.PerSecond = campaign.PerSecond(n) }, func(s *campaign.Settings) { s.Limits.PerSecond = plenty },
		[]string{"--per-second", strconv.Itoa(n)}, []string{"--per-second", strconv.Itoa(plenty)})
}

// editBudget sets a budget below or just above the money spent, for a while, so that the
// campaign pauses by itself.
func (p *operators) editBudget(ctx context.Context, name string, r *rand.Rand) error {
	budget := func(s *campaign.Settings, text string) {
		s.Limits.Budget = decimal.NewNullDecimal(decimal.RequireFromString(text))
	}
	little, enough := fmt.Sprintf("%.2f", 0.2+3*r.Float64()), "100000"
	err := p.forAWhile(ctx, name, r, func(s *campaign.Settings) { budget(s, little) }, func(s *campaign.Settings) { budget(s, enough) },
		[]string{"--budget", little}, []string{"--budget", enough})
	return errors.Join(err, ignoreRefused(p.command(ctx, "dialer", "campaign", "resume", name)))
}
