package accesstoken

import (
	"errors"
	"strconv"
	"testing"
	"time"
)

// A key that has stopped signing verifies the tokens it signed before, and no later
// ones. No key verifies a token that lasts longer than any that was issued.
func TestRetiredKeyRefusesLaterTokens(t *testing.T) {
	const (
		stop    = 1_800_000_000 - 300
		longest = 15 * time.Minute
		leeway  = 60 // of testVerifier
		tenYear = 10 * 365 * 24 * 3600
	)
	old, current := testKey(t, "HS256"), testKey(t, "ES256")
	retired := testSet(t, current, old.StoppedAt(time.Unix(stop, 0))).WithMaxLifetime(longest)
	running := testSet(t, old, current).WithMaxLifetime(longest)
	unbounded := testSet(t, current, old.StoppedAt(time.Unix(stop, 0)))
	day400 := testNow.Add(400 * 24 * time.Hour)
	for _, test := range []struct {
		name     string
		keys     *KeySet
		iat, exp int64
		now      time.Time
		want     error // nil: accepted
	}{
		{"signed before the stop", retired, stop - 1, stop + 899, testNow, nil},
		{"signed at the stop", retired, stop, stop + 900, testNow, nil},
		{"signed within the leeway", retired, stop + leeway, stop + leeway + 900, testNow, nil},
		{"signed after the leeway", retired, stop + leeway + 1, stop + leeway + 901, testNow, ErrStopped},
		{"signed now", retired, stop + 300, stop + 1200, testNow, ErrStopped},
		{"signed before the stop, expired", retired, stop - 700, stop + 200, testNow, ErrExpired},
		{"signed after the stop, of a set without a bound", unbounded, stop + leeway + 1, stop + tenYear, testNow, ErrStopped},
		{"ten years from now", retired, stop + 300, stop + 300 + tenYear, testNow, ErrStopped},
		{"ten years from now, on day 400", retired, stop + 300, stop + 300 + tenYear, day400, ErrStopped},
		{"ten years, signed before the stop", retired, stop - 1, stop + tenYear, testNow, ErrLifetime},
		{"ten years, signed before the stop, on day 400", retired, stop - 1, stop + tenYear, day400, ErrLifetime},
		{"signed in 1970", retired, 1, stop + 900, testNow, ErrLifetime},
		{"the longest that is issued", running, stop, stop + 900, testNow, nil},
		{"longer by the leeway", running, stop, stop + 900 + leeway, testNow, nil},
		{"longer than that by a second", running, stop, stop + 901 + leeway, testNow, ErrLifetime},
		{"ten years of the key that signs", running, stop, stop + tenYear, testNow, ErrLifetime},
		{"ten years of a set without a bound", unbounded, stop, stop + tenYear, testNow, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			header, err := encodeHeader(old)
			if err != nil {
				t.Fatal(err)
			}
			payload := payloadWith("iat", strconv.FormatInt(test.iat, 10), "exp", strconv.FormatInt(test.exp, 10))
			v := testVerifier(test.keys)
			v.Now = func() time.Time { return test.now }
			claims, err := v.Verify(signSegments(t, old, header, b64(payload)))
			if test.want == nil {
				if err != nil {
					t.Fatalf("refused: %v", err)
				}
				return
			}
			if !errors.Is(err, test.want) || !errors.Is(err, ErrInvalid) || claims != nil {
				t.Errorf("got %v, %v, want %v", claims, err, test.want)
			}
		})
	}
}

// Issuing refuses what verification would refuse.
func TestSignKeepsTheBounds(t *testing.T) {
	key := testKey(t, "EdDSA")
	for _, test := range []struct {
		name string
		keys *KeySet
		want error
	}{
		{"within the bound", testSet(t, key).WithMaxLifetime(15 * time.Minute), nil},
		{"longer than the bound", testSet(t, key).WithMaxLifetime(15*time.Minute - time.Second), ErrUnissuable},
		{"after the key stopped", testSet(t, key.StoppedAt(testNow.Add(-time.Second))), ErrUnissuable},
		{"as the key stops", testSet(t, key.StoppedAt(testNow)), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := test.keys.Sign(testClaims()); !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
}

// StoppedAt and WithMaxLifetime return copies.
func TestStoppedAtCopiesTheKey(t *testing.T) {
	key := testKey(t, "ES256")
	ended := key.StoppedAt(testNow)
	if !key.stopped.IsZero() || !key.SameMaterial(ended) || key.ID != ended.ID {
		t.Error("the key was changed")
	}
	set := testSet(t, key)
	if bounded := set.WithMaxLifetime(time.Minute); set.maxLifetime != 0 || bounded.Lookup(key.ID) != key {
		t.Error("the set was changed")
	}
}
