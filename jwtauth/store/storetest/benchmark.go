package storetest

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store"
)

// Benchmark measures what a sign-in, a refresh and a look-up cost in an empty
// engine. It asserts nothing about time.
func Benchmark(b *testing.B, opened store.Store) {
	s := &suite{Store: opened, now: time.Now().UTC()}
	var next atomic.Int64
	create := func(b *testing.B) string {
		one := s.session(fmt.Sprint("user", next.Add(1)), fmt.Sprint("bench", next.Add(1)))
		if _, err := s.CreateSession(b.Context(), one, 100); err != nil {
			b.Fatal(err)
		}
		return one.ID
	}
	rotate := func(one session.Session, _ uint64) (session.Change, error) {
		one.Counter++
		one.LastUsedAt = time.Now()
		one.IdleExpiresAt = one.LastUsedAt.Add(time.Hour)
		return session.Change{Session: &one}, nil
	}
	b.Run("Create", func(b *testing.B) {
		for b.Loop() {
			create(b)
		}
	})
	b.Run("Rotate", func(b *testing.B) {
		id := create(b)
		for b.Loop() {
			if err := s.UpdateSession(b.Context(), id, rotate); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("RotateParallel", func(b *testing.B) {
		b.SetParallelism(50)
		b.RunParallel(func(pb *testing.PB) {
			id := create(b)
			for pb.Next() {
				if err := s.UpdateSession(b.Context(), id, rotate); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
	b.Run("Lookup", func(b *testing.B) {
		id := create(b)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.Session(b.Context(), id); err != nil {
				b.Fatal(err)
			}
		}
	})
}
