package embedded

import (
	"context"
	"fmt"
	"io"
	"path/filepath"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

// nowhere is a path where no folder can be.
const nowhere = "/dev/null/data"

// download fetches Postgres from Maven Central, once per machine, and unpacks it
// in the server's folder.
//
// The library unpacks only before it starts a server with pg_ctl. That server
// would outlive us, cannot run as root, and needs a port. So we give the library
// a data folder that cannot exist: it stops after unpacking, and we start the
// server as any other. It leaves an empty log in the system's temporary folder.
func (m machine) download(ctx context.Context, h folder) (string, error) {
	m.log("Postgres: none on this machine, downloading one (about 15 MB, once)")
	programs := filepath.Join(h.dir, "programs")
	port, err := freePort() // the library checks that the port is free
	if err != nil {
		return "", err
	}
	unpacker := embeddedpostgres.NewDatabase(embeddedpostgres.DefaultConfig().
		Version(embeddedpostgres.V18).
		Port(uint32(port)).
		CachePath(m.downloadCache).
		BinariesPath(programs).
		RuntimePath(filepath.Join(h.dir, "runtime")).
		DataPath(nowhere).
		Logger(io.Discard))
	done := make(chan error, 1)
	go func() { done <- unpacker.Start() }() // takes no context
	select {
	case err = <-done:
	case <-ctx.Done():
		return "", fmt.Errorf("download Postgres: %w", context.Cause(ctx))
	}
	bin := filepath.Join(programs, "bin")
	if !executable(bin, "initdb") || !executable(bin, "postgres") {
		return "", fmt.Errorf("download Postgres: %w; or type: %s", err, m.installer.postgres)
	}
	return bin, h.giveToUser()
}
