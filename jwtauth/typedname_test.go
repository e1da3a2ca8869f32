package jwtauth_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// TestTypedName: people type passwords into the field for the name. Whatever was
// typed there, by every way in, and with the store failing at each of its calls,
// is in no log, event or metric.
func TestTypedName(t *testing.T) {
	if testing.Short() {
		t.Skip("half a minute of sign-ins with a failing store")
	}
	defer storeBreaksAfter.Store(-1)
	const realm = "typed-name"
	s := newServer(t)
	s.vars["<EVENTS>"] = eventsOption()
	events := recordEvents()
	s.load("{\n<GLOBAL>\n<EVENTS>\njwtauth " + realm + ` {
		store test_faulty
		throttle {
			account_free 2
			address_free 1000
		}
		<USERS>
		client app ` + secretHash + `
	}
	}
	` + s.site(`
		log {
			output file <DIR>/access.log
		}
		token_server {
			realm `+realm+`
		}
		jwt_auth /in {
			realm `+realm+`
			errors site
		}
		handle_errors {
			respond "{http.error} {http.auth.jwt_auth.error} {http.auth.user.id}"
		}
		handle /metrics {
			metrics
		}
		handle {
			respond ok
		}
	`))
	const canary = "canarytyped"
	names := []string{canary, canary + " alice", "alice " + canary, " " + canary, canary + "\x00", canary + "\n", `"` + canary + `"`,
		canary + "\u2028", canary + "\xff", strings.Repeat(canary, 300), "client\x00" + canary, "app\x00" + canary}
	basic := func(name string) option {
		return header("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(name+":"+canary)))
	}
	ways := map[string]func(name string) answer{
		"the grant": func(name string) answer {
			return s.form("/token", "username="+url.QueryEscape(name)+"&password=x")
		},
		"the form": func(name string) answer {
			return s.form("/login", "username="+url.QueryEscape(name)+"&password=x", html())
		},
		"a client in the body": func(name string) answer {
			return s.form("/token", rightSignIn+"&client_secret=x&client_id="+url.QueryEscape(name))
		},
		"a client in Basic": func(name string) answer { return s.form("/token", rightSignIn, basic(name)) },
		"a revoking client": func(name string) answer { return s.form("/revoke", "token=x", basic(name)) },
		"a right client": func(name string) answer {
			return s.form("/token", "username="+url.QueryEscape(name)+"&password=x&client_id=app&client_secret=secret")
		},
		"the guard": func(name string) answer { return s.get("/in", basic(name)) },
		"a bearer token": func(name string) answer {
			return s.get("/in", header("Authorization", "Bearer "+url.QueryEscape(name)))
		},
		"a cookie":        func(name string) answer { return s.get("/in", cookie("jwtauth_"+realm+"="+url.QueryEscape(name))) },
		"a sealed cookie": func(string) answer { return s.form("/refresh", "refresh_token="+canary) },
	}
	for way, send := range ways {
		for _, name := range names {
			for _, calls := range []int64{-1, 0, 1, 2, 3, 4, 5} {
				storeBreaksAfter.Store(calls)
				if a := send(name); a.StatusCode < 400 && a.StatusCode != http.StatusOK || a.StatusCode == http.StatusOK && way != "a revoking client" {
					t.Errorf("%s, %q: status %d", way, name, a.StatusCode)
				}
			}
		}
	}
	storeBreaksAfter.Store(-1)
	s.form("/token", wrongSignIn).want(t, http.StatusUnauthorized)
	gathered := s.get("/metrics").want(t, http.StatusOK).Body
	told := fmt.Sprint(events())
	s.stop()
	for what, text := range map[string]string{"the log": s.log(), "the access log": s.read("access.log"), "the metrics": gathered, "the events": told} {
		if len(text) < 200 {
			t.Errorf("%s: nothing there: %q", what, text)
		}
		if i := strings.Index(strings.ToLower(text), canary); i >= 0 {
			t.Errorf("%s: …%s…", what, text[max(0, i-200):min(len(text), i+100)])
		}
	}
	// A name that exists is one to look at.
	if !strings.Contains(told, "user:alice") {
		t.Errorf("the events do not name alice: %s", told)
	}
}
