package guard

import (
	"net/http"
	"slices"
	"strings"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/cookie"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/pages"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/realm"
)

// resourcePolicy is the header by which a browser keeps an answer from pages of
// other origins that embed it (Fetch §3.7).
const resourcePolicy = "Cross-Origin-Resource-Policy"

// Embedders are the pages that may embed an answer.
type Embedders uint8

const (
	Anyone     Embedders = iota // as far as this module is concerned
	SameOrigin                  // those of the answer's own origin
	SameSite                    // those of its domain
)

// EmbeddersOf are the pages that may embed answers to requests with the session
// cookie: those of the origins that share it.
func EmbeddersOf(jar cookie.Jar, r *http.Request) Embedders {
	if jar.Shared(r) {
		return SameSite
	}
	return SameOrigin
}

// Mark says so in the header of an answer, unless that says something already.
func (e Embedders) Mark(h http.Header) { e.mark(h, make([]string, 1)) }

// mark is Mark with room for the value.
func (e Embedders) mark(h http.Header, room []string) {
	if e == Anyone || h[resourcePolicy] != nil {
		return
	}
	room[0] = "same-origin"
	if e == SameSite {
		room[0] = "same-site"
	}
	h[resourcePolicy] = room
}

// Marks are what a guard has an answer carry.
type Marks struct {
	// Vary is what the guard looked at.
	Vary string
	// Request is what is answered, nil if no guard has let it pass.
	Request *http.Request
	// Private is set if the answer is for one user.
	Private bool
	// Embedders says who may embed the answer.
	Embedders Embedders
	// SecretURL is set if the URL, under which a cache would file the answer,
	// may hold a token: then nothing that the site says counts (RFC 6750 §2.3).
	SecretURL bool
}

// Answer keeps answers that a guard let through out of caches that others share, and
// says what they depend on, whatever the handlers after the guard write. With or without
// a guard it lets no upstream set a cookie of our name. It acts when the header is sent,
// since reverse_proxy adds to what stands there before.
type Answer struct {
	Marks
	// request is the request that is answered.
	request *Request
	sent    bool
	// nested is set within another answer, which looks after the cookies.
	nested bool
	// streams is set if it is this answer that has become the request's stream.
	streams bool
	// hadCookies is set if the header had cookies when it was sent, and names is how
	// many names it had.
	hadCookies bool
	names      uint16
	// values has the room for what most answers get.
	values [3]string
}

// Of makes it the answer to a request, nested in another one or not.
func (a *Answer) Of(s *Request, nested bool) { a.request, a.nested = s, nested }

// Stream is an answer that may last.
type Stream interface {
	// Over reports that it was ended.
	Over() bool
	// Stop ends the watching of it.
	Stop()
}

// Stream notes that the answer is one that may last. A request has one at most.
func (a *Answer) Stream(s Stream) { a.request.more().stream, a.streams = s, true }

// IsStream reports that the request has one.
func (a *Answer) IsStream() bool { return a.request.seldom != nil && a.request.seldom.stream != nil }

// IsOver reports that the request's stream was ended.
func (a *Answer) IsOver() bool { return a.IsStream() && a.request.seldom.stream.Over() }

// StopStream ends the watching of a stream that this answer is.
func (a *Answer) StopStream() {
	if a.streams {
		a.request.seldom.stream.Stop()
	}
}

// Found is the user whom a guard has let pass, and of which realm; nil for none.
func (a *Answer) Found() (*realm.Realm, *policy.Principal) {
	if !a.Private || a.request.Realm == nil {
		return nil, nil
	}
	return a.request.Realm, a.request.Principal
}

// Include adds the marks of an answer that this one, to r, includes.
func (a *Answer) Include(r *http.Request, m Marks) {
	if a.Request == nil {
		a.Request = r
	}
	switch {
	case a.Vary == "":
		a.Vary = m.Vary
	case m.Vary != "" && m.Vary != a.Vary:
		a.Vary += ", " + m.Vary
	}
	a.Private = a.Private || m.Private
	if a.Embedders == Anyone || m.Embedders == SameOrigin {
		a.Embedders = m.Embedders
	}
}

// Sent reports whether the header was sent.
func (a *Answer) Sent() bool { return a.sent }

// Finished reports that [Answer.Finish] has nothing to do.
func (a *Answer) Finished() bool { return a.sent && a.nested }

// Begin is called before a status is sent, with the header as all writers before this
// one have made it.
func (a *Answer) Begin(status int, h http.Header) {
	switch {
	case a.sent:
	case status >= http.StatusOK:
		a.mark(h)
		a.sent, a.names = true, uint16(len(h))
	case !a.nested:
		a.dropOurCookies(h, setCookieName) // of 101 and 103, too
	}
}

// Finish is called when the handlers after the guard are done. If nothing was sent, or
// an error route answers, the header is marked now. If it was sent, cookies can only
// have come as trailers since, which some proxies add to the headers (RFC 9110 §6.5.1).
func (a *Answer) Finish(h http.Header) {
	switch {
	case !a.sent:
		a.mark(h)
	case !a.nested && (a.hadCookies || int(a.names) != len(h)):
		a.dropOurCookies(h, setCookieName)
		a.dropOurCookies(h, http.TrailerPrefix+setCookieName)
	}
}

// mark changes the header before it is sent.
func (a *Answer) mark(h http.Header) {
	if !a.nested {
		a.hadCookies = a.dropOurCookies(h, setCookieName)
	}
	a.Embedders.mark(h, a.values[2:3:3])
	if a.Vary != "" {
		if lines := h["Vary"]; len(lines) == 0 {
			a.values[0] = a.Vary
			h["Vary"] = a.values[0:1:1]
		} else if !slices.Contains(lines, a.Vary) {
			h["Vary"] = append(lines, a.Vary)
		}
	}
	lines := h["Cache-Control"]
	switch {
	case a.SecretURL && !Says(lines, "private", "no-store"):
		a.cacheControl(h, "private")
	case !a.Private || Says(lines, "private", "no-store", "public", "s-maxage"):
	case len(lines) == 0 && a.isPage():
		// The back button shows what was stored without asking, also after
		// signing out.
		a.cacheControl(h, "private, no-store")
	case len(lines) == 0:
		// no-cache makes the browser ask before it shows the answer again, perhaps
		// to another user.
		a.cacheControl(h, "private, no-cache")
	default:
		a.cacheControl(h, strings.Join(lines, ", ")+", private")
	}
}

// isPage reports an answer that a person looks at. An answer to a bearer token is for a
// program, unless a browser says otherwise.
func (a *Answer) isPage() bool {
	if a.Embedders == Anyone {
		mode := a.Request.Header["Sec-Fetch-Mode"]
		return len(mode) == 1 && mode[0] == "navigate"
	}
	return pages.Navigates(a.Request) || pages.Embeds(a.Request)
}

const setCookieName = "Set-Cookie"

// dropOurCookies removes cookies that a browser, or this module, may take for ours,
// from the header or trailer of that name, unless it is this module that has set them:
// an upstream that could set them could sign a visitor in to a session of its own. It
// reports whether there were any cookies.
func (a *Answer) dropOurCookies(h http.Header, name string) bool {
	lines := h[name]
	if len(lines) == 0 {
		return false
	}
	if slices.ContainsFunc(lines, a.isForged) {
		if kept := slices.DeleteFunc(slices.Clone(lines), a.isForged); len(kept) > 0 {
			h[name] = kept
		} else {
			delete(h, name)
		}
	}
	return true
}

// isForged reports a line of Set-Cookie with a name like ours that is not from us. A
// header directive of the site may have changed the attributes of one that is.
func (a *Answer) isForged(line string) bool {
	if !cookie.LooksLikeOurs(line) {
		return false
	}
	pair, _, _ := strings.Cut(line, ";")
	return a.request == nil || a.request.seldom == nil || !slices.Contains(a.request.seldom.cookies, pair)
}

func (a *Answer) cacheControl(h http.Header, value string) {
	a.values[1] = value
	h["Cache-Control"] = a.values[1:2:2]
}

// Says reports whether Cache-Control has one of the directives (RFC 9111 §5.2). A
// private that names fields is about those alone (§5.2.2.7).
func Says(lines []string, directives ...string) bool {
	for _, line := range lines {
		for directive := range strings.SplitSeq(line, ",") {
			directive, _, fields := strings.Cut(directive, "=")
			if fields && strings.EqualFold(strings.TrimSpace(directive), "private") {
				continue
			}
			if slices.Contains(directives, strings.ToLower(strings.TrimSpace(directive))) {
				return true
			}
		}
	}
	return false
}
