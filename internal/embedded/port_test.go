package embedded

import (
	"net"
	"testing"

	"dialer/internal/testkit/require"
)

func TestFreeAddress(t *testing.T) {
	t.Parallel()
	address, err := FreeAddress()
	require.NoError(t, err)
	tcp, err := net.ResolveTCPAddr("tcp", address)
	if err != nil || !tcp.IP.IsLoopback() || tcp.Port < firstPort || tcp.Port > lastPort {
		t.Errorf("got %s, %v, want a loopback port from %d to %d", address, err, firstPort, lastPort)
	}
}
