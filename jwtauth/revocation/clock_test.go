package revocation

import (
	"testing"
	"time"
)

// steered is a pair of clocks that a test moves apart.
type steered struct {
	wall    time.Time
	elapsed time.Duration
}

func (s *steered) clock() *Clock {
	return newClock(func() time.Time { return s.wall }, func() time.Duration { return s.elapsed })
}

func (s *steered) pass(d time.Duration) {
	s.wall = s.wall.Add(d)
	s.elapsed += d
}

func TestClockFollowsTheWallClock(t *testing.T) {
	s := &steered{wall: start}
	c := s.clock()
	for range 10 {
		s.pass(time.Minute)
		s.wall = s.wall.Add(time.Second) // slewed, not set
		if got := c.Now(); !got.Equal(s.wall) {
			t.Fatalf("Now is %v, the wall clock says %v", got, s.wall)
		}
	}
}

func TestClockDoesNotBelieveAStepForwardAtOnce(t *testing.T) {
	s := &steered{wall: start}
	c := s.clock()
	s.wall = s.wall.AddDate(1, 0, 0)
	s.pass(time.Minute)
	if got := c.Now(); !got.Equal(start.Add(time.Minute)) {
		t.Fatalf("Now is %v a minute after %v", got, start)
	}
	s.wall = s.wall.AddDate(-1, 0, 0)
	s.pass(time.Minute)
	if got := c.Now(); !got.Equal(start.Add(2 * time.Minute)) {
		t.Fatalf("Now is %v after the clock was set right, want %v", got, start.Add(2*time.Minute))
	}
}

func TestClockBelievesAStepForwardThatLasts(t *testing.T) {
	s := &steered{wall: start}
	c := s.clock()
	s.wall = s.wall.AddDate(1, 0, 0)
	for range 60 {
		s.pass(time.Minute)
		c.Now()
	}
	s.pass(time.Minute)
	if got := c.Now(); !got.Equal(s.wall) {
		t.Fatalf("Now is %v, want %v", got, s.wall)
	}
	s.pass(time.Minute)
	if got := c.Now(); !got.Equal(s.wall) {
		t.Fatalf("Now is %v, want %v", got, s.wall)
	}
}

func TestClockFollowsAStepBack(t *testing.T) {
	s := &steered{wall: start}
	c := s.clock()
	s.wall = s.wall.AddDate(-1, 0, 0)
	if got := c.Now(); !got.Equal(s.wall) {
		t.Fatalf("Now is %v, want %v", got, s.wall)
	}
}
