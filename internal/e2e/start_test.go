package e2e

import (
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/caddy-jwtauth/caddy-jwtauth/internal/testcaddy"
)

// Caddy starts its apps in no order. A request that comes as soon as the port is
// open waits for the store, and is then answered as any other.
func TestFirstRequest(t *testing.T) {
	t.Parallel()
	store := filepath.Join(t.TempDir(), "realm.db")
	c := testcaddy.Start(t, guarded("store bolt "+store, "user alice "+hash(t, "secret")))
	s := visit(c)
	live := mustSignIn(t, s, "alice", "secret")
	s.hangUp()
	c.Stop()

	// Where http is the first to start, the request has to wait: that has to
	// be seen, and comes about by chance.
	const most, enough = 40, 2
	waited := 0
	for start := 0; start < most && waited < enough; start++ {
		if firstRequests(t, s, store, live.Access) {
			waited++
		}
		s.hangUp() // Caddy waits for connections that have sent nothing yet
		c.Stop()
		if t.Failed() {
			t.FailNow()
		}
	}
	if waited < enough {
		t.Errorf("in %d starts http was the first only %d times", most, waited)
	}
}

// firstRequests starts the server while its store cannot be opened, sends
// requests as soon as the port is open, and gives the store free. It reports
// whether the port was open before that.
func firstRequests(t *testing.T, s *site, store, access string) (waited bool) {
	t.Helper()
	lock, err := bbolt.Open(store, 0o600, &bbolt.Options{Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	before := len(s.c.Logs())
	started := make(chan error, 1)
	go func() { started <- s.c.TryStart() }()

	testcaddy.Eventually(t, "Caddy loads its config", func() bool {
		return strings.Contains(s.c.Logs()[before:], "admin endpoint started")
	})
	// The store waits a second for the lock, and apps start in this while.
	open := portOpens(s.c.Port, 600*time.Millisecond)
	requests := map[string]func() (answer, error){
		"200 private":           func() (answer, error) { return s.get("/private", access) },
		"401 Not authenticated": func() (answer, error) { return s.get("/private", "") },
		"403 Forbidden":         func() (answer, error) { return s.get("/admin", access) },
		"200 alice":             func() (answer, error) { return s.me(access) },
		"200 access_token":      func() (answer, error) { return status(s.signIn("alice", "secret")) },
		"200 keys":              func() (answer, error) { return s.get("/.well-known/jwks.json", "") },
		"200 open":              func() (answer, error) { return s.get("/open", "") },
	}
	type reply struct {
		want string
		got  answer
		err  error
	}
	replies := make(chan reply, len(requests))
	pending := len(requests)
	send := func() {
		for want, request := range requests {
			go func() {
				a, err := request()
				replies <- reply{want, a, err}
			}()
		}
	}
	receive := func(r reply) {
		pending--
		status, text, _ := strings.Cut(r.want, " ")
		if r.err != nil || fmt.Sprint(r.got.status) != status || !strings.Contains(r.got.body, text) {
			t.Errorf("a first request was answered with %v, %v; want %s", r.got, r.err, r.want)
		}
	}
	if open {
		send()
		// While the store is locked only what needs no realm is answered.
		early := time.After(200 * time.Millisecond)
		for locked := true; locked; {
			select {
			case r := <-replies:
				receive(r)
				if r.want != "200 open" {
					t.Errorf("%s: answered before the store was open", r.want)
				}
			case <-early:
				locked = false
			}
		}
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	if !open {
		if !portOpens(s.c.Port, testcaddy.Patience) {
			t.Fatal("the port never opened")
		}
		send()
	}
	for pending > 0 {
		receive(<-replies)
	}
	if err := <-started; err != nil {
		t.Error(err)
	}
	return open
}

// portOpens waits for a port of this machine to be open.
func portOpens(port int, within time.Duration) bool {
	end := time.After(within)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", port), time.Second)
		if err == nil {
			_ = conn.Close()
			return true
		}
		select {
		case <-end:
			return false
		case <-tick.C:
		}
	}
}

// At the very first start there is neither a key nor a store: the first request
// waits for both.
func TestFirstRequestEver(t *testing.T) {
	t.Parallel()
	config := guarded("user alice " + hash(t, "secret"))
	for range 6 {
		c := testcaddy.New(t, config)
		started := make(chan error, 1)
		go func() { started <- c.TryStart() }()
		if !portOpens(c.Port, testcaddy.Patience) {
			t.Fatal("the port never opened")
		}
		s := visit(c)
		a, got, err := s.signIn("alice", "secret")
		want(t, "the first sign-in", http.StatusOK, "access_token")(a, err)
		want(t, "the first token", http.StatusOK, "private")(s.get("/private", got.Access))
		s.hangUp()
		if err := <-started; err != nil {
			t.Fatal(err)
		}
		c.Stop()
	}
}
