package jwtauth_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth"
)

// TestPasswordChangeEndsCopies of the cookie with which it was made, whatever store
// there is: the browser goes on with a new one, and the rest of the sessions, their
// tokens too, are over when the answer comes.
func TestPasswordChangeEndsCopies(t *testing.T) {
	for _, store := range []string{"memory", "bolt <DIR>/test.db"} {
		t.Run(store, func(t *testing.T) {
			s := startWith(t, "store "+store, `
				token_server
				jwt_auth /in
				respond "{http.auth.user.id}"
			`)
			mustAdmin(t, "POST", "/jwtauth/default/users", `{"username":"zoe","password_hash":"`+secretHash+`"}`)
			copied := cookie("jwtauth=" + s.fill("zoe", "secret", host(localhost)).Value)
			other := s.signIn("zoe")
			for range 2 { // also where the guard has met it
				s.get("/in", copied).wantBody(t, http.StatusOK, "zoe")
				s.get("/in", bearer(other.Access)).wantBody(t, http.StatusOK, "zoe")
			}
			a := s.form("/account/password", "current_password=secret&new_password=long+enough&repeat_password=long+enough", copied, host(localhost)).
				want(t, http.StatusSeeOther).wantHeader(t, "Cache-Control", "no-store")
			fresh := cookie("jwtauth=" + a.Cookies()[0].Value)
			s.get("/in", fresh).wantBody(t, http.StatusOK, "zoe")
			s.get("/in", copied).wantInvalidToken(t)
			s.get("/users/me", copied).wantInvalidToken(t)
			s.get("/in", bearer(other.Access)).wantInvalidToken(t)
			s.form("/refresh", "refresh_token="+other.Refresh).want(t, http.StatusUnauthorized)
			s.get("/account?done=password", fresh, host(localhost)).wantPage(t, http.StatusOK, "Your password is changed")
		})
	}
}

// TestPasswordChangeInARace: of many changes at once with one cookie one wins, and
// one session is left.
func TestPasswordChangeInARace(t *testing.T) {
	s := startWith(t, "store bolt <DIR>/test.db\nthrottle off", "token_server\njwt_auth /in\nrespond in")
	mustAdmin(t, "POST", "/jwtauth/default/users", `{"username":"zoe","password_hash":"`+secretHash+`"}`)
	held := cookie("jwtauth=" + s.fill("zoe", "secret", host(localhost)).Value)
	var all sync.WaitGroup
	won := make(chan string, 8)
	for i := range cap(won) {
		all.Go(func() {
			body := fmt.Sprintf("current_password=secret&new_password=long+enough+%d&repeat_password=long+enough+%d", i, i)
			a, err := s.try("POST", "/account/password", body, held, host(localhost), header("Content-Type", "application/x-www-form-urlencoded"))
			if err != nil {
				t.Error(err)
			} else if a.StatusCode == http.StatusSeeOther && len(a.Cookies()) > 0 && a.Cookies()[0].Value != "" {
				won <- a.Cookies()[0].Value
			}
		})
	}
	all.Wait()
	close(won)
	if len(won) != 1 {
		t.Fatalf("%d changes of one password", len(won))
	}
	s.get("/in", cookie("jwtauth="+<-won)).want(t, http.StatusOK)
	if n, err := jwtauth.SessionCount(jwtauth.DefaultRealm, "zoe"); err != nil || n != 1 {
		t.Errorf("%d sessions are left, %v", n, err)
	}
}
