package revocation

import (
	"strings"
	"testing"
	"time"
)

func stamp(t testing.TB, epoch uint64) string {
	t.Helper()
	text, err := Stamp(epoch)
	if err != nil {
		t.Fatal(err)
	}
	return "AAAAAAAAAAA" + text + "random.-_chars0"
}

func TestStamp(t *testing.T) {
	for _, epoch := range []uint64{0, 1, 63, 64, 4095, 1<<36 - 1} {
		if got := StampedEpoch(stamp(t, epoch)); got != epoch {
			t.Errorf("epoch %d is read as %d", epoch, got)
		}
	}
	if text, err := Stamp(1 << 36); err == nil {
		t.Errorf("an epoch that does not fit is %q", text)
	}
	// What has no stamp is as old as can be.
	for _, sid := range []string{"", "AAAAAAAAAAAofaformerversion0000000", "AAAAAAAAAAA.", "AAAAAAAAAAA.BBBBB", "AAAAAAAAAAA.BBB BB", "AAAAAAAAAAA.BB\xffBBB"} {
		if got := StampedEpoch(sid); got != 0 {
			t.Errorf("%q is of epoch %d", sid, got)
		}
	}
}

// An entry of kind User denies the sessions that were before it, and no other.
func TestSetDeniesFormerSessionsOfAUser(t *testing.T) {
	s := NewSet()
	old, kept, later := stamp(t, 4), stamp(t, 3), stamp(t, 5)
	s.Add(Entry{Kind: User, ID: "alice", Epoch: 5, Except: kept, Until: start.Add(time.Hour)})
	check := func(name, user, sid, jti string, want bool) {
		t.Helper()
		if got := s.Denied(user, sid, jti); got != want {
			t.Errorf("%s: Denied(%q, %q, %q) = %v", name, user, sid, jti, got)
		}
	}
	check("before", "alice", old, "jti", true)
	check("of a former version", "alice", "AAAAAAAAAAAofaformerversion0000000", "", true)
	check("after", "alice", later, "jti", false)
	check("carried over", "alice", kept, "", false)
	check("another user", "bob", old, "jti", false)
	check("a user who is not known yet", "", old, "jti", false)
	check("a token without a session", "alice", "", "jti", false)
	check("the name as an id", "", "alice", "alice", false)

	// The next one denies what the first did, the exception too, in either order.
	next := Entry{Kind: User, ID: "alice", Epoch: 6, Except: later, Until: start.Add(time.Minute)}
	s.Add(next)
	s.Add(Entry{Kind: User, ID: "alice", Epoch: 5, Except: kept, Until: start.Add(time.Hour)})
	check("before, after the next", "alice", old, "", true)
	check("carried over, after the next", "alice", kept, "", true)
	check("the next one's exception", "alice", later, "", false)
	check("of the next epoch", "alice", stamp(t, 6), "", false)
	if s.Len() != 1 {
		t.Errorf("%d entries, want one a user", s.Len())
	}
	if n := s.DropExpired(start.Add(time.Minute)); n != 0 {
		t.Errorf("forgot %d before the longer of the two had passed", n)
	}
	if n := s.DropExpired(start.Add(time.Hour)); n != 1 || s.Len() != 0 || s.ended.Load() != 0 {
		t.Errorf("forgot %d, %d left", n, s.Len())
	}
	check("forgotten", "alice", old, "", false)
}

// Those who watch are told of a user once, while what is told of is in force.
func TestFeedTellsOfAnEndedUserOnce(t *testing.T) {
	log, set := &fakeLog{}, NewSet()
	f := NewFeed(log, set)
	var told []string
	f.OnEnded = func(user string) { told = append(told, user) }
	read := func(id string, kind Kind, epoch uint64) {
		t.Helper()
		_ = log.Deny(t.Context(), Entry{Kind: kind, ID: id, Epoch: epoch, Until: start.Add(time.Hour)})
		if err := f.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	read("sid", Session, 0)
	read("alice", User, 1)
	read("alice", User, 2)
	read("bob", User, 1)
	set.DropExpired(start.Add(time.Hour))
	read("alice", User, 3)
	if got := strings.Join(told, " "); got != "alice bob alice" {
		t.Errorf("told of %q", got)
	}
}

func TestDeniedOfAUserDoesNotAllocate(t *testing.T) {
	s := NewSet()
	s.Add(Entry{Kind: User, ID: "alice", Epoch: 5, Until: start})
	sid := stamp(t, 5)
	if n := testing.AllocsPerRun(100, func() { s.Denied("alice", sid, "store-jti") }); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}
