package guard

import (
	"net/http"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/cookie"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/realm"
)

// Request is what the handlers of this module know of one request. One goroutine uses
// it at a time. The zero Request is one that no handler has seen.
type Request struct {
	// Principal is the one that the last guard found that let the request pass, nil if
	// there was none; Realm is the realm of that guard.
	Principal *policy.Principal
	Realm     *realm.Realm

	// identity are the identity headers that guards of this request have set.
	identity []string
	// cookies are the cookies of ours that were taken out of the request, by realm.
	cookies map[string]cookie.Taken
	// pages are the sign-in pages that this request's site serves.
	pages []signInPage
	page  [1]signInPage // the room for the first

	// own is what this module has made of the answer, nil for nothing.
	own *ownAnswer

	// What was done: cookies taken out, overrides cleared. plain is set if the request
	// asks for no other protocol.
	taken, cleared, plain bool
}

// ownAnswer is what few requests need, apart from the rest.
type ownAnswer struct {
	// refusal says why the last guard that refused did so.
	refusal string
	// request is the request that a handler of this module answers, nil for none.
	request *http.Request
	// cookies are the names and values of the cookies that this module has set.
	cookies []string
}

func (s *Request) answer() *ownAnswer {
	if s.own == nil {
		s.own = new(ownAnswer)
	}
	return s.own
}

// Answers notes that a handler of this module answers r.
func (s *Request) Answers(r *http.Request) { s.answer().request = r }

// Answered is the request that a handler of this module answers, nil for none.
func (s *Request) Answered() *http.Request {
	if s.own == nil {
		return nil
	}
	return s.own.request
}

// Refused notes that a guard has refused the request, and why.
func (s *Request) Refused(reason string) {
	s.Principal, s.Realm = nil, nil
	s.answer().refusal = reason
}

// Refusal says why the last guard that refused did so, "" if none did.
func (s *Request) Refusal() string {
	if s.own == nil {
		return ""
	}
	return s.own.refusal
}

// Clean takes out of a request what only this module may say or decide: identity
// headers under the names in owned, another method or protocol than the request's, and
// the cookies of all realms. Every request of a block with a handler of this module
// passes here, whether or not a guard is for it. upgrade are the protocols that it may
// switch to.
func (s *Request) Clean(r *http.Request, upgrade, owned []string) {
	if !s.plain {
		s.plain = clearUpgrade(r, upgrade)
	}
	s.clearOverrides(r.Header)
	s.clearIdentity(r, owned)
	s.takeCookies(r)
}

// TakeBack takes out of a request that goes no further what guards have set and what
// the client sent under the names of any guard. What the site does with the answer, in
// handle_errors or intercept, comes before the other guards or without them: by then no
// header may be left that says who is asking.
func (s *Request) TakeBack(r *http.Request, owned []string) {
	s.identity = nil
	s.clearIdentity(r, owned)
}

// takeCookies takes the cookies of all realms out of the request, at the first call.
func (s *Request) takeCookies(r *http.Request) {
	if !s.taken {
		s.cookies, s.taken = cookie.Take(r.Header), true
	}
}

// TakeCookies takes the cookies of all realms out of the request, and returns those of
// the realm.
func (s *Request) TakeCookies(r *http.Request, realm string) cookie.Taken {
	s.takeCookies(r)
	return s.cookies[realm]
}

// SentCookie reports whether the request came with the session cookie of the jar's
// realm.
func (s *Request) SentCookie(r *http.Request, jar cookie.Jar) bool {
	tiers := jar.Values(r, s.TakeCookies(r, jar.Realm))
	return len(tiers[0])+len(tiers[1]) > 0
}

// SetCookies sets cookies under names of ours, and notes them: of all cookies that an
// answer sets under these names, only these reach the browser.
func (s *Request) SetCookies(w http.ResponseWriter, cookies ...*http.Cookie) {
	own := s.answer()
	for _, c := range cookies {
		http.SetCookie(w, c)
		own.cookies = append(own.cookies, c.Name+"="+c.Value)
	}
}

// ClearCookies makes the browser drop the session cookie. If it sent several, those
// that another site of the domain, or another path, may have set are dropped too. path
// is the one that the client asked for.
func (s *Request) ClearCookies(w http.ResponseWriter, r *http.Request, jar cookie.Jar, path string) {
	s.SetCookies(w, jar.Cleared(r)...)
	tiers := jar.Values(r, s.TakeCookies(r, jar.Realm))
	if len(tiers[0])+len(tiers[1]) > 1 {
		s.SetCookies(w, jar.ClearedPlanted(r, path)...)
	}
}
