package keyring

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/accesstoken"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
)

// The record says when a key stopped, whatever happened and whenever it is read.
func TestRetiredKeyKnowsItsStop(t *testing.T) {
	const day = 24 * time.Hour
	for _, test := range []struct {
		name string
		do   func(t *testing.T, start func(algorithm string) *retiredNode, clock *testClock) (stop time.Time)
	}{
		{"rotated at once", func(_ *testing.T, start func(string) *retiredNode, clock *testClock) time.Time {
			start("ES256").rotate(true)
			return clock.Now()
		}},
		{"rotated ahead", func(_ *testing.T, start func(string) *retiredNode, clock *testClock) time.Time {
			start("ES256").rotate(false)
			return clock.Now().Add(PublishAhead)
		}},
		{"rotated ahead, read every minute", func(_ *testing.T, start func(string) *retiredNode, clock *testClock) time.Time {
			n := start("ES256")
			n.rotate(false)
			stop := clock.Now().Add(PublishAhead)
			for clock.Now().Before(stop.Add(5 * time.Minute)) {
				clock.advance(ReadEvery)
				n.read()
			}
			return stop
		}},
		{"rotated ahead, then at once", func(_ *testing.T, start func(string) *retiredNode, clock *testClock) time.Time {
			n := start("ES256")
			n.rotate(false)
			clock.advance(time.Minute)
			n.rotate(true)
			return clock.Now()
		}},
		{"rotated twice", func(_ *testing.T, start func(string) *retiredNode, clock *testClock) time.Time {
			n := start("ES256")
			n.rotate(true)
			stop := clock.Now()
			clock.advance(time.Minute)
			n.rotate(true)
			return stop
		}},
		{"rotated, and down for a year", func(_ *testing.T, start func(string) *retiredNode, clock *testClock) time.Time {
			start("ES256").rotate(false)
			stop := clock.Now().Add(PublishAhead)
			clock.advance(365 * day)
			return stop
		}},
		{"another algorithm", func(_ *testing.T, start func(string) *retiredNode, clock *testClock) time.Time {
			start("ES256")
			clock.advance(day)
			start("EdDSA")
			return clock.Now().Add(PublishAhead)
		}},
		{"another algorithm, and down for a year", func(_ *testing.T, start func(string) *retiredNode, clock *testClock) time.Time {
			start("ES256")
			start("EdDSA")
			stop := clock.Now().Add(PublishAhead)
			clock.advance(365 * day)
			return stop
		}},
		{"another algorithm, rotated at once while it waits", func(_ *testing.T, start func(string) *retiredNode, clock *testClock) time.Time {
			start("ES256")
			n := start("EdDSA")
			clock.advance(time.Minute)
			n.rotate(true)
			return clock.Now()
		}},
		{"another algorithm, back, and again", func(_ *testing.T, start func(string) *retiredNode, clock *testClock) time.Time {
			start("ES256")
			start("EdDSA")
			clock.advance(PublishAhead + time.Minute)
			start("ES256").read()
			clock.advance(time.Minute)
			start("EdDSA").read()
			return clock.Now()
		}},
		{"another algorithm, back, and a third one", func(_ *testing.T, start func(string) *retiredNode, clock *testClock) time.Time {
			start("ES256")
			start("EdDSA")
			clock.advance(PublishAhead + time.Minute)
			start("ES256")
			clock.advance(time.Minute)
			start("HS256") // waits, and the one that signs goes on until then
			return clock.Now().Add(PublishAhead)
		}},
		{"seen late by a version that noted what it saw", func(t *testing.T, start func(string) *retiredNode, clock *testClock) time.Time {
			n := start("ES256")
			n.rotate(true)
			stop := clock.Now()
			ring := readRecord(t, n.dir)
			ring.Signing[0].RetiredAt = stop.Add(200 * day)
			text, err := json.Marshal(ring)
			if err == nil {
				err = os.WriteFile(filepath.Join(n.dir, "jwtauth", testRealm, "keys.json"), text, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			clock.advance(300 * day)
			return stop
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			clock := &testClock{now: time.Now().Truncate(time.Second)}
			dir, algorithm := t.TempDir(), ""
			var last *retiredNode
			start := func(name string) *retiredNode {
				algorithm = name
				last = newRetiredNode(t, dir, clock, name)
				return last
			}
			first := newRetiredNode(t, dir, clock, "ES256")
			leaked := first.leak()
			stop := test.do(t, start, clock)
			if at := stop.Add(2 * time.Minute); clock.Now().Before(at) {
				clock.advance(at.Sub(clock.Now()))
			}
			long := clock.Now().Sub(stop) > time.Hour
			n := newRetiredNode(t, dir, clock, algorithm)
			n.read()
			key := n.keys.Signing().Lookup(leaked.SigningKey().ID)
			if long {
				if key != nil {
					t.Error("the key verifies long after it stopped")
				}
				return
			}
			if key == nil {
				t.Fatal("the key does not verify what it signed")
			}
			if want := stop.Add(ReadEvery); !key.StopTime().Equal(want) {
				t.Errorf("its last use is %s, want %s after the stop", key.StopTime().Sub(stop), want.Sub(stop))
			}
			within := stop.Add(ReadEvery + n.lifetimes.Leeway)
			for at, want := range map[time.Time]error{
				stop.Add(-time.Minute): nil, stop: nil, within: nil, within.Add(time.Second): accesstoken.ErrStopped,
			} {
				n.wantToken(fmt.Sprintf("signed %s after the stop", at.Sub(stop)), n.forge(leaked, at, at.Add(n.lifetimes.Access)), want)
			}
		})
	}
}

// A key that signs again, after the config asked for another algorithm and was
// changed back, verifies what it signs.
func TestRetiredKeySignsAgain(t *testing.T) {
	clock := &testClock{now: time.Now().Truncate(time.Second)}
	dir := t.TempDir()
	first := newRetiredNode(t, dir, clock, "ES256").keys.Signing().SigningKey().ID
	newRetiredNode(t, dir, clock, "EdDSA")
	clock.advance(PublishAhead + time.Minute)
	newRetiredNode(t, dir, clock, "EdDSA")
	for range 3 {
		n := newRetiredNode(t, dir, clock, "ES256")
		n.read()
		if n.keys.Signing().SigningKey().ID != first {
			t.Fatal("another key signs")
		}
		n.wantToken("signed now", n.forge(n.keys.Signing(), clock.Now(), clock.Now().Add(time.Minute)), nil)
		clock.advance(24 * time.Hour)
	}
}

// Where a config did not start after all, the one that runs on writes down again
// that its key signs.
func TestRetiredKeyOfAConfigThatRunsOn(t *testing.T) {
	clock := &testClock{now: time.Now().Truncate(time.Second)}
	n := newRetiredNode(t, t.TempDir(), clock, "ES256")
	stopOf := func() time.Time { return readRecord(t, n.dir).Signing[0].RetiredAt }
	newRetiredNode(t, n.dir, clock, "EdDSA") // fails later on
	if !stopOf().Equal(clock.Now().Add(PublishAhead)) {
		t.Fatalf("the key is said to stop at %s", stopOf())
	}
	for range 20 {
		clock.advance(ReadEvery)
		n.read()
	}
	if !stopOf().IsZero() {
		t.Errorf("the key is said to stop at %s, and signs", stopOf())
	}
	issued := n.forge(n.keys.Signing(), clock.Now(), clock.Now().Add(n.lifetimes.Access))
	n.wantToken("by the config that runs", issued, nil)
	clock.advance(time.Second)
	next := newRetiredNode(t, n.dir, clock, "EdDSA") // corrected
	if _, err := next.verifier.Verify(issued); err != nil {
		t.Errorf("by the config after it: %v", err)
	}
	// A config that another one has taken over from writes nothing.
	if err := n.keys.read(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if want := clock.Now().Add(PublishAhead); !stopOf().Equal(want) {
		t.Errorf("the key is said to stop at %s, want %s", stopOf(), want)
	}
}

// A longer lifetime counts at once, a longer one of before until what it made has
// expired, and not for ever.
func TestLongestLifetimeOfReloads(t *testing.T) {
	clock := &testClock{now: time.Now().Truncate(time.Second)}
	dir := t.TempDir()
	start := func(access time.Duration) *retiredNode {
		t.Helper()
		return newRetiredNode(t, dir, clock, "ES256", func(lt *session.Lifetimes) { lt.Access = access })
	}
	want := func(what string, n *retiredNode, longest time.Duration) {
		t.Helper()
		if got := n.keys.Signing().MaxLifetime(); got != longest {
			t.Errorf("%s: tokens of %s are accepted, want %s", what, got, longest)
		}
	}
	n := start(15 * time.Minute)
	want("at first", n, 15*time.Minute)
	want("longer", start(48*time.Hour), 48*time.Hour)
	clock.advance(time.Hour)
	n = start(15 * time.Minute)
	want("shorter", n, 48*time.Hour)
	clock.advance(47 * time.Hour)
	n.read()
	want("shorter, after 47 hours", n, 48*time.Hour)
	// In between, for a moment, a lifetime of a day, which needs its time as well.
	between := start(24 * time.Hour)
	want("a day", between, 48*time.Hour)
	n = start(15 * time.Minute)
	clock.advance(23 * time.Hour)
	n.read()
	want("shorter, before tokens of a day have expired", n, 48*time.Hour)
	clock.advance(25*time.Hour + 2*ReadEvery)
	n.read()
	want("shorter, after two days", n, 15*time.Minute)
	if got := readRecord(t, dir).LongestAccess; got != 900 {
		t.Errorf("the record keeps %d s", got)
	}
	// Another machine whose config was not changed yet goes on.
	other := start(time.Hour)
	n = start(15 * time.Minute)
	clock.advance(3 * time.Hour)
	n.read()
	want("shorter, when the other was not heard of", n, 15*time.Minute)
	other.read()
	want("the other machine", other, time.Hour)
	n.read()
	want("shorter, while the other machine runs", n, time.Hour)
	clock.advance(24 * time.Hour)
	written := *readRecord(t, dir)
	for range 3 {
		n.read()
		other.read()
	}
	want("shorter, while the other machine runs for a day", n, time.Hour)
	if now := readRecord(t, dir); !now.AccessLifetime.Since.Equal(written.AccessLifetime.Since) {
		t.Error("two machines of different lifetimes write the record at each reading")
	}
}

// A lifetime that grows brings no key back that has had its time.
func TestRetiredKeyDoesNotComeBack(t *testing.T) {
	clock := &testClock{now: time.Now().Truncate(time.Second)}
	n := newRetiredNode(t, t.TempDir(), clock, "ES256")
	old := n.keys.Signing().SigningKey().ID
	n.rotate(true)
	clock.advance(time.Hour)
	next := newRetiredNode(t, n.dir, clock, "ES256", func(lt *session.Lifetimes) { lt.Access = 48 * time.Hour })
	if next.keys.Signing().Lookup(old) != nil {
		t.Error("the key verifies again")
	}
}

// A clock that is set forward for a moment makes the keys of former tokens and
// sessions verify nothing, and they do again when it is set right: none was removed,
// by reading the keys, a rotation or a reload.
func TestRetiredKeyOutlivesAClockSetForward(t *testing.T) {
	start := time.Now().Truncate(time.Second)
	clock := &testClock{now: start}
	passed := func() time.Time { return start }
	n := newRetiredNode(t, t.TempDir(), clock, "ES256", func(lt *session.Lifetimes) { lt.Access = time.Hour })
	old, oldRefresh := n.keys.Signing().SigningKey().ID, n.keys.Current().ID
	n.keys.stored.passed = passed
	n.rotate(true)
	want := func(n *retiredNode, when string, want bool) {
		t.Helper()
		_, known := n.keys.Lookup(oldRefresh)
		if verifies := n.keys.Signing().Lookup(old) != nil; verifies != want || known != want {
			t.Errorf("%s: the keys verify tokens %v, sessions %v, want %v", when, verifies, known, want)
		}
	}
	want(n, "after the rotation", true)
	clock.advance(365 * 24 * time.Hour)
	n.read()
	want(n, "a year ahead", false)
	n.rotate(false)
	next := &retiredNode{t: t, dir: n.dir, clock: clock}
	var err error
	next.keys, err = open(t.Context(), Options{Algorithm: "ES256", Lifetimes: session.DefaultLifetimes(), Logger: zap.NewNop()}, n.keys.stored)
	if err != nil {
		t.Fatal(err)
	}
	next.read()
	clock.now = start.Add(time.Minute)
	for _, n := range []*retiredNode{n, next} {
		n.read()
		want(n, "set right", true)
		if got := n.keys.Signing().MaxLifetime(); got != time.Hour {
			t.Errorf("tokens may last %s, want those of an hour that are out", got)
		}
	}
}
