package failpoint

// Point is a moment with a name.
type Point struct {
	Name string
	When string // what has just happened, and what has not
}

// Points are all that there are.
var Points = []Point{
	{"claim.commit", "contacts are claimed, and the claim is not committed"},
	{"claim.committed", "the claim is committed, and no task is enqueued"},
	{"claim.enqueued", "the tasks are enqueued, and the feeder does not know yet"},
	{"refeed.committed", "attempts are fed again, and their new tasks are not enqueued"},

	{"place.loaded", "the attempt is read, and nothing is asked for it"},
	{"place.permitted", "the pace has given a slot, and the gate is not asked"},
	{"place.gated", "the gate is committed, and no token is signed"},
	{"place.sending", "the slot's moment has come, and no byte of the POST is written"},
	{"place.answering", "the POST is written, and the first byte of its answer is here"},
	{"place.answered", "the POST is over, and nobody has looked at how"},
	{"place.learned", "the outcome is known, and nothing of it is stored"},
	{"record.commit", "the outcome is written and folded, and not committed"},
	{"record.committed", "the outcome is committed, and the task is not done"},

	{"webhook.received", "an event is verified and read, and not stored"},
	{"webhook.commit", "the event is written and folded, and not committed"},
	{"webhook.committed", "the event is committed, and Vonage has no answer"},
	{"fold.decided", "contacts are locked and decided, and nothing is written"},
	{"fold.written", "what Vonage's lists say of attempts is written, and not committed"},

	{"sweep.expired", "attempts whose POST nobody saw the end of have become unknown"},
	{"settle.begun", "a scan for unknown attempts is prepared, and no page is read"},
	{"settle.scanned", "the scan is complete, and nothing of it is folded"},
	{"settle.folded", "its records are folded, and the absent are not counted"},
	{"settle.proved", "a second scan has proved an attempt absent, and nothing is written"},
	{"settle.between", "a scan is committed, and attempts that it did not show wait for another"},
	{"settle.absent", "absent attempts are committed, and the settler does not know yet"},

	{"reconcile.read", "a batch of Vonage's records is read, and not folded"},
	{"reconcile.commit", "the batch is folded, and not committed"},
	{"reconcile.committed", "all batches of a slice are committed, and the watermark stands before it"},
	{"reconcile.marked", "the watermark is committed, and the next slice, which was read meanwhile, counts for nothing yet"},

	{"import.opened", "the campaign is there, and none of its rows"},
	{"import.commit", "a batch of rows is loaded, and not committed"},
	{"import.committed", "the batch is committed, and the next one is not begun"},
	{"import.added", "the last batch is committed, and the campaign is not released"},
	{"import.released", "the campaign is released, and the person who began it was not told"},
}
