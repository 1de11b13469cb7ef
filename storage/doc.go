// Package storage is all SQL of the project. It stores campaigns, contacts, attempts,
// events and the records of Vonage's list in Postgres, which is the only truth. It
// carries out package campaign's decisions about one contact. It has its own rules over
// many rows: who may be called now (rules.sql), which attempt made no call (absence.go),
// which attempt a record belongs to (matching.go). Guards against every writer are in
// the migrations.
//
// Locks are taken in the order dial lock, campaign, contact, attempt, limits of
// campaigns, limits of the account; those of one kind by id. No transaction waits for
// anything but Postgres.
//
// # Files
//
// The steps of a call, from the claim to the outcome of the POST:
//
//	claim             a reserved attempt for each contact that is due
//	requeue           reserved attempts whose task may be lost
//	placements        reads what is needed to place a call
//	badmessages       pauses a campaign, because a message cannot be rendered
//	gate              the last check, which commits the intent to POST
//	postoutcomes      the outcome of the POST, and refusals that pause the campaign
//	accept            the statement for an outcome that is only "created"
//	manualcalls       calls that a person makes
//	testcalls         one call that says a campaign's message to a number
//	hangups           orders to end calls
//	callactions       people's actions on calls
//	pace              the account's budgets of requests
//
// Evidence, and the change of a contact that follows from it:
//
//	callupdates       events and outcomes of many calls, in one transaction
//	contacttx         contacts locked with their attempts, changed and decided
//	owners            the row to lock: a contact's, or a manual attempt's
//	contactwrites     stores contacttx's decisions
//	events            stores webhooks
//	seentokens        a webhook's token is accepted once
//	optout            a key that opts out
//	inbound           people who ring back
//	recordings        where recordings are
//	invalidnumbers    numbers that Vonage calls invalid
//	pruneevents       old events are dropped
//	eventpartitions   a partition of events for each day
//
// Vonage's list:
//
//	listscans         scans of the list, and how far each pass read
//	providercalls     the records in it
//	foldmatched       records that belong to an attempt are folded into it
//	matching          the attempt that a record belongs to
//	absence           the proof that an attempt made no call
//	absenceblocked    the obstacles to a proof
//	decideattempt     a person decides about an attempt that cannot be settled
//	duelooks          the calls and attempts to look up next
//	restore           calls that a restored database had forgotten
//
// Campaigns:
//
//	campaigns         creates and finds them
//	campaignedit      new settings
//	campaignstatus    import finished, pause, resume
//	campaignstop      stop, and the calls that are up then
//	accountlimits     the account's daily budget and rates, for all processes
//	budget            pauses campaigns that have spent their budget
//	callrates         what a minute costs by country
//	nextcall          when a campaign calls next
//	dryrun            the obstacles to calling people who are not imported yet
//
// Contacts:
//
//	importruns        one reading of a file: begun and ended
//	importrows        rows become contacts
//	importcompare     compares a file with the contacts in the campaign
//	importupdates     changes contacts to their new rows
//	importsingle      one contact, by the API
//	together          people who share a number share a call
//	zonegroups        sets of time zones that contacts share
//	contactedit       one contact: changed, cancelled, restored
//	expirecontacts    contacts whose time has passed
//	suppressions      numbers that are not called
//	undosuppression   a user removes their own suppression
//	erase             forgets a number
//
// What people read:
//
//	apilists          lists of the API
//	apirecords        single objects of the API
//	peoplepage        a campaign's people on its page, sorted
//	peoplesearch      people found by a text
//	campaigncharts    outcomes by time, cost by country
//	dashboard         other parts of the pages
//	report            the progress of campaigns
//	figures           calls, added up by day, country, network ...
//	dump              the rows of the reporting views
//	export            a campaign's people as a file
//	numberhistory     why a person was called, or not
//	trypeople         the table of `dialer try`
//	verifyrecords     all records, for `dialer verify`
//	invariants        what must be true in every database
//	fleetstats        numbers for the metrics
//	counters          how many contacts and attempts are in a state
//	alarms            what a person should look at
//	audit             who changed what
//
// Access, and messages to other programs:
//
//	access            users, tokens, sessions
//	idempotencykeys   requests that come twice
//	webhooksout       messages to other programs
//
// The database and its processes:
//
//	open              the pool of connections
//	connecterrors     why Postgres cannot be reached
//	encrypted         which connections may be plain
//	pooler            refuses a pooler that shares connections
//	databaseid        names and creates databases
//	serveridentity    whether it is still the same server
//	account           which account the database belongs to
//	diallock          the checkpoint and the dial lock
//	leases            which process does periodic work
//	sweep             repairs what dead processes left behind
//	migrate           applies the schema
//	schemaversion     whether the schema fits this program
//
// Tools of this package:
//
//	txbatcher         calls of many goroutines share a transaction
//	transactions      transactions that run again, and snapshots
//	queries           rows in, rows out, a page at a time
//	domainrows        the columns of attempts, contacts and campaigns
//	storedtext        text that Postgres takes
//	advisorylocks     the numbers of advisory locks
package storage
