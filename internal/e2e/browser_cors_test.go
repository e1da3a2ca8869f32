package e2e

import (
	"fmt"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/internal/e2e/browser"
	"github.com/caddy-jwtauth/caddy-jwtauth/internal/testcaddy"
)

// A page of another origin signs in with a FormData, which browsers send as
// multipart/form-data, reads who is signed in, asks the API behind a guard with the token,
// and reads errors. A page of an origin that is not listed can do none of that.
func TestOtherOrigin(t *testing.T) {
	c := testcaddy.Start(t, `{
	jwtauth {
		user alice `+secretHash+`
	}
}

http://app.localhost:{$PORT}, http://other.localhost:{$PORT} {
	bind 127.0.0.1
	header Content-Type text/html
	respond "<title>front end</title>"
}

http://localhost:{$PORT} {
	bind 127.0.0.1
	token_server {
		cors http://app.localhost:{$PORT}
	}

	@app {
		path /items/*
		header Origin http://app.localhost:{$PORT}
	}
	header @app {
		Access-Control-Allow-Origin http://app.localhost:{$PORT}
		Access-Control-Allow-Headers "Authorization, Content-Type"
		Access-Control-Allow-Methods "GET, POST, PUT, PATCH, DELETE"
	}
	header /items/* +Vary Origin

	jwt_auth /items/* {
		preflight pass
	}
	@preflight method OPTIONS
	respond @preflight 204
	respond /items/* "items of {http.auth.user.id}"
}
`)
	page := browser.Start(t).Tab(browser.Private())
	// ask is what a page of the origin makes of the script, which returns a promise.
	ask := func(origin, script string) string {
		t.Helper()
		page.Open(fmt.Sprintf("http://%s:%d/", origin, c.Port))
		page.Eval(fmt.Sprintf(`(() => {
			const api = "http://localhost:%d";
			const signIn = async password => {
				const form = new FormData();
				form.set("grant_type", "password");
				form.set("username", "alice");
				form.set("password", password);
				return fetch(api + "/token", {method: "POST", body: form});
			};
			const withToken = async path => {
				const {access_token} = await (await signIn("secret")).json();
				return fetch(api + path, {headers: {Authorization: "Bearer " + access_token}});
			};
			window.result = "";
			(async () => %s)().then(text => window.result = text, err => window.result = "blocked: " + err.name);
		})()`, c.Port, script), nil)
		page.Wait("the answer", func() bool { return evalTo[string](page, `window.result`) != "" })
		return evalTo[string](page, `window.result`)
	}
	for _, test := range []struct{ origin, script, want string }{
		{"app.localhost", `(await (await withToken("/users/me")).json()).username`, "alice"},
		{"app.localhost", `(await (await withToken("/items/1")).text())`, "items of alice"},
		{"app.localhost", `(await (await signIn("wrong")).json()).detail`, "Incorrect username or password"},
		{"app.localhost", `(await fetch(api + "/items/1")).status + ""`, "401"},
		{"app.localhost", `(await fetch(api + "/users/me")).headers.get("WWW-Authenticate")`, "Bearer"},
		{"app.localhost", `(await fetch(api + "/users/me", {credentials: "include"})).status + ""`, "blocked: TypeError"},
		{"app.localhost", `(await fetch(api + "/login")).status + ""`, "blocked: TypeError"},
		{"other.localhost", `(await signIn("secret")).status + ""`, "blocked: TypeError"},
		{"other.localhost", `(await fetch(api + "/items/1", {headers: {Authorization: "Bearer x"}})).status + ""`, "blocked: TypeError"},
		{"other.localhost", `Object.keys(await (await fetch(api + "/.well-known/jwks.json")).json()).join()`, "keys"},
	} {
		if got := ask(test.origin, test.script); got != test.want {
			t.Errorf("a page of %s: %s is %q, want %q", test.origin, test.script, got, test.want)
		}
	}
}
