package argon2

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"sync"
	"testing"

	original "golang.org/x/crypto/argon2"
)

// The keys are those of the original, whatever the memory was used for before.
func TestSameAsTheOriginal(t *testing.T) {
	for _, c := range []struct {
		time, memory uint32
		threads      uint8
		keyLen       uint32
	}{
		{1, 8, 1, 32}, {2, 19456, 1, 32}, {1, 64, 1, 24}, {3, 64, 4, 32}, {2, 65, 3, 16}, {1, 7168, 2, 64}, {4, 32, 1, 4}, {1, 19457, 1, 128},
		{2, 8, 4, 32}, {1, 1024, 16, 100},
	} {
		for i := range 3 {
			password, salt := fmt.Appendf(nil, "password %d", i), fmt.Appendf(nil, "salt of sorts %d", i)
			got := IDKey(password, salt, c.time, c.memory, c.threads, c.keyLen)
			if want := original.IDKey(password, salt, c.time, c.memory, c.threads, c.keyLen); !bytes.Equal(got, want) {
				t.Errorf("%+v: %x, want %x", c, got, want)
			}
		}
	}
}

// The vectors of the original, which the reference implementation has made:
// `echo -n password | argon2 somesalt -id …`.
func TestVectors(t *testing.T) {
	for _, v := range []struct {
		time, memory uint32
		threads      uint8
		key          string
	}{
		{1, 64, 1, "655ad15eac652dc59f7170a7332bf49b8469be1fdb9c28bb"},
		{2, 64, 1, "068d62b26455936aa6ebe60060b0a65870dbfa3ddf8d41f7"},
		{2, 64, 2, "350ac37222f436ccb5c0972f1ebd3bf6b958bf2071841362"},
		{3, 256, 2, "4668d30ac4187e6878eedeacf0fd83c5a0a30db2cc16ef0b"},
		{4, 4096, 4, "145db9733a9f4ee43edf33c509be96b934d505a4efb33c5a"},
		{4, 1024, 8, "8dafa8e004f8ea96bf7c0f93eecf67a6047476143d15577f"},
		{2, 64, 3, "4a15b31aec7c2590b87d1f520be7d96f56658172deaa3079"},
		{3, 1024, 6, "1640b932f4b60e272f5d2207b9a9c626ffa1bd88d2349016"},
	} {
		if got := hex.EncodeToString(IDKey([]byte("password"), []byte("somesalt"), v.time, v.memory, v.threads, 24)); got != v.key {
			t.Errorf("%+v: %s", v, got)
		}
	}
}

// What is kept has nothing of a password in it.
func TestKeptMemoryIsEmpty(t *testing.T) {
	before := take(64)
	for i := range *before {
		(*before)[i][5] = 1
	}
	put(before)
	for _, b := range (*before)[:cap(*before)] {
		if b != (block{}) {
			t.Fatal("kept memory has something in it")
		}
	}
}

// Derivations of several sizes at once do not disturb each other.
func TestDerivationsAtOnce(t *testing.T) {
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			memory := uint32(64 << i)
			want := original.IDKey([]byte("password"), []byte("somesalt"), 1, memory, 1, 32)
			for range 50 {
				if got := IDKey([]byte("password"), []byte("somesalt"), 1, memory, 1, 32); !bytes.Equal(got, want) {
					t.Errorf("%d KiB: %x, want %x", memory, got, want)
					return
				}
			}
		})
	}
	wg.Wait()
}

// The benchmarks of both: "Original" leaves its memory to the collector.
func BenchmarkIDKey(b *testing.B) {
	for name, derive := range map[string]func([]byte, []byte, uint32, uint32, uint8, uint32) []byte{"Kept": IDKey, "Original": original.IDKey} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				derive([]byte("password"), []byte("somesalt"), 2, 19456, 1, 32)
			}
		})
	}
}
