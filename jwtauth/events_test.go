package jwtauth_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"

	"github.com/caddy-jwtauth/caddy-jwtauth/internal/testcaddy"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth"
)

func init() { caddy.RegisterModule(new(eventCaller)) }

// eventCaller is a handler of Caddy's events that calls the realm of the event, by
// its admin API and, where that is set, by a sign-in.
type eventCaller struct{ ctx caddy.Context }

// called is what the handler did, by event.
var called struct {
	sync.Mutex
	signIn   func() error
	running  bool // the events of the handler's own calls are not handled
	by       map[string]int
	failures []string
}

func (*eventCaller) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "events.handlers.test_call", New: func() caddy.Module { return new(eventCaller) }}
}

func (c *eventCaller) Provision(ctx caddy.Context) error {
	c.ctx = ctx
	return nil
}

func (*eventCaller) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	return nil
}

func (c *eventCaller) Handle(_ context.Context, e caddy.Event) error {
	called.Lock()
	if called.running {
		called.Unlock()
		return nil
	}
	called.running = true
	signIn := called.signIn
	called.Unlock()

	done := make(chan []string, 1)
	go func() { done <- c.call(fmt.Sprint(e.Data["realm"]), signIn) }()
	var failures []string
	select {
	case failures = <-done:
	case <-time.After(5 * time.Second):
		failures = []string{"the realm does not answer its own handler"}
	}
	called.Lock()
	defer called.Unlock()
	called.running = false
	called.by[e.Name()]++
	for _, failure := range failures {
		called.failures = append(called.failures, e.Name()+": "+failure)
	}
	return nil
}

func (c *eventCaller) call(realm string, signIn func() error) (failures []string) {
	app, err := c.ctx.App(jwtauth.AppName)
	if err != nil {
		return []string{err.Error()}
	}
	for _, request := range [][2]string{
		{"GET", "/keys"}, {"GET", "/users"}, {"GET", "/sessions"}, {"POST", "/inspect"}, {"PATCH", "/user?name=frank"}, {"DELETE", "/sessions?user=frank"}, {"POST", "/keys/rotate"},
	} {
		w := httptest.NewRecorder()
		app.(*jwtauth.App).AdminHandler().ServeHTTP(w, httptest.NewRequest(request[0], "/jwtauth/"+realm+request[1], strings.NewReader("{}")))
		if w.Code != http.StatusOK && w.Code != http.StatusConflict { // keys of the config are not rotated
			failures = append(failures, fmt.Sprint(request, w.Code, w.Body))
		}
	}
	if signIn != nil {
		if err := signIn(); err != nil {
			failures = append(failures, err.Error())
		}
	}
	return failures
}

var (
	_ caddy.Provisioner   = (*eventCaller)(nil)
	_ caddyevents.Handler = (*eventCaller)(nil)
)

// TestEventHandlersMayCallTheRealm, whatever the event is: they run under no lock,
// in no hashing slot, and not before the realm is open.
func TestEventHandlersMayCallTheRealm(t *testing.T) {
	const realm = "events-call"
	called.Lock()
	called.by, called.failures, called.signIn = make(map[string]int), nil, nil
	called.Unlock()
	s := newServer(t)
	s.vars["<REALM>"] = realm
	s.vars["<EVENTS>"] = strings.ReplaceAll(eventsOption(), "test_record", "test_call")
	file := filepath.Join(s.dir, "users.json")
	writeUsers := func(hash string) {
		t.Helper()
		// Of another size each time, and by a rename, so that the change is seen.
		text := `{"users":[{"username":"gina","password_hash":"` + hash + `"}]}` + strings.Repeat(" ", len(called.by))
		if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
	}
	writeUsers(secretHash)
	s.vars["<FILE>"] = file
	options := "refresh_token_grace 0\nthrottle off\npassword_hash {\nslots 1\n}\n<USERS>\nusers_file <FILE>"
	s.loadWatched(options)
	admin := func(method, path, body string) {
		t.Helper()
		if status, text := jwtauth.AskAdmin(method, "/jwtauth/"+realm+path, body); status != http.StatusOK {
			t.Fatalf("%s %s: %d %s", method, path, status, text)
		}
	}
	called.Lock()
	called.running = true // until frank is there
	called.Unlock()
	admin("POST", "/users", `{"username":"frank","password":"a-password-of-frank"}`)
	called.Lock()
	called.running = false
	called.signIn = func() error {
		a, err := s.try("POST", "/token", "username=bob&password=password", header("Content-Type", "application/x-www-form-urlencoded"))
		if err == nil && a.StatusCode != http.StatusOK {
			err = fmt.Errorf("signing in: %d %s", a.StatusCode, a.Body)
		}
		return err
	}
	called.Unlock()

	m := s.form("/token", rightSignIn).want(t, http.StatusOK).json(t)
	s.form("/token", wrongSignIn)
	s.form("/refresh", "refresh_token="+m["refresh_token"].(string)).want(t, http.StatusOK)
	s.form("/refresh", "refresh_token="+m["refresh_token"].(string)).want(t, http.StatusUnauthorized)
	admin("POST", "/users", `{"username":"dave","password":"a-password-of-dave"}`)
	in := s.form("/login", "username=dave&password=a-password-of-dave", html()).want(t, http.StatusSeeOther)
	held := in.sessionCookie(t)
	held = s.form("/account/password", "current_password=a-password-of-dave&new_password=another-of-dave&repeat_password=another-of-dave", held).
		want(t, http.StatusSeeOther).wantHeader(t, "Location", "/account?done=password").sessionCookie(t)
	s.form("/account/sessions/revoke-others", "", held).want(t, http.StatusSeeOther)
	s.form("/logout", "", held).want(t, http.StatusSeeOther)
	token := s.form("/token", "username=dave&password=another-of-dave").want(t, http.StatusOK).json(t)["access_token"].(string)
	s.form("/revoke", "token="+token).want(t, http.StatusOK)
	admin("PATCH", "/user?name=dave", `{"password":"a-third-of-dave","end_sessions":true}`)
	admin("DELETE", "/user?name=dave", "")
	seen := func(name string) int {
		called.Lock()
		defer called.Unlock()
		return called.by[name]
	}
	admin("POST", "/keys/rotate", `{"now":true}`)
	admin("POST", "/keys/revoke", "")

	// By a users file, and by reloads.
	before := seen("jwtauth_user_changed")
	writeUsers(passwordHash)
	testcaddy.Eventually(t, "the event of the users file", func() bool { return seen("jwtauth_user_changed") > before })
	called.Lock()
	called.signIn = nil // the http app may not be listening yet
	by := maps.Clone(called.by)
	called.Unlock()
	s.vars["<USERS>"] = strings.Replace(commonUsers, "scope read\n\t}\n\tuser carol", "scope read\ndisabled\n\t}\n\tuser carol", 1)
	s.loadWatched(options + "\nsigning_key HS256 0123456789abcdef0123456789abcdef")
	called.Lock()
	defer called.Unlock()
	for _, name := range []string{"jwtauth_user_changed", "jwtauth_signing_key_changed"} {
		if called.by[name] != by[name]+1 {
			t.Errorf("%s by a reload: %d, want %d", name, called.by[name], by[name]+1)
		}
	}
	if missing := slices.DeleteFunc(jwtauth.EventNames(), func(name string) bool { return called.by[name] > 0 }); len(missing) > 0 {
		t.Errorf("not seen: %v", missing)
	}
	for _, failure := range called.failures {
		t.Error(failure)
	}
}
