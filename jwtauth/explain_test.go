package jwtauth_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"golang.org/x/crypto/bcrypt"

	"github.com/caddy-jwtauth/caddy-jwtauth/internal/testcaddy"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/explain"
)

// explained asks the running config a question.
func explained(t *testing.T, q jwtauth.Question) (explain.Answer, error) {
	t.Helper()
	app, err := caddy.ActiveContext().App(jwtauth.AppName)
	if err != nil {
		t.Fatal(err)
	}
	q.Realm = jwtauth.DefaultRealm
	return app.(*jwtauth.App).Explain(context.Background(), q)
}

// siteMaker writes sites of directives, matchers and paths by chance. Every handler that
// answers has a status of its own.
type siteMaker struct {
	*rand.Rand
	backend string // the address of an upstream
	hash    string // of the password of basic_auth
	lines   []string
	names   int
	status  int
}

func pick[T any](m *siteMaker, of ...T) T { return of[m.IntN(len(of))] }

func (m *siteMaker) add(format string, args ...any) {
	m.lines = append(m.lines, fmt.Sprintf(format, args...))
}

func (m *siteMaker) path() string {
	return pick(m, "/a", "/a/*", "/a/b", "/a/b/*", "/b", "/b/*", "/a*", "/", "/page.html", "/sub/*", "/login", "*")
}

// matcher is nothing, a path, or the name of a matcher that it writes.
func (m *siteMaker) matcher(afterGuard bool) string {
	switch m.IntN(5) {
	case 0, 1:
		return ""
	case 2, 3:
		return m.path()
	}
	m.names++
	name := "@m" + strconv.Itoa(m.names)
	conditions := []string{
		"path " + m.path() + " " + pick(m, "*.html", "/b/*"), "not path " + m.path(), "method GET HEAD", "not method GET", "path_regexp ^/a",
		"expression path('/a/*') || path('/b')", "header X-Known v", "not host other.test",
	}
	if afterGuard {
		conditions = append(conditions, "jwt_role admin", "not jwt_role admin", "expression `jwt_role('admin') && path('/a*')`", "vars {http.auth.user.id} alice")
	}
	m.add("%s %s", name, pick(m, conditions...))
	return name
}

func (m *siteMaker) next() int {
	m.status++
	return 230 + m.status%70
}

func (m *siteMaker) block(head string, depth int) {
	m.add("%s {", head) // after the matcher that it names
	for range 1 + m.IntN(3) {
		m.directive(depth + 1)
	}
	m.add("}")
}

func (m *siteMaker) directive(depth int) {
	kind := m.IntN(26)
	if depth > 2 && kind >= 20 {
		kind -= 20
	}
	switch kind {
	case 0, 1, 2, 3, 4:
		m.add("jwt_auth %s %s {", m.matcher(false), pick(m, "", "", "admin"))
		m.add("%s\n}", pick(m, "", "", "errors site", "login off", "paths as_matched", "set_header X-User {http.auth.user.id}"))
	case 5:
		m.add("jwt_auth {\noptional\n}")
	case 6, 7, 8:
		m.add("respond %s x %d", m.matcher(true), m.next())
	case 9, 10:
		m.add("file_server %s {\nroot <DIR>/%s\nstatus %d\n}", m.matcher(true), pick(m, "one", "two"), m.next())
	case 11:
		m.add("reverse_proxy %s %s", m.matcher(true), m.backend)
	case 12:
		m.add("rewrite %s %s", m.matcher(false), pick(m, "/a", "/a/b{uri}", "/b/x", "/page.html", "/sub/"))
	case 13:
		m.add("uri %s", pick(m, "strip_prefix /a", "replace /b /a", "strip_suffix .html"))
	case 14:
		m.add("redir %s /b/target %d", m.matcher(true), pick(m, 302, 308))
	case 15:
		m.add("error %s %d", m.path(), pick(m, 404, 451))
	case 16:
		m.add("try_files {path} {path}.html /page.html")
	case 17:
		m.add("%s", pick(m, "header X-Site a", "request_header X-Known v", "encode", "vars tenant one", "root <DIR>/one", "method GET", "map {path} {kind} {\n/a one\ndefault two\n}"))
	case 18:
		m.add("basic_auth %s {\nuser %s\n}", m.path(), m.hash)
	case 19:
		m.add("token_server %s", pick(m, "", "{\nbase_path /b\n}", "{\npages off\n}"))
	case 20, 21:
		m.block("handle "+m.matcher(true), depth)
	case 22:
		m.block("handle_path "+pick(m, "/a/*", "/b/*"), depth)
	case 23:
		m.block("route "+m.matcher(true), depth)
	case 24:
		m.add("forward_auth %s %s {\nuri /check\n}", m.path(), m.backend)
	case 25:
		m.add("intercept {\n@found status 2xx\nhandle_response @found {\nrespond %s x %d\n}\n}", pick(m, "", "/a*"), m.next())
	}
}

func (m *siteMaker) site(host string) string {
	m.lines, m.names, m.status = nil, 0, 0
	for range 2 + m.IntN(5) {
		m.directive(0)
	}
	if m.IntN(3) == 0 {
		m.add("handle_errors %s {", pick(m, "", "404", "401 403"))
		if m.IntN(3) == 0 {
			m.add("rewrite * %s", pick(m, "/page.html", "/a"))
		}
		m.add("%s\n}", pick(m, "respond x "+strconv.Itoa(m.next()), "respond x", "file_server {\nroot <DIR>/one\n}", "jwt_auth\nrespond y"))
	}
	if m.IntN(4) == 0 {
		m.add("invoke %s", pick(m, "shared", "closed"))
	}
	return "http://" + host + ":<PORT> {\nbind 127.0.0.1\n" + strings.Join(m.lines, "\n") + "\n}\n"
}

// TestExplainDiffers: for sites that were made by chance, what is told of a request is
// what becomes of it: whether a guard refuses it, and which handler answers.
func TestExplainDiffers(t *testing.T) {
	const seed, perConfig = 12, 40
	configs := 50
	if testing.Short() {
		configs = 5
	}
	hash, err := bcrypt.GenerateFromPassword([]byte("password of basic_auth"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Header().Set("X-Upstream", r.URL.Path) }))
	t.Cleanup(backend.Close)
	s := newServer(t)
	for _, file := range []string{"one/page.html", "one/a/b", "one/sub/index.html", "two/page.html", "two/b/x", "two/index.html"} {
		path := filepath.Join(s.dir, filepath.FromSlash(file))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(file), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	m := &siteMaker{Rand: rand.New(rand.NewPCG(seed, seed)), backend: strings.TrimPrefix(backend.URL, "http://"), hash: string(hash)}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	t.Cleanup(client.CloseIdleConnections)
	var sites, asked, refusals, wrong int
	for range configs {
		made := make(map[string]string)
		for i := range perConfig {
			host := fmt.Sprintf("h%d.test", i)
			made[host] = m.site(host)
		}
		s.loadSome(made)
		client.CloseIdleConnections() // a port may be that of a config before
		sites += len(made)
		tokens := map[string]string{"": "", "alice": s.signIn("alice").Access, "bob": s.signIn("bob").Access}
		for _, host := range slices.Sorted(maps.Keys(made)) {
			for _, path := range []string{"/", "/a", "/a/", "/a/x", "/a/b", "/a/b/c.html", "/b/x", "/page.html", "/page", "/sub", "/login", "/b/login", "/a;x/b", "/none"} {
				for _, name := range []string{"", "alice", "bob"} {
					token := tokens[name]
					if name == "bob" && m.IntN(2) == 0 {
						continue
					}
					method := pick(m, "GET", "GET", "POST")
					q := jwtauth.Question{Method: method, URL: "http://" + host + ":" + s.vars["<PORT>"] + path, User: name, Nobody: name == ""}
					answer, err := explained(t, q)
					if err != nil {
						t.Fatal(err)
					}
					got := sendTo(t, client, s, made[host], q, token)
					asked++
					if got.refused {
						refusals++
					}
					if text := got.differsFrom(answer.Cases[0]); text != "" {
						wrong++
						told, _ := json.MarshalIndent(answer.Cases[0], "", " ")
						t.Errorf("%s %s as %q: %s\n%s\n%s", method, q.URL, name, text, told, made[host])
						if wrong > 5 {
							t.Fatal("and so on")
						}
					}
				}
			}
		}
	}
	t.Logf("%d sites, %d requests, of which %d were refused", sites, asked, refusals)
	if refusals < asked/20 || refusals > asked*19/20 {
		t.Errorf("of %d requests %d were refused", asked, refusals)
	}
}

// loadSome loads sites, without those that the module refuses.
func (s *server) loadSome(sites map[string]string) {
	s.t.Helper()
	for range 20 {
		var text strings.Builder
		text.WriteString("{\n<GLOBAL>\njwtauth {\nstore memory\n<USERS>\n}\n}\n&(shared) {\nrespond /a* x 390\n}\n&(closed) {\njwt_auth\nrespond /b* x 391\n}\n" +
			"http://auth.test:<PORT> {\nbind 127.0.0.1\ntoken_server\n}\n")
		for _, site := range sites {
			text.WriteString(site)
		}
		port := testcaddy.FreePort(s.t)
		s.vars["<PORT>"] = strconv.Itoa(port)
		err := s.tryLoad(text.String())
		if err == nil {
			return
		}
		bad := regexp.MustCompile(`(?m)h\d+\.test`).FindAllString(err.Error(), -1)
		if len(bad) == 0 {
			s.t.Fatal(err)
		}
		for _, host := range bad {
			delete(sites, host)
		}
	}
	s.t.Fatal("no config can be loaded")
}

// sent is what became of a request.
type sent struct {
	status   int
	refused  bool
	upstream string
	broken   bool // there was no answer
}

func sendTo(t *testing.T, client *http.Client, s *server, site string, q jwtauth.Question, token string) sent {
	t.Helper()
	r, err := http.NewRequest(q.Method, q.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = r.URL.Host
	r.URL.Host = s.address()
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := testcaddy.Do(client, r)
	if err != nil && !strings.Contains(site, "intercept") {
		// The connection was one of a config before that had the same port.
		answer, err = testcaddy.Do(client, r)
	}
	if err != nil && strings.Contains(site, "intercept") {
		// It panics where nothing answers, and sends the length of the first answer with the
		// body of the second.
		return sent{broken: true}
	}
	if err != nil {
		t.Fatalf("%s\n%v", site, err)
	}
	status := answer.StatusCode
	refused := status == 401 || status == 403 || answer.Header.Get("WWW-Authenticate") != ""
	return sent{status: status, refused: refused, upstream: answer.Header.Get("X-Upstream")}
}

// differsFrom says where what was told is not what became of the request.
func (s sent) differsFrom(c explain.Case) string {
	for _, condition := range c.Conditions {
		if strings.Contains(condition, "the credential that") {
			return "" // the tester has none
		}
		if strings.Contains(condition, "200 as the answer of") && s.status != 200 && !strings.Contains(condition, "upstream") {
			return "" // it was another one
		}
	}
	switch {
	case s.broken:
	case s.refused != (c.RefusedBy != ""):
		return fmt.Sprintf("refused: %t, with %d", s.refused, s.status)
	case c.Status != 0 && c.Status != s.status:
		return fmt.Sprintf("answered with %d", s.status)
	case strings.Contains(c.AnsweredBy, "handle_response"):
		// intercept leaves the headers of the answer before.
	case strings.Contains(c.AnsweredBy, "reverse_proxy") != (s.upstream != ""):
		return fmt.Sprintf("the upstream got %q", s.upstream)
	case s.upstream != "" && c.Path != s.upstream:
		return fmt.Sprintf("the upstream got %q", s.upstream)
	case strings.Contains(c.AnsweredBy, "token_server") && s.status >= 230 && s.status < 300:
		return fmt.Sprintf("answered with %d, not by the token server", s.status)
	}
	return ""
}
