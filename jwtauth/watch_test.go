package jwtauth_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth"
)

func init() { caddy.RegisterModule(new(eventRecorder)) }

// eventRecorder is a handler of Caddy's events that remembers them.
type eventRecorder struct{}

var recorded struct {
	sync.Mutex
	events []map[string]any
}

func (*eventRecorder) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "events.handlers.test_record", New: func() caddy.Module { return new(eventRecorder) }}
}

func (*eventRecorder) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	return nil
}

func (*eventRecorder) Handle(_ context.Context, e caddy.Event) error {
	recorded.Lock()
	defer recorded.Unlock()
	event := maps.Clone(e.Data)
	event["name"] = e.Name()
	recorded.events = append(recorded.events, event)
	return nil
}

var _ caddyevents.Handler = (*eventRecorder)(nil)

// watched is a site in front of a realm of that name, with metrics at /metrics
// and its events recorded. Each test has a realm of its own, since counters go on.
func watched(t *testing.T, realm, options string) *server {
	t.Helper()
	s := newServer(t)
	s.vars["<EVENTS>"] = eventsOption()
	s.vars["<REALM>"] = realm
	s.loadWatched(options)
	return s
}

// recordEvents forgets what was recorded, and returns what gives the events that
// are recorded from now on.
func recordEvents() func() []map[string]any {
	recorded.Lock()
	defer recorded.Unlock()
	recorded.events = nil
	return func() []map[string]any {
		recorded.Lock()
		defer recorded.Unlock()
		return slices.Clone(recorded.events)
	}
}

func (s *server) loadWatched(options string) {
	s.t.Helper()
	s.load("{\n<GLOBAL>\n<EVENTS>\njwtauth <REALM> {\nstore memory\n" + options + "\n}\n}\n" + s.site(`
		token_server {
			realm <REALM>
		}
		jwt_auth /in {
			realm <REALM>
		}
		jwt_auth /admin admin {
			realm <REALM>
		}
		handle /metrics {
			metrics
		}
		handle {
			respond ok
		}
	`))
}

// eventsOption is the global option that has all events of the module recorded.
func eventsOption() string {
	var lines strings.Builder
	for _, name := range jwtauth.EventNames() {
		lines.WriteString("on " + name + " test_record\n")
	}
	return "events {\n" + lines.String() + "}\n"
}

// metrics returns the samples of the realm, without its label.
func (s *server) metrics(realm string) map[string]float64 {
	s.t.Helper()
	samples := make(map[string]float64)
	for line := range strings.Lines(s.get("/metrics").want(s.t, http.StatusOK).Body) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		of := `realm="` + realm + `"`
		if !strings.HasPrefix(name, "caddy_jwtauth_") || !strings.Contains(name, of) {
			continue
		}
		number, err := strconv.ParseFloat(value, 64)
		if err != nil {
			s.t.Fatalf("%s: %v", line, err)
		}
		name = strings.NewReplacer(","+of, "", of+",", "", "{"+of+"}", "", "caddy_jwtauth_", "").Replace(name)
		if _, twice := samples[name]; twice {
			s.t.Errorf("%s is there twice", name)
		}
		samples[name] = number
	}
	return samples
}

func wantSamples(t *testing.T, got, want map[string]float64) {
	t.Helper()
	for name, value := range want {
		if sample, ok := got[name]; !ok || sample != value {
			t.Errorf("%s is %v (%v), want %v", name, sample, ok, value)
		}
	}
}

// TestMetrics: what was done is what is counted, also after ten reloads.
func TestMetrics(t *testing.T) {
	const realm = "watch-metrics"
	s := watched(t, realm, "refresh_token_grace 0\n<USERS>")
	m := s.form("/token", "username=alice&password=secret").want(t, http.StatusOK).json(t)
	access, refresh := m["access_token"].(string), m["refresh_token"].(string)
	for range 3 {
		s.get("/in", bearer(access)).want(t, http.StatusOK)
	}
	s.form("/token", "username=alice&password=wrong").want(t, http.StatusUnauthorized)
	s.form("/token", "username=nobody&password=wrong").want(t, http.StatusUnauthorized)
	s.form("/token", "username=carol&password=password").want(t, http.StatusBadRequest)
	in := s.form("/login", "username=bob&password=password", html()).want(t, http.StatusSeeOther)
	held := cookie("jwtauth_" + realm + "=" + in.Cookies()[0].Value)
	s.get("/in", held).want(t, http.StatusOK)
	s.get("/in", held).want(t, http.StatusOK)
	s.get("/admin", held).want(t, http.StatusForbidden)
	s.get("/in").want(t, http.StatusUnauthorized)
	s.get("/in", bearer("garbage")).want(t, http.StatusUnauthorized)
	s.get("/in", bearer(access[:len(access)-4]+"AAAA")).want(t, http.StatusUnauthorized)
	s.form("/refresh", "refresh_token="+refresh).want(t, http.StatusOK)
	s.form("/refresh", "refresh_token="+refresh).want(t, http.StatusUnauthorized) // theft
	s.get("/in", bearer(access)).want(t, http.StatusUnauthorized)

	want := map[string]float64{
		`issued_total{credential="token"}`:                 2,
		`issued_total{credential="cookie"}`:                1,
		`verified_total{cache="miss",credential="token"}`:  2,
		`verified_total{cache="hit",credential="token"}`:   1,
		`verified_total{cache="miss",credential="cookie"}`: 2,
		`verified_total{cache="hit",credential="cookie"}`:  1,
		`refused_total{reason="no_credential"}`:            1,
		`refused_total{reason="malformed"}`:                1,
		`refused_total{reason="signature"}`:                1,
		`refused_total{reason="role"}`:                     1,
		`refused_total{reason="revoked"}`:                  1,
		`refused_total{reason="other"}`:                    0,
		`sign_ins_total{result="success"}`:                 2,
		`sign_ins_total{result="credentials"}`:             2,
		`sign_ins_total{result="disabled"}`:                1,
		`events_total{event="sign_in"}`:                    2,
		`events_total{event="sign_in_failed"}`:             3,
		`events_total{event="refresh_theft"}`:              1,
		`sessions`:                                         1,
		`denied`:                                           1,
		`hashing_slots`:                                    1,
		`hashing_slots_in_use`:                             0,
		`hashing_slots_waiting`:                            0,
	}
	got := s.metrics(realm)
	wantSamples(t, got, want)
	if got[`cache_bytes{credential="token"}`] == 0 || got[`cache_bytes{credential="cookie"}`] == 0 {
		t.Errorf("nothing is in the caches: %v", got)
	}
	for i := range 10 {
		s.loadWatched("refresh_token_grace 0\n<USERS>\naccess_token_lifetime " + fmt.Sprint(10+i) + "m")
	}
	again := s.metrics(realm)
	wantSamples(t, again, want)
	if len(again) != len(got) {
		t.Errorf("%d samples have become %d", len(got), len(again))
	}
	s.form("/token", "username=alice&password=secret").want(t, http.StatusOK)
	wantSamples(t, s.metrics(realm), map[string]float64{`sign_ins_total{result="success"}`: 3, "sessions": 2})
	s.wantQuietLog()
}

// What a request says never becomes a label.
func TestMetricsAreBounded(t *testing.T) {
	const realm = "watch-bounded"
	s := watched(t, realm, "throttle off\n<USERS>")
	before := slices.Sorted(maps.Keys(s.metrics(realm)))
	for i := range 50 {
		odd := fmt.Sprintf("odd%d", i)
		s.form("/token", "username="+odd+"&password="+odd+"&grant_type="+odd)
		s.form("/token", "username="+odd+"&password="+odd)
		s.form("/token", "username=alice&password=secret&client_id="+odd+"&client_secret="+odd)
		s.form("/refresh", "refresh_token="+odd)
		s.form("/revoke", "token="+odd)
		s.do("POST", "/"+odd, bearer(odd))
		s.do(strings.ToUpper(odd), "/in", bearer(odd), header("User-Agent", odd), header("Origin", "https://"+odd))
		s.get("/in", cookie("jwtauth_"+realm+"="+odd), host(odd))
	}
	if after := slices.Sorted(maps.Keys(s.metrics(realm))); !slices.Equal(before, after) {
		t.Errorf("%d samples have become %d: %v", len(before), len(after), after)
	}
}

// audited returns the audit log's lines of a realm, without what differs from run
// to run.
func (s *server) audited(realm string) (lines []map[string]any) {
	s.t.Helper()
	for line := range strings.Lines(s.log()) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			s.t.Fatalf("a line of the log is not JSON: %s", line)
		}
		if entry["logger"] != "jwtauth.audit" || entry["realm"] != realm {
			continue
		}
		if entry["level"] != "info" {
			s.t.Errorf("the level of %s", line)
		}
		entry["name"] = "jwtauth_" + entry["msg"].(string)
		for _, name := range []string{"logger", "level", "ts", "msg"} {
			delete(entry, name)
		}
		lines = append(lines, entry)
	}
	return lines
}

// TestAudit: each event is a line of the log and an event of Caddy's, with the
// same words; whoever did not sign in is not named by what they typed.
func TestAudit(t *testing.T) {
	const realm = "watch-audit"
	s := watched(t, realm, "refresh_token_grace 0\n<USERS>")
	events := recordEvents()
	admin := func(method, path, body string) {
		t.Helper()
		if status, text := jwtauth.AskAdmin(method, "/jwtauth/"+realm+path, body); status != http.StatusOK {
			t.Fatalf("%s %s: %d %s", method, path, status, text)
		}
	}
	m := s.form("/token", "username=alice&password=secret").want(t, http.StatusOK).json(t)
	s.form("/token", "username=alice&password=wrong")
	s.form("/token", "username=pa55word-in-the-wrong-field&password=x")
	s.form("/token", "username=alice&password=secret&client_id=nobody&client_secret=x")
	s.form("/refresh", "refresh_token="+m["refresh_token"].(string)).want(t, http.StatusOK)
	s.form("/refresh", "refresh_token="+m["refresh_token"].(string)).want(t, http.StatusUnauthorized)

	admin("POST", "/users", `{"username":"dave","password":"a-password-of-dave"}`)
	in := s.form("/login", "username=dave&password=a-password-of-dave", html()).want(t, http.StatusSeeOther)
	held := cookie("jwtauth_" + realm + "=" + in.Cookies()[0].Value)
	changed := s.form("/account/password", "current_password=a-password-of-dave&new_password=another-of-dave&repeat_password=another-of-dave", held).
		want(t, http.StatusSeeOther).wantHeader(t, "Location", "/account?done=password")
	held = cookie("jwtauth_" + realm + "=" + changed.Cookies()[0].Value)
	s.form("/account/sessions/revoke-others", "", held).want(t, http.StatusSeeOther)
	s.form("/logout", "", held).want(t, http.StatusSeeOther)
	token := s.form("/token", "username=dave&password=another-of-dave").want(t, http.StatusOK).json(t)["access_token"].(string)
	s.form("/revoke", "token="+token).want(t, http.StatusOK)
	admin("PATCH", "/user?name=dave", `{"roles":["user"],"end_sessions":true}`)
	admin("PATCH", "/user?name=dave", `{"password":"a-third-of-dave"}`)
	admin("DELETE", "/sessions?user=dave", "")
	admin("DELETE", "/user?name=dave", "")
	admin("POST", "/keys/rotate", `{"now":true}`)
	s.form("/token", "username=alice&password=secret").want(t, http.StatusOK)
	admin("POST", "/keys/revoke", "")

	const ip = "127.0.0.1"
	want := []map[string]any{
		{"name": "jwtauth_sign_in", "user": "alice", "via": "password", "client_ip": ip},
		{"name": "jwtauth_sign_in_failed", "user": "alice", "via": "password", "reason": "credentials", "client_ip": ip},
		{"name": "jwtauth_sign_in_failed", "via": "password", "reason": "credentials", "client_ip": ip},
		{"name": "jwtauth_sign_in_failed", "via": "client_secret", "reason": "credentials", "client_ip": ip},
		{"name": "jwtauth_refresh_theft", "user": "alice", "via": "password", "client_ip": ip},
		{"name": "jwtauth_user_added", "user": "dave", "by": "admin"},
		{"name": "jwtauth_sign_in", "user": "dave", "via": "form", "client_ip": ip},
		{"name": "jwtauth_password_changed", "user": "dave", "via": "account", "client_ip": ip},
		{"name": "jwtauth_sessions_revoked", "user": "dave", "via": "form", "client_ip": ip, "ended": 0.0},
		{"name": "jwtauth_session_revoked", "user": "dave", "via": "form", "client_ip": ip},
		{"name": "jwtauth_sign_in", "user": "dave", "via": "password", "client_ip": ip},
		{"name": "jwtauth_token_revoked", "via": "password", "client_ip": ip},
		{"name": "jwtauth_sessions_revoked", "user": "dave", "by": "admin", "ended": 1.0},
		{"name": "jwtauth_user_changed", "user": "dave", "by": "admin"},
		{"name": "jwtauth_password_changed", "user": "dave", "by": "admin"},
		{"name": "jwtauth_user_changed", "user": "dave", "by": "admin"},
		{"name": "jwtauth_sessions_revoked", "user": "dave", "by": "admin", "ended": 0.0},
		{"name": "jwtauth_user_removed", "user": "dave", "by": "admin"},
		{"name": "jwtauth_signing_key_changed"},
		{"name": "jwtauth_keys_rotated", "by": "admin"},
		{"name": "jwtauth_sign_in", "user": "alice", "via": "password", "client_ip": ip},
		{"name": "jwtauth_signing_key_changed"},
		{"name": "jwtauth_keys_revoked", "by": "admin", "ended": 1.0},
	}
	hasSession := []string{
		"jwtauth_sign_in", "jwtauth_refresh_theft", "jwtauth_session_revoked", "jwtauth_token_revoked",
	}
	compare := func(where string, got []map[string]any) {
		t.Helper()
		for i, event := range got {
			if event["realm"] != realm {
				t.Errorf("%s: the realm of %v", where, event)
			}
			name, _ := event["name"].(string)
			if sid, _ := event["session"].(string); slices.Contains(hasSession, name) && len(sid) != 33 {
				t.Errorf("%s: %v names no session", where, event)
			}
			if key, _ := event["key"].(string); name == "jwtauth_signing_key_changed" && key == "" {
				t.Errorf("%s: %v names no key", where, event)
			}
			if ended, ok := event["ended"].(int); ok {
				event["ended"] = float64(ended)
			}
			for _, varies := range []string{"realm", "session", "key"} {
				delete(event, varies)
			}
			if i < len(want) && !maps.Equal(event, want[i]) {
				t.Errorf("%s: event %d is %v, want %v", where, i, event, want[i])
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: %d events, want %d: %v", where, len(got), len(want), got)
		}
	}
	compare("Caddy's events", events())
	compare("the log", s.audited(realm))
	if strings.Contains(s.log(), "pa55word") {
		t.Error("what was typed into the wrong field is in the log")
	}
	s.wantQuietLog()
}

// A flood of sign-ins must not become a flood of log lines: what was refused
// without a comparison is counted alone.
func TestFloodIsNotWrittenDown(t *testing.T) {
	const realm = "watch-flood"
	s := watched(t, realm, "throttle {\naddress_free 3\n}\n<USERS>")
	for range 20 {
		s.form("/token", "username=alice&password=wrong")
	}
	if n := len(s.audited(realm)); n != 3 {
		t.Errorf("%d lines", n)
	}
	wantSamples(t, s.metrics(realm), map[string]float64{
		`sign_ins_total{result="credentials"}`: 3, `sign_ins_total{result="address_throttled"}`: 17,
		`events_total{event="sign_in_failed"}`: 3,
	})
}

// A reload that changes users says whose sessions it ended.
func TestAuditOfReloads(t *testing.T) {
	const realm = "watch-reload"
	s := watched(t, realm, "<USERS>")
	s.form("/token", "username=bob&password=password").want(t, http.StatusOK)
	s.vars["<USERS>"] = strings.Replace(commonUsers, "scope read\n\t}\n\tuser carol", "scope read\ndisabled\n\t}\n\tuser carol", 1)
	s.loadWatched("<USERS>")
	lines := s.audited(realm)
	if n := len(lines); n != 2 || lines[1]["name"] != "jwtauth_user_changed" || lines[1]["user"] != "bob" || lines[1]["by"] != "config" {
		t.Errorf("%v", lines)
	}
}

// TestDocsNameWhatCanBeWatched: every metric, label and event, and no other.
func TestDocsNameWhatCanBeWatched(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), "\n## Metrics\n") // the audit log and events follow
	if !found {
		t.Fatal("README.md has no such section")
	}
	named := make(map[string]bool)
	for _, word := range regexp.MustCompile("`([a-z0-9_]+)`").FindAllStringSubmatch(section, -1) {
		named[word[1]] = true
	}
	metrics, words := jwtauth.Watchable()
	for _, name := range slices.Concat(metrics, words) {
		if !named[name] {
			t.Errorf("%s is not in README.md", name)
		}
	}
	for _, name := range regexp.MustCompile("caddy_jwtauth_[a-z_]+").FindAllString(section, -1) {
		if !slices.Contains(metrics, name) {
			t.Errorf("there is no metric %s", name)
		}
	}
	for _, rows := range regexp.MustCompile("(?m)^\\| ((?:`[a-z_]+`(?:, )?)+) \\|").FindAllStringSubmatch(section, -1) {
		for _, name := range regexp.MustCompile("[a-z_]+").FindAllString(rows[1], -1) {
			if !slices.Contains(slices.Concat(metrics, words), name) {
				t.Errorf("there is no %s", name)
			}
		}
	}
}
