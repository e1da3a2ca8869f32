package cmd

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/adminapi"
)

// A user agent is written by a stranger and read in an administrator's terminal.
func TestTableIsSafeForTerminals(t *testing.T) {
	var out bytes.Buffer
	rows := [][]string{{"USER", "USER AGENT"}, {"al\tice", "\x1b]0;title\a\nx\u202egnp\xffé"}}
	if err := writeTable(&out, rows); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "USER    USER AGENT\nal?ice  ?]0;title??x?gnp?é\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestOneLine(t *testing.T) {
	if err := oneLine(errors.Join(errors.New("one"), errors.New("two\x1b"))); err.Error() != "one; two?" {
		t.Errorf("%q", err)
	}
	if err := oneLine(nil); err != nil {
		t.Errorf("%v, want nil", err)
	}
}

func TestJSONIsStable(t *testing.T) {
	var out bytes.Buffer
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	if err := writeJSON(&out, []adminapi.User{{Username: "a<b", Roles: []string{}, Source: "store", CreatedAt: &at}}); err != nil {
		t.Fatal(err)
	}
	want := `[
  {
    "username": "a<b",
    "disabled": false,
    "roles": [],
    "source": "store",
    "has_password": false,
    "created_at": "2026-01-02T03:04:05Z"
  }
]
`
	if out.String() != want {
		t.Errorf("%s, want %s", out.String(), want)
	}
}

func TestUsedFrom(t *testing.T) {
	early, late := time.Date(2026, 1, 2, 3, 4, 5, 0, time.Local), time.Date(2026, 1, 2, 3, 14, 5, 0, time.Local)
	keys := []adminapi.Key{{UsedFrom: &late}, {UsedFrom: &early}, {}}
	if got := usedFrom(keys, false); got != "in use from 2026-01-02 03:14:05 on" {
		t.Error(got)
	}
	if got := usedFrom(keys, true); got != "in use from now on" {
		t.Error(got)
	}
}
