package guard

import (
	"net/http"
	"slices"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/cookie"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/realm"
)

// Request is what the handlers of this module know of one request. One goroutine uses
// it at a time. The zero Request is one that no handler has seen.
type Request struct {
	// Verdict is that of the last guard that found a user and let the request pass;
	// Realm is the realm of that guard, nil if there was none.
	realm.Verdict
	Realm *realm.Realm

	// identity are the identity headers that guards of this request have set.
	identity []string
	// cookies are the cookies of ours that were taken out of the request, by realm.
	cookies cookie.Taken
	// page is the first sign-in page that this request's site serves, if there is one.
	page signInPage

	// seldom is what few requests need, nil for nothing.
	seldom *seldom

	// What was done: cookies taken out, overrides cleared. plain is set if the request
	// asks for no other protocol.
	taken, cleared, plain bool
	// restored is set if the cookies are those of the request that this one is included in.
	restored bool
}

// seldom is what few requests need, apart from the rest.
type seldom struct {
	// refusal says why the last guard that refused did so.
	refusal string
	// request is the request that a handler of this module answers, nil for none.
	request *http.Request
	// cookies are the names and values of the cookies that this module has set.
	cookies []string
	// pages are the sign-in pages after the first.
	pages []signInPage
	// others are the users that guards of other realms found before that.
	others []found
	// stream is the answer, if it may last.
	stream Stream
	// targets are those of the path, host and method that the request last came with.
	targets *Targets
}

// found is a user of a realm.
type found struct {
	realm *realm.Realm
	user  string
}

func (s *Request) more() *seldom {
	if s.seldom == nil {
		s.seldom = new(seldom)
	}
	return s.seldom
}

// Targets are the [TargetsOf] r.
func (s *Request) Targets(r *http.Request) *Targets {
	more := s.more()
	if t := more.targets; t == nil || t.Paths[0] != r.URL.Path || t.Hosts[0] != r.Host || t.Methods[0] != r.Method {
		more.targets = TargetsOf(r)
	}
	return more.targets
}

// Answers notes that a handler of this module answers r.
func (s *Request) Answers(r *http.Request) { s.more().request = r }

// Answered is the request that a handler of this module answers, nil for none.
func (s *Request) Answered() *http.Request {
	if s.seldom == nil {
		return nil
	}
	return s.seldom.request
}

// Accept notes the user that a guard has found that lets the request pass. One that found
// no user leaves what the one before it found.
func (s *Request) Accept(in *realm.Realm, d Decision) {
	if d.Principal == nil {
		return
	}
	if s.Realm != nil && s.Realm != in {
		more := s.more()
		more.others = append(more.others, found{s.Realm, s.Principal.Username})
	}
	s.Verdict, s.Realm = d.Verdict, in
}

// before is what the guard before found, if it was of the same realm.
func (s *Request) before(in *realm.Realm) realm.Verdict {
	if s.Realm != in {
		return realm.Verdict{}
	}
	return s.Verdict
}

// foundOther reports that a guard of the realm has found another user in this request.
func (s *Request) foundOther(in *realm.Realm, p *policy.Principal) bool {
	if s.Realm == in {
		return s.Principal.Username != p.Username
	}
	return s.seldom != nil && slices.ContainsFunc(s.seldom.others, func(other found) bool {
		return other.realm == in && other.user != p.Username
	})
}

// Refused notes that a guard has refused the request, and why.
func (s *Request) Refused(reason string) {
	s.Verdict, s.Realm = realm.Verdict{}, nil
	s.more().refusal = reason
}

// Refusal says why the last guard that refused did so, "" if none did.
func (s *Request) Refusal() string {
	if s.seldom == nil {
		return ""
	}
	return s.seldom.refusal
}

// Clean takes out of a request what only this module may say or decide: identity
// headers under the names in owned, another method or protocol than the request's, and
// the cookies of all realms. Every request of a block with a handler of this module
// passes here, whether or not a guard is for it. upgrade are the protocols that it may
// switch to.
func (s *Request) Clean(r *http.Request, upgrade []string, owned HeaderNames) {
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
func (s *Request) TakeBack(r *http.Request, owned HeaderNames) {
	s.identity = nil
	s.clearIdentity(r, owned)
}

// takeCookies takes the cookies of all realms out of the request, at the first call.
func (s *Request) takeCookies(r *http.Request) {
	if !s.taken {
		cookies := cookie.Take(r.Header)
		if !s.restored {
			s.cookies = cookies
		}
		s.taken = true
	}
}

// Cookies are the cookies of all realms that were taken out of the request.
func (s *Request) Cookies() cookie.Taken { return s.cookies }

// Restore makes cookies those of the request, instead of any that it came with.
func (s *Request) Restore(cookies cookie.Taken) { s.cookies, s.restored = cookies, true }

// TakeCookies takes the cookies of all realms out of the request, and returns those of
// the realm.
func (s *Request) TakeCookies(r *http.Request, realm string) cookie.Values {
	s.takeCookies(r)
	return s.cookies.Of(realm)
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
	more := s.more()
	for _, c := range cookies {
		http.SetCookie(w, c)
		more.cookies = append(more.cookies, c.Name+"="+c.Value)
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
