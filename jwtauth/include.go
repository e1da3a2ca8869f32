package jwtauth

import (
	"crypto/rand"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

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

//
// A page that includes what a guard let one user see is for that user, too: its answer
// gets the marks of the included one, so that no cache shows it to the next.

// includes are the requests that may include others.
type includes struct {
	on atomic.Bool // set for a config with templates
	mu sync.Mutex
	of map[string]including
}

// including is a request that may include others, by the goroutine that answers it.
type including struct {
	*requestState
	request *http.Request
}

// restore gives a request that is included the cookies of the one that it is for. Where
// several are above it, any of them has the same.
func (i *includes) restore(r *http.Request, state *requestState) {
	for name, values := range r.Header {
		id, ok := strings.CutPrefix(name, includeHeader)
		if !ok || len(values) > 0 {
			continue
		}
		i.mu.Lock()
		outer, known := i.of[id]
		i.mu.Unlock()
		if known {
			state.Restore(outer.Cookies())
			state.includedIn = append(state.includedIn, outer)
		}
	}
}

// markOuter gives the answers of the requests that this one is included in its marks.
func (s *requestState) markOuter(m guard.Marks) {
	for _, outer := range s.includedIn {
		if outer.passed != nil {
			outer.passed.Include(outer.request, m)
		}
	}
}

// offer lets the requests that r includes find its state, until done is called.
func (i *includes) offer(r *http.Request, s *requestState) (done func()) {
	id := rand.Text()
	i.mu.Lock()
	i.of[id] = including{s, r}
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
	if !i.on.Load() || s.offered {
		return next
	}
	s.offered = true
	return caddyhttp.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		defer i.offer(r, s)()
		return next.ServeHTTP(w, r)
	})
}
