package cache

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dgraph-io/ristretto/v2"
	lru "github.com/hashicorp/golang-lru/v2/expirable"
	"github.com/maypok86/otter/v2"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/accesstoken"
)

// principal is about as large as what a token of a user with two roles stands for.
type principal struct {
	until time.Time
	_     [700]byte
}

const (
	principalSize = 724
	tokenLength   = 460
	// limit is what a cache may take, in bytes.
	limit = 8 << 20
	// perEntry is how many bytes are counted for an entry.
	perEntry = principalSize + tokenLength + 160
)

type cache struct {
	get  func(token string, now time.Time) (*principal, bool)
	put  func(token string, p *principal)
	stop func()
}

var caches = []struct {
	name string
	make func() cache
}{
	{"accesstoken", func() cache {
		c := accesstoken.NewCache[*principal](limit)
		return cache{c.Get, func(token string, p *principal) { c.Put(token, p, principalSize, p.until) }, func() {}}
	}},
	{"otter", func() cache {
		c := otter.Must(&otter.Options[string, *principal]{
			MaximumWeight: limit,
			Weigher:       func(token string, _ *principal) uint32 { return uint32(len(token) + principalSize + 160) },
			ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[string, *principal]) time.Duration {
				return time.Until(e.Value.until)
			}),
		})
		return cache{
			func(token string, now time.Time) (*principal, bool) {
				p, ok := c.GetIfPresent(token)
				return p, ok && now.Before(p.until)
			},
			func(token string, p *principal) { c.Set(strings.Clone(token), p) },
			func() { c.StopAllGoroutines() },
		}
	}},
	// Bounded by its number of entries: all of them are of one size here.
	{"golang-lru", func() cache {
		c := lru.NewLRU[string, *principal](limit/perEntry, nil, 15*time.Minute)
		return cache{
			func(token string, now time.Time) (*principal, bool) {
				p, ok := c.Get(token)
				return p, ok && now.Before(p.until)
			},
			func(token string, p *principal) { c.Add(strings.Clone(token), p) },
			func() {},
		}
	}},
	// It finds entries by two hashes of 64 bits and never compares the key, so a
	// guard could not use it as it is: the whole token has to be compared.
	{"ristretto", func() cache {
		c, err := ristretto.NewCache(&ristretto.Config[string, *principal]{
			NumCounters: 10 * limit / perEntry, MaxCost: limit, BufferItems: 64,
		})
		if err != nil {
			panic(err)
		}
		return cache{
			func(token string, now time.Time) (*principal, bool) {
				p, ok := c.Get(token)
				return p, ok && now.Before(p.until)
			},
			func(token string, p *principal) { c.SetWithTTL(strings.Clone(token), p, perEntry, time.Until(p.until)) },
			c.Close,
		}
	}},
}

// tokens are as long as real ones, and differ where those do.
func tokens(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = strings.Repeat("h", 80) + fmt.Sprintf("%0*x", tokenLength-80, i)
	}
	return list
}

func filled(b *testing.B, make func() cache, list []string) cache {
	b.Helper()
	c := make()
	b.Cleanup(c.stop)
	p := &principal{until: time.Now().Add(15 * time.Minute)}
	for _, token := range list {
		for range 2 { // what comes once, ours does not remember
			c.put(token, p)
		}
	}
	time.Sleep(50 * time.Millisecond) // for those that keep books in the background
	return c
}

func BenchmarkHit(b *testing.B) {
	for _, kind := range caches {
		b.Run(kind.name, func(b *testing.B) {
			list := tokens(1000)
			c := filled(b, kind.make, list)
			now := time.Now()
			missed := 0
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				if _, ok := c.get(list[i%len(list)], now); !ok {
					missed++
				}
			}
			if missed > b.N/100 {
				b.Errorf("%d of %d missed", missed, b.N)
			}
		})
	}
}

// BenchmarkHitParallel is all cores asking for one token.
func BenchmarkHitParallel(b *testing.B) {
	for _, kind := range caches {
		b.Run(kind.name, func(b *testing.B) {
			list := tokens(1)
			c := filled(b, kind.make, list)
			now := time.Now()
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					c.get(list[0], now)
				}
			})
		})
	}
}

// BenchmarkMissThenPut is tokens that are never seen again, in a full cache.
func BenchmarkMissThenPut(b *testing.B) {
	for _, kind := range caches {
		b.Run(kind.name, func(b *testing.B) {
			list := tokens(200_000)
			c := filled(b, kind.make, list[:20_000])
			now := time.Now()
			p := &principal{until: now.Add(15 * time.Minute)}
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				token := list[i%len(list)]
				if _, ok := c.get(token, now); !ok {
					c.put(token, p)
				}
			}
		})
	}
}

// BenchmarkHitRatio is 50,000 users of whom few come often (Zipf, s = 1.1), in a
// cache that holds one in eight.
func BenchmarkHitRatio(b *testing.B) {
	for _, kind := range caches {
		b.Run(kind.name, func(b *testing.B) {
			list := tokens(50_000)
			c := filled(b, kind.make, nil)
			now := time.Now()
			p := &principal{until: now.Add(15 * time.Minute)}
			zipf := rand.NewZipf(rand.New(rand.NewPCG(1, 2)), 1.1, 1, uint64(len(list)-1))
			hits := 0
			for range b.N {
				token := list[zipf.Uint64()]
				if _, ok := c.get(token, now); ok {
					hits++
				} else {
					c.put(token, p)
				}
			}
			b.ReportMetric(100*float64(hits)/float64(b.N), "%hits")
		})
	}
}

// BenchmarkMemory is the heap that 200,000 tokens leave behind.
func BenchmarkMemory(b *testing.B) {
	heap := func() float64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc)
	}
	for _, kind := range caches {
		b.Run(kind.name, func(b *testing.B) {
			for range b.N {
				before := heap()
				c := kind.make()
				var wg sync.WaitGroup
				for worker := range 2 {
					wg.Go(func() {
						for i := range 100_000 {
							token := strings.Repeat("h", 80) + fmt.Sprintf("%0*x", tokenLength-80, 2*i+worker)
							for range 2 {
								c.put(token, &principal{until: time.Now().Add(15 * time.Minute)})
							}
						}
					})
				}
				wg.Wait()
				time.Sleep(200 * time.Millisecond)
				b.ReportMetric((heap()-before)/(1<<20), "MiB")
				c.get("", time.Now())
				c.stop()
			}
		})
	}
}
