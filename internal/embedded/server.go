package embedded

import (
	"cmp"
	"os"
)

// Options say how to find a server, and what to do without one.
type Options struct {
	// Getenv reads the environment: DATABASE_URL, REDIS_URL, PATH, TMPDIR.
	// If nil, os.Getenv.
	Getenv func(string) string
	// Private starts a server of our own even if a variable names one, for
	// tests that flush or crash it.
	Private bool
	// Data is a folder in which a private Postgres keeps its data permanently; "": a
	// temporary folder.
	Data string
	// Log gets sentences about which server is used and about slow steps. It may be nil.
	Log func(string)
	// AllowDownload lets Postgres fetch one from Maven Central if none is
	// installed.
	AllowDownload bool
	// AllowInProcess lets Redis fall back on a small one in this process, whose
	// data end with the process.
	AllowInProcess bool
	// Env are extra variables for a private Postgres, for example those of a library that
	// shifts its clock.
	Env []string
}

// Server is a running server.
type Server struct {
	// URL is what its clients connect to.
	URL string
	// Origin is the variable that named it, the folder or file of the program
	// that was started, or "in-process".
	Origin string
	// Dir is a private server's folder with its data: Postgres's in data,
	// Redis's dump.rdb after a SAVE. Empty for other servers.
	Dir string

	end func() error
	own *private
}

// Close ends a private server and removes its folder. It does nothing to a
// server that a variable named.
func (s *Server) Close() error {
	if s.end == nil {
		return nil
	}
	return s.end()
}

// machine has everything that the search depends on. Tests make their own.
type machine struct {
	getenv        func(string) string
	log           func(string)
	postgresDirs  []string // glob patterns of folders, best first
	redisDirs     []string
	installer     installer
	downloadCache string
	data          string
	env           []string
}

func thisMachine(o Options) machine {
	m := machine{
		getenv:       o.Getenv,
		log:          o.Log,
		postgresDirs: postgresDirs,
		redisDirs:    redisDirs,
		data:         o.Data,
		env:          o.Env,
	}
	if m.getenv == nil {
		m.getenv = os.Getenv
	}
	if m.log == nil {
		m.log = func(string) {}
	}
	if o.Private {
		m.getenv = withoutServers(m.getenv)
	}
	m.installer = findInstaller(m.getenv("PATH"))
	m.downloadCache = cmp.Or(m.getenv("XDG_CACHE_HOME"), m.getenv("HOME")+"/.cache") + "/dialer"
	return m
}

// withoutServers is the environment without the variables that name servers.
func withoutServers(getenv func(string) string) func(string) string {
	return func(name string) string {
		if name == "DATABASE_URL" || name == "REDIS_URL" {
			return ""
		}
		return getenv(name)
	}
}
