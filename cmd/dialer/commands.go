package main

import "dialer/internal/cli"

// commands is the command line. Each command's flags and work are in its own file.
type commands struct {
	cli.VersionFlag
	Init     initCommand     `cmd:"" help:"Write a .env with settings, and a key for the simulator."`
	Try      tryCommand      `cmd:"" help:"Call the people of a CSV on simulated telephones: no account, no server, nothing prepared."`
	Run      runCommand      `cmd:"" help:"Make calls, receive Vonage's webhooks, settle unknown outcomes and read prices."`
	Demo     demoCommand     `cmd:"" help:"Run a whole campaign against a simulated Voice API with faults, on servers of its own."`
	Doctor   doctorCommand   `cmd:"" help:"Check the settings, the servers, the account and the clocks, and say what to do."`
	Simulate simulateCommand `cmd:"" help:"Simulate the Voice API on a port: with scripted or random calls, faults and a ledger."`
	Migrate  migrateCommand  `cmd:"" help:"Bring the database's schema up to date, or show its state."`
	Lock     lockCommand     `cmd:"" help:"Show or release the dial lock: where the database lives, and which copy of it dials."`
	Campaign campaignCommand `cmd:"" help:"List, show, edit, pause, resume and stop campaigns."`
	Contact  contactCommand  `cmd:"" help:"Show, change or cancel one person of a campaign."`
	Schema   schemaCommand   `cmd:"" help:"Print the JSON Schema of the campaign document, or the API as OpenAPI."`
	Call     callCommand     `cmd:"" help:"Show calls, make one, and act on those in progress."`
	Suppress suppressCommand `cmd:"" help:"Change or list the numbers that must not be called."`
	Why      whyCommand      `cmd:"" help:"Show why a number was, or was not, called."`
	Alarms   alarmsCommand   `cmd:"" help:"List what a person should look at, and what to do about it."`
	Report   reportCommand   `cmd:"" help:"Show what became of each row and each call, and the cost."`
	Export   exportCommand   `cmd:"" help:"Write all that the reporting views hold into a new directory, as CSV."`
	Audit    auditCommand    `cmd:"" help:"List who changed what, when, and through what."`
	User     userCommand     `cmd:"" help:"Add, list and remove people who log in at the pages."`
	Token    tokenCommand    `cmd:"" help:"Add, list and remove the tokens of programs that use the API."`
	Hook     hookCommand     `cmd:"" help:"Tell programs of what happens, by signed webhooks."`
	Events   eventsCommand   `cmd:"" help:"Drop old webhooks."`
	Verify   verifyCommand   `cmd:"" help:"Check the promises in the database, and against a simulator's ledger."`
}

// Help shows the daily commands before the list of all.
func (commands) Help() string {
	return `Each day:

    dialer run                          # places the calls of all campaigns
    dialer campaign list                # how far each one is
    dialer campaign follow NAME         # one of them, until it has ended
    dialer campaign pause NAME          # and resume, and stop
    dialer report NAME                  # what became of its people
    dialer report NAME --by country     # or day, network, caller, retries, ...
    dialer why NUMBER                   # why a person was called, or not
    dialer alarms                       # what a person should look at

The first time: 'dialer try', then 'dialer init'. 'enqueue' makes a campaign from a CSV. Settings come from flags, the environment or a .env here: 'dialer doctor' checks them.`
}
