package campaign

import "slices"

// Status says whether a campaign's contacts may be called.
type Status string

const (
	// Draft: it was made to be looked at first; a resume starts it.
	Draft Status = "draft"
	// Importing: rows are still being added; nothing is dialed.
	Importing Status = "importing"
	// Scheduled: running, and its start has not come.
	Scheduled Status = "scheduled"
	// Running: contacts that are due are called.
	Running Status = "running"
	// Paused: by a person, or by a refusal that is about the whole account.
	Paused Status = "paused"
	// Stopping: stopped, and calls of it are still up.
	Stopping Status = "stopping"
	// Stopped: by a person, for good; contacts that were not reached ended as
	// stopped.
	Stopped Status = "stopped"
	// Finished: every contact has ended. More rows, or late evidence, make it
	// running again.
	Finished Status = "finished"
)

// StatusRule is what is true of a campaign in one status.
type StatusRule struct {
	Status Status
	// Shows is the stored status of which this one is a part; "": it is stored
	// itself. shown_status in storage/rules.sql tells them apart.
	Shows     Status
	MayPause  bool
	MayResume bool // and then it runs, or goes on with its import
	Over      bool // for good: it takes no rows and no edit
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

// Rule is what is true of a campaign in this status.
func (s Status) Rule() StatusRule {
	i := slices.IndexFunc(StatusRules, func(r StatusRule) bool { return r.Status == s })
	if i < 0 {
		return StatusRule{Status: s} // of a later version
	}
	return StatusRules[i]
}

// Stored is the status that is kept of a campaign that shows this one.
func (s Status) Stored() Status {
	if shows := s.Rule().Shows; shows != "" {
		return shows
	}
	return s
}
