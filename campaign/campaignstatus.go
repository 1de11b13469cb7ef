package campaign

import "slices"

// Status says whether a campaign's contacts may be called.
type Status string

const (
	// Draft: created for review; a resume starts it.
	Draft Status = "draft"
	// Importing: rows are still being added; nothing is dialed.
	Importing Status = "importing"
	// Scheduled: running, but its start is still to come.
	Scheduled Status = "scheduled"
	// Running: contacts that are due are called.
	Running Status = "running"
	// Paused: by a person, or by a refusal that concerns the whole account.
	Paused Status = "paused"
	// Stopping: stopped, but some of its calls are still up.
	Stopping Status = "stopping"
	// Stopped: by a person, for good. Contacts that were not reached ended as stopped.
	Stopped Status = "stopped"
	// Finished: every contact has ended. More rows, or late evidence, make the campaign
	// running again.
	Finished Status = "finished"
)

// StatusRule is the rule for campaigns in one status.
type StatusRule struct {
	Status Status
	// Shows is the stored status that includes this one; "": this status is stored itself.
	// shown_status in storage/rules.sql tells them apart.
	Shows     Status
	MayPause  bool
	MayResume bool // a resume makes it run, or continues its import
	Over      bool // for good: it accepts no rows and no edit
}

// StatusRules are all statuses, in the order of a campaign's life.
var StatusRules = []StatusRule{
	{Status: Draft, MayResume: true},
	{Status: Importing, MayPause: true},
	{Status: Scheduled, Shows: Running, MayPause: true},
	{Status: Running, MayPause: true},
	{Status: Paused, MayResume: true},
	{Status: Stopping, Shows: Stopped, Over: true},
	{Status: Stopped, Over: true},
	{Status: Finished},
}

// Rule is the rule for campaigns in this status.
func (s Status) Rule() StatusRule {
	i := slices.IndexFunc(StatusRules, func(r StatusRule) bool { return r.Status == s })
	if i < 0 {
		return StatusRule{Status: s} // a status of a later version
	}
	return StatusRules[i]
}

// Stored is the stored status of a campaign that shows this one.
func (s Status) Stored() Status {
	if shows := s.Rule().Shows; shows != "" {
		return shows
	}
	return s
}
