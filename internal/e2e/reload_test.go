package e2e

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/internal/testcaddy"
)

// village is a Caddyfile whose users and lifetimes are others in each round. In
// odd rounds there is a guest, and the sleeper is not disabled; the changer has
// one password in odd rounds and another in even ones. The resident, for whom
// nothing changes, and the visitor are always there.
type village struct {
	resident, visitor, guest, sleeper string    // password hashes
	changer                           [2]string // of passwordOf
}

func newVillage(t *testing.T) village {
	return village{
		resident: hash(t, "secret"), visitor: hash(t, "secret"), guest: hash(t, "secret"), sleeper: hash(t, "secret"),
		changer: [2]string{hash(t, passwordOf(0)), hash(t, passwordOf(1))},
	}
}

func passwordOf(round int) string { return "password" + strconv.Itoa(round%2) }

// lifetime is that of access tokens, in seconds.
func lifetime(round int) int64 { return 600 + int64(round) }

func (v village) config(round int) string {
	lines := []string{
		fmt.Sprintf("access_token_lifetime %ds", lifetime(round)),
		"user resident " + v.resident + " admin",
		"user visitor " + v.visitor,
		"user changer " + v.changer[round%2],
	}
	if round%2 == 1 {
		lines = append(lines, "user guest "+v.guest, "user sleeper "+v.sleeper)
	} else {
		lines = append(lines, "user sleeper "+v.sleeper+" {", "\tdisabled", "}")
	}
	return guarded(lines...)
}

// reload runs `caddy reload`.
func reload(c *testcaddy.Caddy, config string) {
	c.SetConfig(config)
	c.MustRun("reload", "--config", c.Config)
}

func TestReloadUnderLoad(t *testing.T) {
	t.Parallel()
	people := newVillage(t)
	c := testcaddy.Start(t, people.config(0))
	s := visit(c)
	// The tests of each round must not depend on how Caddy changes listeners:
	// they come over a connection that is new each time.
	alone := visit(c)
	alone.http.Transport.(*http.Transport).DisableKeepAlives = true

	const rounds, warmUp = 36, 4
	var residents []*lineage
	for range 4 {
		residents = append(residents, &lineage{s, mustSignIn(t, s, "resident", "secret")})
	}
	guest, changer := tokens{}, mustSignIn(t, alone, "changer", passwordOf(0))
	sleeper := tokens{}
	var before usage
	l := startLoad(t, s, residents)
	for round := 1; round <= rounds; round++ {
		reload(c, people.config(round))

		// What changed is in force when the reload has returned.
		ended := changer
		changer = mustSignIn(t, alone, "changer", passwordOf(round))
		wantDead(t, "with a changed password", alone, ended)
		want(t, "the password before", http.StatusUnauthorized, "Incorrect username or password")(
			status(alone.signIn("changer", passwordOf(round+1))))
		if changer.ExpiresIn != lifetime(round) {
			t.Errorf("round %d: expires_in is %d, want %d", round, changer.ExpiresIn, lifetime(round))
		}
		if round%2 == 1 {
			guest, sleeper = mustSignIn(t, alone, "guest", "secret"), mustSignIn(t, alone, "sleeper", "secret")
			wantLive(t, "an added user", alone, guest.Access)
			wantLive(t, "an enabled user", alone, sleeper.Access)
		} else {
			wantDead(t, "a removed user", alone, guest)
			want(t, "a removed user's password", http.StatusUnauthorized, "Incorrect username or password")(
				status(alone.signIn("guest", "secret")))
			want(t, "a disabled user at the guard", http.StatusUnauthorized, "invalid_token")(alone.get("/private", sleeper.Access))
			want(t, "a disabled user at /users/me", http.StatusBadRequest, "Inactive user")(alone.me(sleeper.Access))
			want(t, "a disabled user's refresh", http.StatusUnauthorized, "invalid_grant")(status(alone.refresh(sleeper.Refresh)))
			want(t, "a disabled user's password", http.StatusBadRequest, "Inactive user")(status(alone.signIn("sleeper", "secret")))
		}
		if t.Failed() {
			t.Fatalf("in round %d", round)
		}
		if round == warmUp {
			l.stop()
			before = settled(t, c, s)
			tallies := l.tallies
			l = startLoad(t, s, residents)
			for i, n := range tallies {
				l.tallies[i].add(n)
			}
		}
	}
	l.stop()

	for _, own := range residents {
		wantLive(t, "a session after all reloads", s, own.current.Access)
		mustRefresh(t, s, own.current.Refresh)
	}
	if ids := sessions(t, c, "resident"); len(ids) != len(residents) {
		t.Errorf("of %d sessions %d are left", len(residents), len(ids))
	}
	checkTallies(t, l.tallies)
	before.compare(t, c, s)
	for _, line := range []string{"panic", `"level":"error"`} {
		if strings.Contains(c.Logs(), line) {
			t.Errorf("the log has %s", line)
		}
	}
}

// checkTallies asserts that every answer was the right one, and that no more
// requests were left without one than of those that have nothing to do with us.
func checkTallies(t *testing.T, tallies []*tally) {
	t.Helper()
	var ours, caddys tally
	for _, n := range tallies {
		t.Log(n)
		if n.requests.Load() < 100 {
			t.Errorf("%s: that is no load", n)
		}
		for _, wrong := range n.wrong {
			t.Errorf("%s: answered with %s", n.name, wrong)
		}
		if strings.HasPrefix(n.name, "unguarded") {
			caddys.add(n)
		} else {
			ours.add(n)
		}
	}
	// Rates of rare events: the slack is for chance.
	rate := float64(caddys.unanswered.Load()) / float64(caddys.requests.Load())
	allowed := 3*rate*float64(ours.requests.Load()) + 10
	if float64(ours.unanswered.Load()) > allowed {
		t.Errorf("%d of %d requests were not answered; of unguarded ones %d of %d", ours.unanswered.Load(),
			ours.requests.Load(), caddys.unanswered.Load(), caddys.requests.Load())
	}
}

// usage is what a process holds that a reload could leak.
type usage struct{ goroutines, files int }

// stackCount is how many goroutines have the stack that follows in a profile.
var stackCount = regexp.MustCompile(`(?m)^(\d+) @ `)

func measure(t *testing.T, c *testcaddy.Caddy) usage {
	t.Helper()
	response, err := http.Get("http://" + c.Admin + "/debug/pprof/goroutine?debug=1")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	profile, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	goroutines := 0
	for stack := range strings.SplitSeq(string(profile), "\n\n") {
		// The heartbeat of a lock in Caddy's storage, which every reload takes
		// for a moment, ends seconds after the lock was given back.
		if count := stackCount.FindStringSubmatch(stack); count != nil && !strings.Contains(stack, "certmagic.keepLockfileFresh") {
			n, _ := strconv.Atoi(count[1])
			goroutines += n
		}
	}
	if goroutines == 0 {
		t.Fatalf("no goroutine profile: %s", profile)
	}
	return usage{goroutines, openFiles(t, c.PID())}
}

// openFiles counts the open files of a process. Where the system has no /proc
// there is nothing to count.
func openFiles(t *testing.T, pid int) int {
	t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	if err != nil {
		if _, procErr := os.Stat("/proc/self/fd"); procErr == nil {
			t.Fatal(err)
		}
		return 0
	}
	return len(entries)
}

// settled is the least that is held in the seconds after the last request.
func settled(t *testing.T, c *testcaddy.Caddy, s *site) usage {
	t.Helper()
	s.hangUp()
	end := time.After(2 * time.Second)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	least := measure(t, c)
	for {
		select {
		case <-end:
			return least
		case <-tick.C:
			now := measure(t, c)
			least = usage{min(least.goroutines, now.goroutines), min(least.files, now.files)}
		}
	}
}

// compare asserts that what is held comes down to what it was before.
func (before usage) compare(t *testing.T, c *testcaddy.Caddy, s *site) {
	t.Helper()
	const chance = 3 // of what happens to be going on in both
	s.hangUp()
	var now usage
	defer func() { t.Logf("before %+v, after %+v", before, now) }()
	testcaddy.Eventually(t, "goroutines and open files back to what they were", func() bool {
		now = measure(t, c)
		return now.goroutines <= before.goroutines+chance && now.files <= before.files+chance
	})
}

// A reload that fails leaves everything as it was.
func TestFailedReload(t *testing.T) {
	t.Parallel()
	user := "user alice " + hash(t, "secret")
	c := testcaddy.Start(t, guarded(user))
	s := visit(c)
	live := mustSignIn(t, s, "alice", "secret")

	good := guarded(user)
	for name, broken := range map[string]string{
		"a listener that cannot be had": strings.Replace(guarded("user mallory "+hash(t, "secret"), user),
			"bind 127.0.0.1", "bind 192.0.2.1", 1),
		"a users file that is missing": guarded("users_file nowhere.json", user),
		"a store that cannot be had":   guarded("store bolt /dev/null/store.db", user),
		"an unknown realm":             strings.Replace(good, "token_server", "token_server {\n\trealm other\n}", 1),
	} {
		if err := c.TryReload(broken); err == nil {
			t.Errorf("%s: the reload succeeded", name)
		}
		wantLive(t, name, s, live.Access)
		live = mustRefresh(t, s, live.Refresh)
		want(t, name+": a user of the config that failed", http.StatusUnauthorized, "")(status(s.signIn("mallory", "secret")))
	}
	c.Reload(good)
	wantLive(t, "after a good reload", s, live.Access)
	mustRefresh(t, s, live.Refresh)
}
