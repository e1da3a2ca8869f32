package jwtauth_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestMatchers behind a guard, as such, negated and in expressions.
func TestMatchers(t *testing.T) {
	s := newServer(t)
	s.files(map[string]string{"users.json": `{"users": [{"username": "erin", "password_hash": "` + secretHash + `", "roles": ["Admin", "admin-x"],
		"claims": {"tenant": ["globex", "acme"], "level": 3, "vip": true, "deep": {"tenant": "acme"}, "tenants": "acme,globex", "none": null}}]}`})
	s.load(`{
		<GLOBAL>
		jwtauth {
			store memory
			<USERS>
			users_file <ROOT>/users.json
		}
	}
	` + s.site(`
		jwt_auth /guarded {
			optional
		}
		@role jwt_role admin nobody
		@roleAll {
			jwt_role admin
			jwt_role editor
		}
		@notRole not jwt_role admin
		@celRole expression jwt_role('admin', 'nobody')
		@celNotRole expression !jwt_role('admin')
		@claim jwt_claim tenant acme other
		@notClaim not jwt_claim tenant acme
		@twoClaims {
			jwt_claim tenant acme
			jwt_claim level 3
		}
		@celClaim expression jwt_claim('tenant', 'acme')
		@celBoth expression `+"`jwt_claim('tenant', 'acme') && !jwt_role('admin')`"+`
		@vip jwt_claim vip true
		@deep jwt_claim deep acme
		@list jwt_claim tenants acme
		@none jwt_claim none null ""
		header @role X-Role 1
		header @roleAll X-Role-All 1
		header @notRole X-Not-Role 1
		header @celRole X-Cel-Role 1
		header @celNotRole X-Cel-Not-Role 1
		header @claim X-Claim 1
		header @notClaim X-Not-Claim 1
		header @twoClaims X-Two-Claims 1
		header @celClaim X-Cel-Claim 1
		header @celBoth X-Cel-Both 1
		header @vip X-Vip 1
		header @deep X-Deep 1
		header @list X-List 1
		header @none X-None 1
		@empty jwt_claim tenant ""
		header @empty X-Empty 1
		respond "in"
	`))
	const nobody = "not-role cel-not-role not-claim"
	for _, test := range []struct{ path, who, want string }{
		{"/guarded", "", nobody},
		// The matchers know nobody where no guard let the request pass.
		{"/open", "alice", nobody},
	} {
		var send []option
		if test.who != "" {
			send = append(send, bearer(s.signIn(test.who).Access))
		}
		wantMatches(t, test.path, s.get(test.path, send...), test.want)
	}
	// `header` comes before `jwt_auth`, so a route puts them in order.
	s.load(`{
		<GLOBAL>
		jwtauth {
			store memory
			<USERS>
			users_file <ROOT>/users.json
		}
	}
	` + s.site(`
		@role jwt_role admin nobody
		@roleTwice {
			jwt_role nobody
			jwt_role editor
		}
		@notRole not jwt_role admin
		@celRole expression jwt_role('admin', 'nobody')
		@celNotRole expression !jwt_role('admin')
		@claim jwt_claim tenant acme other
		@notClaim not jwt_claim tenant acme
		@twoClaims {
			jwt_claim tenant acme
			jwt_claim level 3
		}
		@celClaim expression jwt_claim('tenant', 'acme')
		@celBoth expression `+"`jwt_claim('tenant', 'acme') && !jwt_role('admin')`"+`
		@vip jwt_claim vip true
		@deep jwt_claim deep acme
		@list jwt_claim tenants acme
		@none jwt_claim none null ""
		route {
			jwt_auth {
				optional
			}
			header @role X-Role 1
			header @roleTwice X-Role-Twice 1
			header @notRole X-Not-Role 1
			header @celRole X-Cel-Role 1
			header @celNotRole X-Cel-Not-Role 1
			header @claim X-Claim 1
			header @notClaim X-Not-Claim 1
			header @twoClaims X-Two-Claims 1
			header @celClaim X-Cel-Claim 1
			header @celBoth X-Cel-Both 1
			header @vip X-Vip 1
			header @deep X-Deep 1
			header @list X-List 1
			header @none X-None 1
			respond "in"
		}
	`))
	for who, want := range map[string]string{
		"":      nobody,
		"alice": "role role-twice cel-role claim cel-claim",
		"bob":   nobody,
		"erin":  "not-role cel-not-role claim two-claims cel-claim cel-both vip",
	} {
		if who == "" {
			wantMatches(t, "nobody", s.get("/"), want)
			continue
		}
		in := s.signIn(who)
		wantMatches(t, who, s.get("/", bearer(in.Access)), want)
		wantMatches(t, who+" by cookie", s.get("/", cookie("jwtauth="+in.CookieValue)), want)
	}
	s.wantQuietLog()
}

func wantMatches(t *testing.T, what string, a answer, want string) {
	t.Helper()
	a.want(t, http.StatusOK)
	wanted := make(map[string]bool)
	for name := range strings.FieldsSeq(want) {
		wanted[http.CanonicalHeaderKey("x-"+name)] = true
	}
	for _, name := range []string{
		"X-Role", "X-Role-All", "X-Role-Twice", "X-Not-Role", "X-Cel-Role", "X-Cel-Not-Role", "X-Claim", "X-Not-Claim",
		"X-Two-Claims", "X-Cel-Claim", "X-Cel-Both", "X-Vip", "X-Deep", "X-List", "X-None", "X-Empty",
	} {
		if got := a.Header.Get(name) != ""; got != wanted[name] {
			t.Errorf("%s: %s matched: %v, want %v", what, name, got, wanted[name])
		}
	}
}
