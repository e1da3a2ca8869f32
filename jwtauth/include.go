package jwtauth

import (
	"crypto/rand"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/cookie"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/guard"
)

// httpInclude of Caddy's templates asks the server for another page by a request of its
// own, with the header of the one that it is for. The session cookie is taken out of that
// by then, so a guard of the page would refuse a browser that is signed in. Nothing but
// the header is handed on; so there stands, while such a request is passed on, a name
// without a value, by which the cookies are found here. No client can send one: a field of
// a request has a value always, if an empty one. And none is sent on to an upstream, since
// what is written of a header are its values.

// includeHeader begins the names of such fields.
const includeHeader = "Jwtauth-Include-"

// includes are the cookies of requests that may include others.
type includes struct {
	on atomic.Bool // set for a config with templates
	mu sync.Mutex
	of map[string]cookie.Taken
}

// restore gives a request that is included the cookies of the one that it is for.
func (i *includes) restore(r *http.Request, state *requestState) {
	for name, values := range r.Header {
		id, ok := strings.CutPrefix(name, includeHeader)
		if !ok || len(values) > 0 {
			continue
		}
		i.mu.Lock()
		cookies, known := i.of[id]
		i.mu.Unlock()
		if known {
			state.Restore(cookies)
		}
	}
}

// offer lets the requests that r includes find its cookies, until done is called.
func (i *includes) offer(r *http.Request, cookies cookie.Taken) (done func()) {
	id := rand.Text()
	i.mu.Lock()
	i.of[id] = cookies
	i.mu.Unlock()
	r.Header[includeHeader+id] = nil
	return func() {
		delete(r.Header, includeHeader+id)
		i.mu.Lock()
		delete(i.of, id)
		i.mu.Unlock()
	}
}

// clean cleans a request; see [guard.Request.Clean].
func (s *requestState) clean(r *http.Request, realm *Realm, owned guard.HeaderNames) {
	if i := realm.app.includes; i.on.Load() {
		i.restore(r, s)
	}
	s.Clean(r, realm.parsed.upgrade, owned)
}

// including wraps the next handler so that it can include guarded pages.
func (a *App) including(next caddyhttp.Handler, s *requestState) caddyhttp.Handler {
	i := a.includes
	if !i.on.Load() || s.offered || len(s.Cookies()) == 0 {
		return next
	}
	s.offered = true
	return caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		defer i.offer(r, s.Cookies())()
		return next.ServeHTTP(w, r)
	})
}
