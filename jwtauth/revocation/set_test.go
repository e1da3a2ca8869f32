package revocation

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestSetDeniesExactly(t *testing.T) {
	s := NewSet()
	if s.Denied("", "a", "b") {
		t.Fatal("an empty set denies")
	}
	s.Add(Entry{Kind: Session, ID: "sid", Until: start.Add(time.Hour)})
	s.Add(Entry{Kind: Token, ID: "jti", Until: start.Add(time.Hour)})
	s.Add(Entry{Kind: "future", ID: "either", Until: start.Add(time.Hour)})
	for _, c := range []struct {
		sid, jti string
		denied   bool
	}{
		{"sid", "", true},
		{"sid", "other", true},
		{"", "jti", true},
		{"other", "jti", true},
		{"jti", "sid", false}, // the kinds do not mix
		{"", "", false},
		{"SID", "JTI", false},
		{"si", "jt", false},
		{"either", "", true},
		{"", "either", true},
	} {
		if got := s.Denied("", c.sid, c.jti); got != c.denied {
			t.Errorf("Denied(%q, %q) = %v", c.sid, c.jti, got)
		}
	}
}

func TestSetForgetsAtTheEndOfTheLongestEntry(t *testing.T) {
	s := NewSet()
	s.Add(Entry{Kind: Session, ID: "a", Until: start.Add(time.Hour)})
	s.Add(Entry{Kind: Session, ID: "a", Until: start.Add(time.Minute)})
	s.Add(Entry{Kind: Token, ID: "b", Until: start.Add(time.Minute + time.Millisecond)})
	if s.Len() != 2 {
		t.Fatalf("Len is %d, want 2: an id counts once", s.Len())
	}
	if n := s.DropExpired(start.Add(time.Minute)); n != 0 || !s.Denied("", "a", "") || !s.Denied("", "", "b") {
		t.Fatalf("forgot %d entries before their time", n)
	}
	if n := s.DropExpired(start.Add(time.Minute + time.Second)); n != 1 || s.Denied("", "", "b") {
		t.Fatalf("forgot %d entries, want 1", n)
	}
	if n := s.DropExpired(start.Add(time.Hour)); n != 1 || s.Denied("", "a", "") || s.Len() != 0 {
		t.Fatalf("forgot %d entries, want 1; %d left", n, s.Len())
	}
}

func TestSetUnderConcurrentUse(t *testing.T) {
	s := NewSet()
	const writers, each = 8, 500
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				id := fmt.Sprintf("%d-%d", w, i)
				s.Add(Entry{Kind: Session, ID: id, Until: start.Add(time.Hour)})
				if !s.Denied("", id, "") {
					t.Errorf("%s is not denied after Add", id)
				}
				s.Add(Entry{Kind: Token, ID: id, Until: start})
			}
		})
	}
	wg.Go(func() {
		for range 50 {
			s.DropExpired(start)
		}
	})
	wg.Wait()
	s.DropExpired(start)
	if s.Len() != writers*each {
		t.Fatalf("%d entries, want %d", s.Len(), writers*each)
	}
	for i := range each {
		if !s.Denied("", fmt.Sprintf("3-%d", i), "") {
			t.Fatalf("entry %d was lost", i)
		}
	}
}

func TestDeniedDoesNotAllocate(t *testing.T) {
	s := NewSet()
	s.Add(Entry{Kind: Session, ID: "x", Until: start})
	if n := testing.AllocsPerRun(100, func() { s.Denied("", "store-sid", "store-jti") }); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func BenchmarkDenied(b *testing.B) {
	s := NewSet()
	for i := range 100_000 {
		s.Add(Entry{Kind: Session, ID: fmt.Sprintf("AAAAAAAAAAA%022d", i), Until: start})
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			s.Denied("", "AAAAAAAAAAAsomeothersession0000000", "AAAAAAAAAAAsometokenid000000000000")
		}
	})
}
