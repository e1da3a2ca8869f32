package testcaddy

import (
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
)

var given struct {
	sync.Mutex
	ports map[int]bool
}

// FreePort returns a TCP port of 127.0.0.1 that no process listens on, and never the
// same one twice in a process.
func FreePort(t testing.TB) int {
	t.Helper()
	given.Lock()
	defer given.Unlock()
	if given.ports == nil {
		given.ports = make(map[int]bool)
	}
	for {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := listener.Addr().(*net.TCPAddr).Port
		_ = listener.Close()
		if !given.ports[port] {
			given.ports[port] = true
			return port
		}
	}
}

// listeners counts the sockets that listen on a TCP port, where the system has
// a list of them.
func listeners(port int) (n int) {
	const listening = "0A"
	suffix := fmt.Sprintf(":%04X", port)
	for _, path := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			// sl local_address rem_address st …
			fields := strings.Fields(line)
			if len(fields) > 3 && strings.HasSuffix(fields[1], suffix) && fields[3] == listening {
				n++
			}
		}
	}
	return n
}
