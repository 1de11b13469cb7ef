package main

import (
	"errors"
	"os"
	"runtime"
	"strings"
	"time"
)

// options are the command line.
type options struct {
	Rates     []float64     `name:"rate" default:"3,30" placeholder:"N,..." help:"New calls a second, one measurement each (default: ${default})."`
	Processes []int         `default:"1,2,4" placeholder:"N,..." help:"Dialers that run at once, one measurement each (default: ${default})."`
	Duration  time.Duration `default:"60s" help:"How long each measurement takes, after the start (default: ${default})."`
	Harm      bool          `help:"Every two seconds kill, pause or stop a dialer, or flush Redis. Dialers are started again."`
	Random429 float64       `name:"random-429" placeholder:"PART" help:"Vonage refuses this part of the calls with 429, at random (default: none)."`
	Enforce   float64       `default:"1" placeholder:"PART" help:"Vonage enforces this part of the rate (default: ${default})."`
	Dialer    string        `type:"existingfile" placeholder:"PATH" help:"The dialer to run (default: built from this module)."`
}

// Help is shown by --help.
func (options) Help() string {
	return `A line for each measurement: the share of the rate that was used, the share of what Vonage enforces that it accepted, the share of the requests that it refused with 429, the most requests in any sliding second, how many were over the rate, and the shortest time of rate+1 requests in a row. It starts its own servers and processes.`
}

// Validate is called by the parser.
func (o options) Validate() error {
	var errs []error
	check := func(ok bool, text string) {
		if !ok {
			errs = append(errs, errors.New(text))
		}
	}
	for _, r := range o.Rates {
		check(r >= 1 && r <= 1000 && r == float64(int(r)), "--rate must be whole numbers from 1 to 1000")
	}
	for _, n := range o.Processes {
		check(n >= 1 && n <= 64, "--processes must be from 1 to 64")
	}
	check(o.Random429 >= 0 && o.Random429 < 1, "--random-429 must be from 0 to below 1")
	check(o.Enforce > 0 && o.Enforce <= 1, "--enforce must be above 0, and at most 1")
	check(o.Duration >= 2*time.Second && o.Duration <= time.Hour, "--duration must be from 2s to 1h")
	return errors.Join(errs...)
}

func (o options) processors() int { return runtime.NumCPU() }

// load is the load of the machine, if the system says.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(text))[:3], " ")
}
