package cli

import (
	"bytes"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// printHelp prints the parser's help, but shows flags that exclude each other as
// alternatives: (--url=URL | --ncco=FILE).
func printHelp(options kong.HelpOptions, ctx *kong.Context) error {
	out := ctx.Stdout
	var text bytes.Buffer
	ctx.Stdout = &text
	err := kong.DefaultHelpPrinter(options, ctx)
	ctx.Stdout = out
	if err != nil {
		return err
	}
	usage, rest, _ := strings.Cut(text.String(), "\n")
	if node := ctx.Selected(); node != nil {
		usage = alternatives(usage, node.AllFlags(true))
	}
	_, err = out.Write([]byte(usage + "\n" + rest))
	return err
}

// alternatives groups the required flags of the usage that exclude each other.
func alternatives(usage string, groups [][]*kong.Flag) string {
	var names []string // of the choices, in the order of their flags
	choices := map[string][]string{}
	for _, group := range groups {
		for _, flag := range group {
			if !flag.Required || len(flag.Xor) == 0 {
				continue
			}
			name := flag.Xor[0]
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
			choices[name] = append(choices[name], flag.Summary())
		}
	}
	for _, name := range names {
		for _, summary := range choices[name][1:] {
			usage = strings.Replace(usage, " "+summary, "", 1)
		}
		first := choices[name][0]
		usage = strings.Replace(usage, " "+first, " ("+strings.Join(choices[name], " | ")+")", 1)
	}
	return usage
}
