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
	Dialer    string        `type:"existingfile" placeholder:"PATH" help:"The dialer to run (default: built from this module)."`
}

// Help is shown by --help.
func (options) Help() string {
	return `A line for each measurement: the share of the rate that was used, the most requests in any sliding second, how many were over the limit, the shortest time of rate+1 requests in a row, and Vonage's 429s. It starts its own servers and processes.`
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
