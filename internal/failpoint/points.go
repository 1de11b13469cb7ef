package failpoint

// Point is one failpoint.
type Point struct {
	Name string
	When string // which step was just done, and which not yet
}

// Points are all failpoints.
var Points = []Point{
	{"claim.commit", "contacts are claimed, the claim is not committed"},
	{"claim.committed", "the claim is committed, no task is enqueued"},
	{"claim.enqueued", "the tasks are enqueued, the feeder does not know yet"},
	{"requeue.committed", "attempts are to be enqueued again, their tasks are not enqueued"},

	{"place.loaded", "the attempt is read, no permit is requested"},
	{"place.permitted", "the permit is there, the gate was not asked"},
	{"place.gated", "the gate is committed, no token is signed"},
	{"place.sending", "the permit's time has come, no byte of the POST is written"},
	{"place.answering", "the POST is written, the first byte of its answer has arrived"},
	{"place.answered", "the POST has ended, its answer is not read"},
	{"place.learned", "the outcome is known, nothing of it is stored"},
	{"record.commit", "the outcome is written, not committed"},
	{"record.committed", "the outcome is committed, the task is not done"},

	{"webhook.received", "an event is verified and read, not stored"},
	{"webhook.commit", "the event is written, not committed"},
	{"webhook.committed", "the event is committed, not answered"},
	{"fold.decided", "contacts are locked and decided, nothing is written"},
	{"fold.written", "the attempts that records of Vonage's list belong to are written, not committed"},

	{"sweep.expired", "attempts whose POST had no end have become unknown"},
	{"settle.begun", "a window for unknown attempts is chosen, no page is read"},
	{"settle.scanned", "its scan is stored, the attempts are not noted as looked for"},
	{"settle.proved", "two scans prove an attempt absent, nothing is written"},
	{"settle.absent", "absent attempts are committed, the process does not know yet"},

	{"reconcile.begun", "the beginning of a scan is noted, no page is read"},
	{"reconcile.read", "a batch of Vonage's records is read, not stored"},
	{"reconcile.commit", "the batch is stored and folded, not committed"},
	{"reconcile.stored", "all records of a scan are committed, the scan is not"},
	{"reconcile.committed", "the scan of a slice is committed, the watermark stands before it"},
	{"reconcile.marked", "the watermark is committed, the next slice does not count yet"},

	{"import.opened", "the campaign is stored, none of its rows are"},
	{"import.commit", "a batch of rows is written, not committed"},
	{"import.committed", "the batch is committed, the next one is not begun"},
	{"import.added", "the last batch is committed, the campaign is not released"},
	{"import.released", "the campaign is released, nothing is printed"},
}
