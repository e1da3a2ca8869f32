package accesstoken

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// credential returns a text as long as a token, a different one for each i.
func credential(i int) string {
	return strings.Repeat("h", 80) + fmt.Sprintf("%0380x", i)
}

// put stores i. It puts it twice, since the first time stores nothing.
func put(c *Cache[int], i int, until time.Time) { putTwice(c, credential(i), i, 500, until) }

func putTwice[V any](c *Cache[V], credential string, value V, size int64, until time.Time) {
	c.Put(credential, value, size, until)
	c.Put(credential, value, size, until)
}

func TestCacheRemembers(t *testing.T) {
	c := NewCache[int](1 << 20)
	until := testNow.Add(time.Minute)
	for i := range 100 {
		put(c, i, until)
	}
	for i := range 100 {
		if got, ok := c.Get(credential(i), testNow); !ok || got != i {
			t.Fatalf("%d: %d, %v", i, got, ok)
		}
	}
	c.Put(credential(7), 8, 500, until)
	if got, ok := c.Get(credential(7), testNow); !ok || got != 8 {
		t.Errorf("put twice: %d, %v", got, ok)
	}
	if entries, bytes := c.Size(); entries != 100 || bytes != 100*(460+500+entryOverhead) {
		t.Errorf("%d entries of %d bytes", entries, bytes)
	}
}

// A credential that differs from a stored one by a character is not found.
func TestCacheComparesWholeCredentials(t *testing.T) {
	c := NewCache[int](1 << 20)
	known := credential(1)
	putTwice(c, known, 1, 500, testNow.Add(time.Minute))
	for i := range len(known) {
		changed := []byte(known)
		changed[i] ^= 1
		if _, ok := c.Get(string(changed), testNow); ok {
			t.Errorf("with another character %d it passes", i)
		}
		if _, ok := c.Get(known[:i], testNow); ok {
			t.Errorf("the first %d characters pass", i)
		}
		if _, ok := c.Get(known[i+1:], testNow); ok {
			t.Errorf("without the first %d characters it passes", i+1)
		}
	}
	for _, other := range []string{"", known + "=", known + " ", " " + known, strings.ToUpper(known)} {
		if _, ok := c.Get(other, testNow); ok {
			t.Errorf("%q passes", other)
		}
	}
}

func TestCacheEntriesExpire(t *testing.T) {
	c := NewCache[int](1 << 20)
	until := testNow.Add(time.Minute)
	put(c, 1, until)
	put(c, 2, until.Add(time.Minute))
	for _, tc := range []struct {
		at    time.Time
		alive bool
	}{{until.Add(-1), true}, {until, false}, {until.Add(time.Hour), false}, {testNow, true}} {
		if _, ok := c.Get(credential(1), tc.at); ok != tc.alive {
			t.Errorf("at %v: %v", tc.at, ok)
		}
	}
	if n := c.DropExpired(until); n != 1 {
		t.Errorf("%d dropped", n)
	}
	if _, ok := c.Get(credential(1), testNow); ok {
		t.Error("a dropped entry is found")
	}
	if n := c.DropExpired(until.Add(time.Hour)); n != 1 {
		t.Errorf("%d dropped", n)
	}
	if entries, bytes := c.Size(); entries != 0 || bytes != 0 {
		t.Errorf("%d entries of %d bytes are left", entries, bytes)
	}
	put(c, 3, until) // the emptied lists still work
	if _, ok := c.Get(credential(3), testNow); !ok {
		t.Error("nothing can be put after everything was dropped")
	}
}

// The memory that many distinct tokens take is bounded, as the cache counts it and
// as the runtime does.
func TestCacheIsBounded(t *testing.T) {
	const limit = 4 << 20
	before := heap()
	c := NewCache[*[500]byte](limit)
	until := testNow.Add(time.Minute)
	for i := range 200_000 {
		putTwice(c, credential(i), new([500]byte), 500, until)
		if _, bytes := c.Size(); i%10_000 == 0 && bytes > limit {
			t.Fatalf("%d bytes after %d tokens", bytes, i)
		}
	}
	entries, bytes := c.Size()
	if bytes > limit || bytes < limit*9/10 || entries < limit/2000 {
		t.Errorf("%d entries of %d bytes", entries, bytes)
	}
	if grown := heap() - before; grown > limit*5/4 {
		t.Errorf("the heap has grown by %d bytes", grown)
	}
	runtime.KeepAlive(c)
}

func heap() int64 {
	runtime.GC()
	runtime.GC() // the first call may have waited for a collection that was running
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// Credentials that are put once take no room, however many there are.
func TestCacheRemembersFromTheSecondTimeOn(t *testing.T) {
	c := NewCache[int](1 << 20)
	until := testNow.Add(time.Minute)
	c.Put(credential(1), 1, 500, until)
	if _, ok := c.Get(credential(1), testNow); ok {
		t.Error("it was put once")
	}
	c.Put(credential(1), 1, 500, until)
	if _, ok := c.Get(credential(1), testNow); !ok {
		t.Error("it was put twice")
	}
	for i := range 100_000 {
		c.Put(credential(1000+i), i, 500, until)
	}
	if entries, _ := c.Size(); entries != 1 {
		t.Errorf("%d entries", entries)
	}
}

// Tokens that are used once do not displace those that are in use.
func TestCacheKeepsWhatIsInUse(t *testing.T) {
	const inUse = 100
	c := NewCache[int](2 << 20)
	until := testNow.Add(time.Minute)
	for i := range inUse {
		put(c, i, until)
	}
	for i := inUse; i < 50_000; i++ {
		put(c, i, until)
		if i%500 == 0 {
			for j := range inUse {
				c.Get(credential(j), testNow)
			}
		}
	}
	kept := 0
	for i := range inUse {
		if _, ok := c.Get(credential(i), testNow); ok {
			kept++
		}
	}
	if kept != inUse {
		t.Errorf("%d of %d are left", kept, inUse)
	}
}

func TestCacheRefusesLargeEntries(t *testing.T) {
	c := NewCache[int](16 << 10)
	until := testNow.Add(time.Minute)
	put(c, 1, until) // larger than a shard
	putTwice(c, strings.Repeat("a", MaxLength+1), 1, 0, until)
	if entries, bytes := c.Size(); entries != 0 || bytes != 0 {
		t.Errorf("%d entries of %d bytes", entries, bytes)
	}
	if _, ok := NewCache[int](1<<20).Get(strings.Repeat("a", 1<<20), testNow); ok {
		t.Error("a megabyte is known")
	}
}

// All methods at once, for the race detector; the counts are right at the end.
func TestCacheConcurrently(t *testing.T) {
	c := NewCache[int](1 << 20)
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for i := range 5_000 {
				n := (i*7 + worker) % 2_000
				if got, ok := c.Get(credential(n), testNow); ok && got != n {
					t.Errorf("%d stands for %d", n, got)
				}
				put(c, n, testNow.Add(time.Duration(1+n%3)*time.Minute))
				if i%500 == 0 {
					c.DropExpired(testNow.Add(time.Minute))
				}
			}
		})
	}
	wg.Wait()
	c.DropExpired(testNow.Add(time.Hour))
	if entries, bytes := c.Size(); entries != 0 || bytes != 0 {
		t.Errorf("%d entries of %d bytes are left", entries, bytes)
	}
}

// Size is not less than the memory that claims take.
func TestClaimsSize(t *testing.T) {
	set := testSet(t, testKey(t, "HS256"))
	v := testVerifier(set)
	for name, extra := range map[string]map[string]any{
		"plain":   nil,
		"texts":   {"tenant": "acme", "plan": strings.Repeat("x", 1000)},
		"nested":  {"a": []any{int64(1), map[string]any{"b": []any{"c", true, nil, 1.5}}}},
		"hollow":  {"a": make([]any, 2000)},
		"strings": {"a": manyTexts(300)},
	} {
		t.Run(name, func(t *testing.T) {
			claims := testClaims()
			claims.Extra = extra
			token, err := set.Sign(claims)
			if err != nil {
				t.Fatal(err)
			}
			const n = 200
			kept := make([]*Claims, n)
			before := heap()
			for i := range kept {
				if kept[i], err = v.Verify(token); err != nil {
					t.Fatal(err)
				}
			}
			took := (heap() - before) / n
			if size := kept[0].Size(); size < took*3/4 || size > took*4+1000 {
				t.Errorf("Size is %d, and each takes %d", size, took)
			}
			runtime.KeepAlive(kept)
		})
	}
}

func manyTexts(n int) []any {
	list := make([]any, n)
	for i := range list {
		list[i] = fmt.Sprint("text ", i)
	}
	return list
}
