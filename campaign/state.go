package campaign

// State is the state of an attempt. An attempt is one POST to the provider that may
// have happened; there is never a second POST for it.
type State string

const (
	// Reserved: the feeder claimed the contact and committed this row; a task is on its
	// way to a worker. Nothing has been sent.
	Reserved State = "reserved"
	// Dialing: the worker passed the gate. From this commit on the POST may have been
	// sent, until its token expires.
	Dialing State = "dialing"
	// Unknown: the POST's outcome is not known. Reconciliation, or evidence
	// from Vonage, moves it on. Until then no other attempt calls this number.
	Unknown State = "unknown"
	// Accepted: Vonage has the call and its uuid is known. Evidence from
	// Vonage ends it.
	Accepted State = "accepted"
	// Ended: the call is over and has a disposition.
	Ended State = "ended"
	// Refused: proof that no call was made.
	Refused State = "refused"
	// Absent: Vonage's records, complete over the window and read twice after the token
	// expired, show no call of this attempt.
	Absent State = "absent"
	// Lost: the outcome could not be found while Vonage kept its records. It is never
	// repeated automatically; a person decides.
	Lost State = "lost"
	// Void: withdrawn before dialing (pause, stop, suppression, hours).
	Void State = "void"
)

// Open reports whether the attempt may still make a call, or its call may still be in
// progress. A number has at most one open attempt at any time, over all campaigns.
func (s State) Open() bool {
	switch s {
	case Reserved, Dialing, Unknown, Accepted:
		return true
	}
	return false
}

// States lists them all, in the order of an attempt's life.
var States = []State{Reserved, Dialing, Unknown, Accepted, Ended, Refused, Absent, Lost, Void}

// Writer names the part of the program that moves an attempt.
type Writer string

const (
	// Caller is the worker that passes the gate, sends the POST and records
	// its outcome.
	Caller Writer = "caller"
	// Provider is evidence: a verified webhook or a row of Vonage's list.
	Provider Writer = "provider"
	// Reconciler is the job that proves absence, or gives up at the end of the
	// provider's retention.
	Reconciler Writer = "reconciler"
	// Sweeper notices what a dead process left behind.
	Sweeper Writer = "sweeper"
	// Operator is a person's command: pause, stop, suppress.
	Operator Writer = "operator"
)

// Transition is one permitted move of an attempt.
type Transition struct {
	From State
	By   Writer
	To   State
}

// Transitions is the whole life of an attempt. Postgres too refuses a move that is not
// listed here, from a copy of this table; a test compares both.
// docs/internals/state-machine.md draws it.
//
// Evidence beats belief: Vonage may move an attempt out of every state but Void; from
// Reserved, Refused, Absent and Lost this also raises an alarm.
var Transitions = []Transition{
	{Reserved, Caller, Dialing},
	{Reserved, Caller, Void},
	{Reserved, Operator, Void},
	{Reserved, Sweeper, Void},  // a manual call whose command died before the gate
	{Reserved, Provider, Void}, // late evidence about an earlier attempt means that this one is not needed
	{Reserved, Provider, Accepted},
	{Reserved, Provider, Ended},

	{Dialing, Caller, Accepted},
	{Dialing, Caller, Refused},
	{Dialing, Caller, Unknown},
	{Dialing, Sweeper, Unknown},
	{Dialing, Provider, Accepted},
	{Dialing, Provider, Ended},

	{Unknown, Caller, Accepted}, // a 201 recorded late
	{Unknown, Caller, Refused},  // a refusal recorded late
	{Unknown, Provider, Accepted},
	{Unknown, Provider, Ended},
	{Unknown, Reconciler, Absent},
	{Unknown, Reconciler, Lost},
	{Unknown, Operator, Absent}, // a person decides what no scan can show
	{Unknown, Operator, Lost},

	{Accepted, Provider, Ended},
	{Accepted, Sweeper, Ended}, // a failing status without completed within the grace, or no record any more

	{Refused, Provider, Accepted},
	{Refused, Provider, Ended},
	{Absent, Provider, Accepted},
	{Absent, Provider, Ended},
	{Lost, Provider, Accepted},
	{Lost, Provider, Ended},
	{Lost, Operator, Absent},
}

// MayMove reports whether by may move an attempt between these states.
func MayMove(from State, by Writer, to State) bool {
	for _, t := range Transitions {
		if t == (Transition{from, by, to}) {
			return true
		}
	}
	return false
}
