package cli

import (
	"runtime"
	"runtime/debug"

	"github.com/alecthomas/kong"
)

// VersionFlag is in the grammar of both programs.
type VersionFlag struct {
	Version kong.VersionFlag `help:"Show which version this is, and of which commit."`
}

// versionText describes the source and the tools from which the program was built.
func versionText(name string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return name + ", of an unknown version"
	}
	built := map[string]string{}
	for _, s := range info.Settings {
		built[s.Key] = s.Value
	}
	text := name + " " + info.Main.Version
	if commit := built["vcs.revision"]; commit != "" {
		text += ", commit " + commit[:min(len(commit), 12)]
		if at := built["vcs.time"]; at != "" {
			text += " of " + at
		}
		if built["vcs.modified"] == "true" {
			text += ", with changes"
		}
	}
	return text + ", " + info.GoVersion + " " + runtime.GOOS + "/" + runtime.GOARCH
}
