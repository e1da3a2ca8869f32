package jwtauth_test

import (
	"strings"
	"testing"
)

// TestStartTells: at start the log says what each realm is, and what people would run
// into.
func TestStartTells(t *testing.T) {
	for name, test := range map[string]struct {
		realm, site string
		says, not   []string
	}{
		"users": {"store memory\n<USERS>", "token_server\njwt_auth",
			[]string{`"realm":"default"`, `"msg":"the realm is open"`, `"users":"3"`, `"store":"memory`, `"issuer":"urn:uuid:`, `"sign_in":["http://:<PORT>/login"]`},
			[]string{"no users yet", "lives longer"}},
		"a file":  {"store bolt <DIR>/realm.db\n<USERS>", "jwt_auth", []string{`"store":"bolt <DIR>/realm.db"`}, nil},
		"none":    {"store memory", "jwt_auth", []string{`"users":"0"`, "no users yet: add one with `caddy jwtauth user add <name>`"}, nil},
		"a token": {"store memory\naccess_token_lifetime 2d\nrefresh_token_lifetime 1d", "jwt_auth", []string{"an access token lives longer than the session"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := startWith(t, test.realm, test.site)
			replace := strings.NewReplacer("<PORT>", s.vars["<PORT>"], "<DIR>", s.dir)
			for _, text := range test.says {
				if text = replace.Replace(text); !strings.Contains(s.log(), text) {
					t.Errorf("the log lacks %s", text)
				}
			}
			for _, text := range test.not {
				if strings.Contains(s.log(), text) {
					t.Errorf("the log has %s", text)
				}
			}
			if strings.Contains(s.log(), "$argon2") || strings.Contains(s.log(), "alice@example.com") {
				t.Error("the log shows what is of users")
			}
		})
	}
}
