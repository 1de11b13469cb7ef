// Package storage is all SQL of the project. It keeps campaigns, contacts,
// attempts, events and what Vonage's list showed in Postgres, which is the only
// truth. It carries out what package campaign decides about one contact. Rules over
// many rows are its own: who may be called now (rules.sql), which attempt made no call
// (absence.go), whose a record is (matching.go). Guards that must hold against every
// writer stand in the migrations.
//
// Locks are taken in the order dial lock, campaign, contact, attempt, limits of
// campaigns, limits of the account; those of one kind by id. No transaction waits for
// anything but Postgres.
//
// # Files
//
// The way of a call, from the claim to what is known after the POST:
//
//	claim             a reserved attempt for each contact that is due
//	requeue           reserved attempts whose task may be lost
//	placements        what is read to place a call
//	badmessages       the campaign is paused, because a message cannot be made
//	gate              the last check, which commits the intent to POST
//	postoutcomes      what is known after the POST, and refusals that pause the campaign
//	accept            the statement of an outcome that says only "created"
//	manualcalls       calls that a person makes
//	testcalls         one call that says a campaign's message to a number
//	hangups           orders to end calls
//	callactions       what people did to calls
//	pace              the account's budgets of requests
//
// Evidence, and the change of a contact that follows from it:
//
//	callupdates       events and outcomes of many calls, in one transaction
//	contacttx         contacts locked with their attempts, changed and decided
//	owners            whose rows are locked: a contact's, or a manual attempt's
//	contactwrites     stores what contacttx decided
//	events            stores webhooks
//	seentokens        a webhook's token is taken once
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
//	providercalls     the records that it showed
//	foldmatched       records that belong to an attempt are folded into it
//	matching          whose a record is
//	absence           the proof that an attempt made no call
//	absenceblocked    what stands in the way of a proof
//	decideattempt     a person decides about an attempt that cannot be settled
//	duelooks          which calls and attempts are to be looked up next
//	restore           calls that a restored database had forgotten
//
// Campaigns:
//
//	campaigns         made and found
//	campaignedit      new settings
//	campaignstatus    import finished, pause, resume
//	campaignstop      stop, and the calls that are up then
//	accountlimits     the account's daily budget and rates, which hold for all processes
//	budget            pauses campaigns that spent their money
//	callrates         what a minute costs by country
//	nextcall          when a campaign calls next
//	dryrun            what would stand in the way of people who are not imported yet
//
// Contacts:
//
//	importruns        one reading of a file: begun and ended
//	importrows        rows become contacts
//	importcompare     what differs between a file and the contacts that are there
//	importupdates     contacts take what differs
//	importsingle      one contact, by the API
//	together          people who share a number share a call
//	zonegroups        sets of time zones that contacts share
//	contactedit       one contact: changed, cancelled, restored
//	expirecontacts    contacts whose time has passed
//	suppressions      numbers that are not called
//	undosuppression   a suppression is taken back by who added it
//	erase             forgets a number
//
// What people read:
//
//	apilists          lists of the API
//	apirecords        single objects of the API
//	peoplepage        a campaign's people on its page, in an order
//	peoplesearch      people found by a text
//	campaigncharts    outcomes by time, cost by country
//	dashboard         other parts of the pages
//	report            how campaigns stand
//	figures           calls, added up by day, country, network ...
//	dump              what the reporting views hold
//	export            a campaign's people as a file
//	numberhistory     why a person was called, or not
//	trypeople         the table of `dialer try`
//	verifyrecords     all records, for `dialer verify`
//	invariants        what must hold in every database
//	fleetstats        what metrics show
//	counters          how many contacts and attempts are in a state
//	alarms            what a person should look at
//	audit             who changed what
//
// Who may do what, and what is told to others:
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
//	pooler            a pooler that shares connections is refused
//	databaseid        databases are named and made
//	serveridentity    whether it is still the same server
//	account           which account the database belongs to
//	diallock          the checkpoint and the dial lock
//	leases            which process does periodic work
//	sweep             what dead processes left behind
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
