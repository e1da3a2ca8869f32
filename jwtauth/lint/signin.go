package lint

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/host"
)

// The rules of this file are about people who cannot sign in, or not for this site.

// signInOf is where a guard sends a person who has to sign in, "" for nowhere.
func signInOf(v *visit) string {
	switch login := v.guard.Login; {
	case v.guard.ErrorsToSite, login == loginOff:
		return ""
	case login != loginRedirect:
		return login
	}
	for _, server := range v.state.servers {
		if server.Realm == v.guard.Realm && server.SignIn != "" && server.reaches() {
			return server.SignIn
		}
	}
	return ""
}

// What Login of a guard says, where it names no place.
const (
	loginOff      = "off"
	loginRedirect = "redirect"
)

// reaches reports whether the matcher of the token server lets requests for its sign-in
// page come to it, as far as paths decide.
func (s *TokenServer) reaches() bool {
	paths, ok := pathsOf(s.Sets)
	return len(s.Sets) == 0 || !ok || matchesOne(paths, s.SignIn)
}

func noSignIn(v *visit) string {
	if v.guard == nil || v.guard.Handler == nil || v.guard.Optional || v.guard.ErrorsToSite || v.guard.Login != loginRedirect || v.errors || signInOf(v) != "" {
		return ""
	}
	if slices.ContainsFunc(v.state.servers, func(server *TokenServer) bool { return server.Realm == v.guard.Realm && server.SignIn == "" }) {
		return "" // its pages are off: the site says that only programs come
	}
	return "a person with a browser gets a bare 401 here, since no token_server of the realm with pages stands before this guard in its block: write token_server in the block, or `login` and the place of a sign-in page; `login off` says that only programs come here"
}

func loginElsewhere(v *visit) string {
	if v.guard == nil || len(v.hosts) == 0 {
		return ""
	}
	page, err := url.Parse(v.guard.Login)
	if err != nil || page.Host == "" {
		return ""
	}
	for _, name := range v.hosts {
		name = strings.TrimPrefix(name, "*.")
		if name == page.Hostname() || strings.Contains(name, "{") || v.guard.CookieDomain != "" && host.Within(name, v.guard.CookieDomain) && host.Within(page.Hostname(), v.guard.CookieDomain) {
			continue
		}
		return fmt.Sprintf("people sign in at %s, and the session cookie of that host is not sent to %s, so that they come back signed out: give the realm a cookie_domain that both are below, or a login of this site", page.Hostname(), name)
	}
	return ""
}

func plainHTTP(v *visit) string {
	if !v.plain || v.tokenServer == nil || v.tokenServer.SignIn == "" {
		return ""
	}
	i := slices.IndexFunc(v.hosts, func(name string) bool { return !strings.Contains(name, "{") && !host.IsLoopback(name) })
	if i < 0 {
		return ""
	}
	return fmt.Sprintf("%s is served without https, and browsers keep the session cookie only with it (or on localhost), so that people cannot sign in: write the site without http://, or trusted_proxies where a proxy in front speaks https", v.hosts[i])
}
