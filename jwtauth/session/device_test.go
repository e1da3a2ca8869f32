package session_test

import (
	"errors"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/memory"
)

// TestDeviceCookieEveryByteCounts: no other value than those that a realm made names
// a browser, and each names the one it was made for.
func TestDeviceCookieEveryByteCounts(t *testing.T) {
	r := newRealm(t)
	seen := make(map[string]bool)
	for range 100 {
		id := session.NewDevice()
		value, err := r.DeviceCookie(id)
		if err != nil || len(id) != 22 || seen[id] {
			t.Fatalf("%q, %v", id, err)
		}
		seen[id] = true
		if got, err := r.ParseDeviceCookie(value); err != nil || got != id {
			t.Errorf("%s names %s, %v", value, got, err)
		}
	}
	value, err := r.DeviceCookie(session.NewDevice())
	if err != nil {
		t.Fatal(err)
	}
	for i := range value {
		for _, other := range []string{value[:i], value[:i] + "A" + value[i+1:], value[:i] + "b" + value[i+1:], value[:i] + "\n" + value[i:]} {
			if _, err := r.ParseDeviceCookie(other); other != value && !errors.Is(err, session.ErrInvalidToken) {
				t.Errorf("%q: %v", other, err)
			}
		}
	}
	for _, id := range []string{"", "x", session.NewDevice() + "A", "AAAAAAAAAAAAAAAAAAAAA+", "AAAAAAAAAAAAAAAAAAAAAB"} {
		if _, err := r.DeviceCookie(id); err == nil {
			t.Errorf("a cookie was made for %q", id)
		}
	}
}

// TestDeviceCookieOutlivesARotation of the key, as long as that key is known.
func TestDeviceCookieOutlivesARotation(t *testing.T) {
	store := memory.New()
	defer store.Close()
	old, young := newKey(t), newKey(t)
	manager := func(current session.Key, others ...session.Key) *session.Manager {
		keys, err := session.NewKeys(current, others...)
		if err != nil {
			t.Fatal(err)
		}
		return session.New(store, store.ID(), keys, store)
	}
	id := session.NewDevice()
	value, err := manager(old).DeviceCookie(id)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := manager(young, old).ParseDeviceCookie(value); err != nil || got != id {
		t.Errorf("after a rotation: %q, %v", got, err)
	}
	if _, err := manager(young).ParseDeviceCookie(value); !errors.Is(err, session.ErrInvalidToken) {
		t.Errorf("without its key: %v", err)
	}
	again, err := manager(young, old).DeviceCookie(id)
	if err != nil || again == value {
		t.Errorf("the next cookie is of the old key: %v", err)
	}
}
