package main

// commands is the command line. Each command's file holds its flags and what
// it does.
type commands struct {
	Run          runCommand          `cmd:"" help:"Place calls, receive Vonage's webhooks, settle and reconcile."`
	Demo         demoCommand         `cmd:"" help:"Run a whole campaign against a simulated provider with faults, on servers of its own."`
	Simulate     simulateCommand     `cmd:"" help:"Be a Voice API on a port: calls live by script or by chance, with faults and a ledger."`
	Migrate      migrateCommand      `cmd:"" help:"Bring the database's schema up to date, or say how it stands."`
	Installation installationCommand `cmd:"" help:"Say where the database lives, and which copy of it dials."`
	Campaign     campaignCommand     `cmd:"" help:"List, show, pause, resume and stop campaigns."`
	Call         callCommand         `cmd:"" help:"Look at calls, and act on those in progress."`
	Suppress     suppressCommand     `cmd:"" help:"Keep the list of numbers that must not be called."`
	Why          whyCommand          `cmd:"" help:"Say why a number was, or was not, called."`
	Alarms       alarmsCommand       `cmd:"" help:"Say what a person should look at, and what to do about it."`
	Report       reportCommand       `cmd:"" help:"Say what became of everybody, and what it cost."`
	Events       eventsCommand       `cmd:"" help:"Keep the webhooks that were received."`
	Verify       verifyCommand       `cmd:"" help:"Check the promises against the books and the simulator's ledger."`
}
