package session_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/memory"
)

func TestParse(t *testing.T) {
	r := newRealm(t)
	g := r.create(t, session.NewSession{})
	ref, err := r.Parse(g.RefreshToken)
	if err != nil || ref.SID != g.Session.ID || ref.N != g.Session.Counter {
		t.Fatalf("got %+v, %v; want the session's own token", ref, err)
	}
	cookie, err := r.Cookie(g.Session)
	if err != nil {
		t.Fatal(err)
	}
	if sid, err := r.ParseCookie(cookie); err != nil || sid != g.Session.ID {
		t.Fatalf("got %q, %v; want the session's id", sid, err)
	}
	if strings.Trim(g.RefreshToken+cookie, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
		t.Errorf("%s or %s would have to be escaped in a cookie or a form", g.RefreshToken, cookie)
	}
}

func TestParseRefuses(t *testing.T) {
	r := newRealm(t)
	g := r.create(t, session.NewSession{})
	token := g.RefreshToken
	cookie, err := r.Cookie(g.Session)
	if err != nil {
		t.Fatal(err)
	}
	other := memory.New()
	defer other.Close()
	elsewhere, err := session.New(other, other.ID(), r.keys, other).Create(t.Context(), r.lt, session.NewSession{User: "alice"})
	if err != nil {
		t.Fatal(err)
	}
	foreignCookie, err := r.Cookie(elsewhere.Session)
	if err != nil {
		t.Fatal(err)
	}
	k := r.keys.Current()
	stranger, err := session.TokenFor(session.Key{ID: k.ID, Secret: make([]byte, 32)}, g.Session.ID, 1)
	if err != nil {
		t.Fatal(err)
	}
	unknown, err := session.TokenFor(newKey(t), g.Session.ID, 1)
	if err != nil {
		t.Fatal(err)
	}
	mixed, err := session.SealInOtherContext(k, g.Session.ID, 1)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"empty":                        "",
		"prefix alone":                 "jr1_",
		"without prefix":               strings.TrimPrefix(token, "jr1_"),
		"prefix in another case":       "JR1_" + token[4:],
		"cut off":                      token[:len(token)-1],
		"longer":                       token + "A",
		"padding":                      token + "=",
		"line break within":            token[:20] + "\n" + token[20:],
		"line break in place":          token[:20] + "\n" + token[21:],
		"line breaks alone":            "jr1_" + strings.Repeat("\n", len(token)-4),
		"line breaks at the end":       token[:len(token)-8] + strings.Repeat("\r\n", 4),
		"space before":                 " " + token,
		"standard alphabet":            token[:20] + "+" + token[21:],
		"NUL":                          token[:20] + "\x00" + token[21:],
		"huge":                         "jr1_" + strings.Repeat("A", 1<<20),
		"access token":                 "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiJhbGljZSJ9.c2ln",
		"cookie's other prefix":        "jr1_" + cookie[4:],
		"token's other prefix":         "js1_" + token[4:],
		"another store's":              elsewhere.RefreshToken,
		"another store's cookie":       foreignCookie,
		"same key id, another secret":  stranger,
		"unknown key":                  unknown,
		"right form, cookie's context": mixed,
	} {
		if _, err := r.Parse(text); !errors.Is(err, session.ErrInvalidToken) {
			t.Errorf("%s as a token: got %v, want ErrInvalidToken", name, err)
		}
		if _, err := r.ParseCookie(text); !errors.Is(err, session.ErrInvalidToken) {
			t.Errorf("%s as a cookie: got %v, want ErrInvalidToken", name, err)
		}
	}
	if _, err := r.Parse(cookie); !errors.Is(err, session.ErrInvalidToken) {
		t.Errorf("a cookie as a refresh token: got %v, want ErrInvalidToken", err)
	}
	device, err := r.DeviceCookie(session.NewDevice())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"": device, " under a token's prefix": "jr1_" + device[4:], " under a cookie's prefix": "js1_" + device[4:]} {
		_, err := r.Parse(text)
		_, bad := r.ParseCookie(text)
		if !errors.Is(err, session.ErrInvalidToken) || !errors.Is(bad, session.ErrInvalidToken) {
			t.Errorf("a device cookie%s: got %v and %v, want ErrInvalidToken", name, err, bad)
		}
	}
	for name, text := range map[string]string{"a cookie": cookie, "a refresh token": token, "a cookie under its prefix": "jd1_" + cookie[4:]} {
		if _, err := r.ParseDeviceCookie(text); !errors.Is(err, session.ErrInvalidToken) {
			t.Errorf("%s as a device cookie: got %v, want ErrInvalidToken", name, err)
		}
	}
	if _, err := r.ParseCookie(token); !errors.Is(err, session.ErrInvalidToken) {
		t.Errorf("a refresh token as a cookie: got %v, want ErrInvalidToken", err)
	}
}

func TestEveryByteCounts(t *testing.T) {
	r := newRealm(t)
	g := r.create(t, session.NewSession{})
	cookie, err := r.Cookie(g.Session)
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(g.RefreshToken) {
		for bit := range 8 {
			bad := []byte(g.RefreshToken)
			bad[i] ^= 1 << bit
			if _, err := r.Parse(string(bad)); !errors.Is(err, session.ErrInvalidToken) {
				t.Fatalf("bit %d of byte %d flipped: got %v, want ErrInvalidToken", bit, i, err)
			}
		}
	}
	for i := range len(cookie) {
		for bit := range 8 {
			bad := []byte(cookie)
			bad[i] ^= 1 << bit
			if _, err := r.ParseCookie(string(bad)); !errors.Is(err, session.ErrInvalidToken) {
				t.Fatalf("bit %d of the cookie's byte %d flipped: got %v, want ErrInvalidToken", bit, i, err)
			}
		}
	}
}

// A copy of the database is no way in: what it holds of a session is all that a
// token is made of, but the key.
func TestCopiedDatabaseHoldsNoToken(t *testing.T) {
	r := newRealm(t)
	g := r.mustRefresh(t, r.create(t, session.NewSession{}).RefreshToken)
	stored, err := r.store.Session(t.Context(), g.Session.ID)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(stored)
	if err != nil {
		t.Fatal(err)
	}
	cookie, err := r.Cookie(stored)
	if err != nil {
		t.Fatal(err)
	}
	secret := r.keys.Current().Secret
	for name, part := range map[string]string{
		"token":  g.RefreshToken[len(g.RefreshToken)-40:],
		"cookie": cookie[len(cookie)-40:],
		"secret": string(secret),
	} {
		if bytes.Contains(text, []byte(part)) {
			t.Errorf("the stored session holds the %s: %s", name, text)
		}
	}
	// The thief knows all of this, and has to guess the secret.
	for _, guess := range [][]byte{make([]byte, 32), text[:32], bytes.Repeat([]byte(stored.Key), 4)} {
		forged, err := session.TokenFor(session.Key{ID: stored.Key, Secret: guess}, stored.ID, stored.Counter)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.refresh(t, forged); !errors.Is(err, session.ErrInvalidToken) {
			t.Errorf("got %v, want ErrInvalidToken", err)
		}
	}
}

func TestKeys(t *testing.T) {
	good := newKey(t)
	for name, keys := range map[string][]session.Key{
		"none":               {{}},
		"empty secret":       {{ID: good.ID}},
		"short secret":       {{ID: good.ID, Secret: make([]byte, 31)}},
		"no id":              {{Secret: good.Secret}},
		"id of a wrong form": {{ID: "../../ab", Secret: good.Secret}},
		"one id twice":       {good, {ID: good.ID, Secret: make([]byte, 32)}},
		"bad second":         {good, {}},
	} {
		if _, err := session.NewKeys(keys[0], keys[1:]...); !errors.Is(err, session.ErrKey) {
			t.Errorf("%s: got %v, want ErrKey", name, err)
		}
	}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if text := fmt.Sprintf(format, good); strings.Contains(text, string(good.Secret)) || strings.Contains(text, fmt.Sprint(good.Secret[:4])[1:8]) {
			t.Errorf("%s shows the secret: %s", format, text)
		}
	}
	if _, err := session.GenerateKey(strings.NewReader("too short")); err == nil {
		t.Error("a key was made of too little randomness")
	}
}

// emptySecret is a source of keys that has lost what makes them secret.
type emptySecret struct{ id string }

func (k emptySecret) Current() session.Key              { return session.Key{ID: k.id} }
func (k emptySecret) Lookup(string) (session.Key, bool) { return k.Current(), true }

func TestNothingIsOpenedWithAnEmptySecret(t *testing.T) {
	r := newRealm(t)
	g := r.create(t, session.NewSession{})
	keys := emptySecret{g.Session.Key}
	forged, err := session.ForgedToken(keys.Current(), g.Session.ID, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := session.New(r.store, r.store.ID(), keys, r.store).Parse(forged); !errors.Is(err, session.ErrInvalidToken) {
		t.Errorf("got %v, want ErrInvalidToken", err)
	}
}

// emptyKeys is a source of keys that has failed.
type emptyKeys struct{}

func (emptyKeys) Current() session.Key              { return session.Key{} }
func (emptyKeys) Lookup(string) (session.Key, bool) { return session.Key{}, true }

func TestNothingIsSealedWithAnEmptyKey(t *testing.T) {
	r := newRealm(t)
	g := r.create(t, session.NewSession{})
	m := session.New(r.store, r.store.ID(), emptyKeys{}, r.store)
	if _, err := m.Create(t.Context(), r.lt, session.NewSession{User: "alice"}); !errors.Is(err, session.ErrKey) {
		t.Errorf("Create: got %v, want ErrKey", err)
	}
	if _, err := m.Cookie(g.Session); !errors.Is(err, session.ErrKey) {
		t.Errorf("Cookie: got %v, want ErrKey", err)
	}
	if _, err := m.Parse(g.RefreshToken); !errors.Is(err, session.ErrInvalidToken) {
		t.Errorf("Parse: got %v, want ErrInvalidToken", err)
	}
	if _, err := m.Refresh(t.Context(), r.lt, session.Ref{SID: g.Session.ID, N: 1}, "", nil); !errors.Is(err, session.ErrKey) {
		t.Errorf("Refresh: got %v, want ErrKey", err)
	}
}

// FuzzParse: of all texts, those alone are taken for a refresh token or a session
// cookie that were sealed as one, to the byte. The keys are other ones in each
// process that fuzzes, so that what is good is changed there.
func FuzzParse(f *testing.F) {
	r := newRealm(f)
	g, err := r.Create(f.Context(), r.lt, session.NewSession{User: "alice"})
	if err != nil {
		f.Fatal(err)
	}
	cookie, err := r.Cookie(g.Session)
	if err != nil {
		f.Fatal(err)
	}
	next, err := session.TokenFor(r.keys.Current(), g.Session.ID, g.Session.Counter+1)
	if err != nil {
		f.Fatal(err)
	}
	tokens := map[string]uint64{g.RefreshToken: g.Session.Counter, next: g.Session.Counter + 1}
	f.Add("", uint16(0), uint16(0), false) // as they are
	f.Add("", uint16(0), ^uint16(0), false)
	for _, piece := range []string{
		"jr1_", "js1_", "A", "B", "_", "-", "+", "/", "=", "==", "\n", "\r\n", " ", "\x00", "é", ".", "eyJhbGciOiJub25lIn0..",
		strings.Repeat("A", len(cookie)), strings.Repeat("A", len(next)), strings.Repeat("\n", len(next)),
	} {
		f.Add(piece, uint16(0), ^uint16(0), false)
		for _, at := range []uint16{0, 4, 20, 60, uint16(len(next) - 1), uint16(len(next))} {
			f.Add(piece, at, uint16(0), false)
			f.Add(piece, at, uint16(len(piece)), true)
		}
	}
	f.Fuzz(func(t *testing.T, text string, at, drop uint16, mix bool) {
		candidates := []string{text}
		for _, good := range []string{g.RefreshToken, next, cookie} {
			if mix { // the message of one behind the prefix of the other
				good = map[bool]string{true: "js1_", false: "jr1_"}[good != cookie] + good[4:]
			}
			i := int(at) % (len(good) + 1)
			candidates = append(candidates, good[:i]+text+good[min(len(good), i+int(drop)):])
		}
		for _, candidate := range candidates {
			n, sealed := tokens[candidate]
			ref, err := r.Parse(candidate)
			if (err == nil) != sealed || err == nil && (ref.SID != g.Session.ID || ref.N != n) {
				t.Errorf("token %q: %+v, %v", candidate, ref, err)
			}
			if err != nil && !errors.Is(err, session.ErrInvalidToken) {
				t.Errorf("got %v, want ErrInvalidToken", err)
			}
			sid, err := r.ParseCookie(candidate)
			if (err == nil) != (candidate == cookie) || err == nil && sid != g.Session.ID {
				t.Errorf("cookie %q: %q, %v", candidate, sid, err)
			}
			if err != nil && !errors.Is(err, session.ErrInvalidToken) {
				t.Errorf("got %v, want ErrInvalidToken", err)
			}
		}
	})
}
