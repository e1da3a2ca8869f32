package caddyfile

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth"
)

// FuzzCaddyfile gives arbitrary tokens to the global option, the directives and
// the matchers. Each answers with an error or a config that JSON can hold.
func FuzzCaddyfile(f *testing.F) {
	for _, seed := range seeds(f) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		tokens, err := caddyfile.Tokenize([]byte(text), "Caddyfile")
		if err != nil || len(tokens) == 0 {
			return
		}
		dispenser := caddyfile.NewDispenser(tokens)
		var result any
		switch tokens[0].Text {
		default:
			option, optionErr := parseGlobal(dispenser, nil)
			if err = optionErr; err == nil {
				result = option.(httpcaddyfile.App).Value
			}
		case "token_server":
			result, err = routesOf(parseTokenServer(httpcaddyfile.Helper{Dispenser: dispenser}))
		case "jwt_auth":
			result, err = routesOf(parseJWTAuth(httpcaddyfile.Helper{Dispenser: dispenser}))
		case "jwt_role":
			var matcher jwtauth.MatchRole
			if err = matcher.UnmarshalCaddyfile(dispenser); err == nil {
				result, err = matcher, matcher.Validate()
			}
		case "jwt_claim":
			var matcher jwtauth.MatchClaim
			if err = matcher.UnmarshalCaddyfile(dispenser); err == nil {
				result, err = matcher, matcher.Validate()
			}
		}
		if err != nil {
			if err.Error() == "" {
				t.Fatal("an error without a text")
			}
			return
		}
		config, err := json.Marshal(result)
		if err != nil || len(config) < len(`{}`) || string(config) == "null" {
			t.Fatalf("config %s, error %v", config, err)
		}
	})
}

func routesOf(values []httpcaddyfile.ConfigValue, err error) (any, error) {
	routes := make([]any, len(values))
	for i, value := range values {
		routes[i] = value.Value
	}
	return routes, err
}

// seeds are the segments of the golden files, errors too, that are ours.
func seeds(t testing.TB) []string {
	t.Helper()
	var all []string
	ours := func(segments []caddyfile.Segment) {
		for _, segment := range segments {
			if len(segment) > 0 && strings.HasPrefix(segment[0].Text, "@") {
				segment = segment[1:]
			}
			if len(segment) == 0 {
				continue
			}
			switch segment[0].Text {
			case jwtauth.AppName, "token_server", "jwt_auth", "jwt_role", "jwt_claim":
				text, _ := render(segment)
				all = append(all, text)
			}
		}
	}
	for _, g := range goldens(t) {
		blocks, err := caddyfile.Parse(g.path, []byte(g.caddyfile))
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range blocks {
			ours(b.Segments)
		}
	}
	if len(all) < 100 {
		t.Fatalf("only %d seeds in the golden files", len(all))
	}
	return all
}
