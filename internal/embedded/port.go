package embedded

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// The ports that FreeAddress chooses from. Systems give outgoing connections
// higher ports, so a free port from there may be taken a moment later.
const (
	firstPort = 10_000
	lastPort  = 32_767
	portTries = 50
)

// FreeAddress is a loopback address without a listener, for a server that must
// have the same address after each restart.
func FreeAddress() (string, error) {
	port, err := freePort()
	if err != nil {
		return "", err
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), nil
}

func freePort() (int, error) {
	var errs []error
	for range portTries {
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			return port, l.Close()
		}
		errs = append(errs, err)
	}
	return 0, fmt.Errorf("choose a port: %w", errors.Join(errs...))
}
