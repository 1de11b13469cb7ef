package embedded

import (
	"context"
	"fmt"
	"io"
	"path/filepath"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

// nowhere is a path that no folder can have.
const nowhere = "/dev/null/data"

// download fetches Postgres' programs from Maven Central, once for a machine,
// and unpacks them in the server's folder.
//
// The library unpacks only on its way to a server that it starts through
// pg_ctl: one that outlives us, that cannot be run by root, and that we would
// have to find a port for. So it is given a data folder that cannot exist,
// stops once it has unpacked, and the server is started as any other. What it
// leaves behind is an empty log in the system's temporary folder.
func (m machine) download(ctx context.Context, h home) (string, error) {
	m.log("Postgres: none on this machine, downloading one (about 15 MB, once)")
	programs := filepath.Join(h.dir, "programs")
	port, err := freePort() // the library checks that its port is free
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
	return bin, h.giveAway()
}
