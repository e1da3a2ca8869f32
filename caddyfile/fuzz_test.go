package caddyfile

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth"
)

// FuzzCaddyfile gives arbitrary tokens, and all that they begin with, to the
// global option, the directives and the matchers. Each answers with an error that
// names file and line, or with a config that is the same when it is read again.
// Blank lines separate what is parsed by itself: go test takes its time for each
// seed, so a seed holds several.
func FuzzCaddyfile(f *testing.F) {
	for some := range slices.Chunk(seeds(f), 8) {
		f.Add(strings.Join(some, "\n"))
	}
	f.Fuzz(func(t *testing.T, text string) {
		for part := range strings.SplitSeq(text, "\n\n") {
			tokens, err := caddyfile.Tokenize([]byte(part), "Caddyfile")
			if err != nil {
				continue
			}
			const most = 64 // of which every beginning is tried
			for n := 1; n <= min(len(tokens), most); n++ {
				check(t, tokens[:n])
			}
			if len(tokens) > most {
				check(t, tokens)
			}
		}
	})
}

func check(t *testing.T, tokens []caddyfile.Token) {
	t.Helper()
	config, again, err := parse(tokens)
	if err != nil {
		if !hasPosition.MatchString(err.Error()) {
			text, _ := render(tokens)
			t.Errorf("the error names no file and line: %v\n%s", err, text)
		}
		return
	}
	text, err := json.Marshal(config)
	if err != nil || len(text) < len(`{}`) || string(text) == "null" {
		t.Fatalf("config %s, error %v", text, err)
	}
	if again == nil {
		return
	}
	if err := json.Unmarshal(text, again); err != nil {
		t.Fatalf("%s cannot be read: %v", text, err)
	}
	if rewritten, err := json.Marshal(again); err != nil || !bytes.Equal(text, rewritten) {
		t.Errorf("%s is read as %s: %v", text, rewritten, err)
	}
	if valid, ok := again.(caddy.Validator); ok {
		if err := valid.Validate(); err != nil {
			t.Errorf("%s is not valid: %v", text, err)
		}
	}
}

// parse gives tokens to what they begin with, the global option by default, and
// returns the config and something to read it into.
func parse(tokens []caddyfile.Token) (config, into any, err error) {
	d := caddyfile.NewDispenser(tokens)
	switch tokens[0].Text {
	default:
		option, err := parseGlobal(d, nil)
		if err != nil {
			return nil, nil, err
		}
		return option.(httpcaddyfile.App).Value, new(jwtauth.App), nil
	case "token_server":
		config, err = routesOf(parseTokenServer(httpcaddyfile.Helper{Dispenser: d}))
	case "jwt_auth":
		config, err = routesOf(parseJWTAuth(httpcaddyfile.Helper{Dispenser: d}))
	case "jwt_role":
		var matcher jwtauth.MatchRole
		err = matcher.UnmarshalCaddyfile(d)
		config, into = matcher, new(jwtauth.MatchRole)
	case "jwt_claim":
		var matcher jwtauth.MatchClaim
		err = matcher.UnmarshalCaddyfile(d)
		config, into = matcher, new(jwtauth.MatchClaim)
	}
	return config, into, err
}

func routesOf(values []httpcaddyfile.ConfigValue, err error) (any, error) {
	routes := make([]any, len(values))
	for i, value := range values {
		routes[i] = value.Value
	}
	return routes, err
}

// ours are the segments of the golden files, errors too, that this module reads.
func ours(t testing.TB) (all [][]caddyfile.Token) {
	t.Helper()
	for _, g := range goldens(t) {
		blocks, err := caddyfile.Parse("Caddyfile", []byte(g.caddyfile))
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range blocks {
			for _, segment := range block.Segments {
				if len(segment) > 0 && strings.HasPrefix(segment[0].Text, "@") {
					segment = segment[1:]
				}
				if len(segment) == 0 {
					continue
				}
				switch segment[0].Text {
				case jwtauth.AppName, "token_server", "jwt_auth", "jwt_role", "jwt_claim":
					all = append(all, segment)
				}
			}
		}
	}
	if len(all) < 400 {
		t.Fatalf("only %d segments in the golden files", len(all))
	}
	return all
}

// seeds are the segments that begin a line with what none before them has begun
// one with.
func seeds(t testing.TB) (texts []string) {
	t.Helper()
	seen := make(map[string]bool)
	for _, segment := range ours(t) {
		fresh := false
		for i, token := range segment {
			if line := segment[0].Text + " " + token.Text; (i == 0 || segment[i-1].Line < token.Line) && !seen[line] {
				seen[line], fresh = true, true
			}
		}
		if fresh {
			text, _ := render(segment)
			texts = append(texts, text)
		}
	}
	return texts
}

// TestFuzzSeeds: every segment of the golden files passes as a seed would, cut
// off behind each of its tokens, and the seeds have every option that there is.
func TestFuzzSeeds(t *testing.T) {
	for _, segment := range ours(t) {
		for n := range segment {
			check(t, segment[:n+1])
		}
	}
	const hash = "$2a$10$a0NH7J4ZruhVFz.JFdv39.2ya8sf74YlCeLgGD04.sfm.uGeDN3eW"
	has := regexp.MustCompile(`\(it has ([^)]+)\)`)
	all := strings.Join(seeds(t), "\n")
	for _, unknown := range []string{
		"jwtauth {\n?\n}", "jwtauth {\nuser a " + hash + " {\n?\n}\n}", "jwtauth {\nclient a {\n?\n}\n}", "jwtauth {\npassword_hash {\n?\n}\n}",
		"jwtauth {\nthrottle {\n?\n}\n}", "token_server {\n?\n}", "jwt_auth {\n?\n}",
	} {
		tokens, err := caddyfile.Tokenize([]byte(unknown), "Caddyfile")
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = parse(tokens)
		if err == nil || !has.MatchString(err.Error()) {
			t.Fatalf("%q: %v", unknown, err)
		}
		for option := range strings.SplitSeq(has.FindStringSubmatch(err.Error())[1], ", ") {
			if !regexp.MustCompile(`(?m)^` + option + `\b`).MatchString(all) {
				t.Errorf("no seed has the option %s", option)
			}
		}
	}
	for _, word := range []string{"jwtauth", "token_server", "jwt_auth", "jwt_role", "jwt_claim"} {
		if !strings.Contains("\n"+all, "\n"+word+" ") {
			t.Errorf("no seed is of %s", word)
		}
	}
}
