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
		@empty jwt_claim tenant ""
		route {
			jwt_auth /guarded {
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
			header @empty X-Empty 1
			respond "in"
		}
	`))
	const nobody = "not-role cel-not-role not-claim"
	// The matchers know nobody where no guard let the request pass.
	wantMatches(t, "/open", s.get("/open", bearer(s.signIn("alice").Access)), nobody)
	for who, want := range map[string]string{
		"":      nobody,
		"alice": "role role-twice cel-role claim cel-claim",
		"bob":   nobody,
		"erin":  "not-role cel-not-role claim two-claims cel-claim cel-both vip",
	} {
		if who == "" {
			wantMatches(t, "nobody", s.get("/guarded"), want)
			continue
		}
		in := s.signIn(who)
		wantMatches(t, who, s.get("/guarded", bearer(in.Access)), want)
		wantMatches(t, who+" by cookie", s.get("/guarded", cookie("jwtauth="+in.CookieValue)), want)
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
		"X-Role", "X-Role-Twice", "X-Not-Role", "X-Cel-Role", "X-Cel-Not-Role", "X-Claim", "X-Not-Claim",
		"X-Two-Claims", "X-Cel-Claim", "X-Cel-Both", "X-Vip", "X-Deep", "X-List", "X-None", "X-Empty",
	} {
		if got := a.Header.Get(name) != ""; got != wanted[name] {
			t.Errorf("%s: %s matched: %v, want %v", what, name, got, wanted[name])
		}
	}
}
