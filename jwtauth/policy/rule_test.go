package policy

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
)

func TestRuleCheck(t *testing.T) {
	p := &Principal{
		Username: "alice",
		Roles:    []string{"admin", "editor"},
		Scopes:   []string{"read", "write"},
		Claims: MapClaims{
			"tenant": "acme", "level": float64(3), "big": json.Number("9007199254740993"), "on": true,
			"groups": []any{"a", float64(7), false, []any{"nested"}, nil}, "plain": []string{"x", "y"},
			"a.b": "dotted", "a": map[string]any{"c": "deep"}, "none": nil, "nan": math.NaN(), "int": 5,
			"empty": "",
		},
	}
	claim := func(name string, values ...string) Rule {
		return Rule{Claims: []Claim{{Name: name, Values: values}}}
	}
	for _, tc := range []struct {
		name string
		rule Rule
		want error
	}{
		{"zero rule", Rule{}, nil},
		{"any role", Rule{AnyRoles: []string{"x", "editor"}}, nil},
		{"any role, none held", Rule{AnyRoles: []string{"x", "y"}}, ErrRole},
		{"another case", Rule{AnyRoles: []string{"Admin"}}, ErrRole},
		{"substring", Rule{AnyRoles: []string{"adm"}}, ErrRole},
		{"joined", Rule{AnyRoles: []string{"admin,editor"}}, ErrRole},
		{"look-alike", Rule{AnyRoles: []string{"аdmin"}}, ErrRole},
		{"all roles", Rule{AllRoles: []string{"editor", "admin"}}, nil},
		{"all roles, one missing", Rule{AllRoles: []string{"editor", "owner"}}, ErrRole},
		{"emptied any", Rule{AnyRoles: []string{}}, ErrRole},
		{"emptied all", Rule{AllRoles: []string{}}, ErrRole},
		{"emptied scopes", Rule{Scopes: []string{}}, ErrScope},
		{"emptied claims", Rule{Claims: []Claim{}}, ErrClaim},
		{"scopes", Rule{Scopes: []string{"write", "read"}}, nil},
		{"scope missing", Rule{Scopes: []string{"read", "delete"}}, ErrScope},
		{"string claim", claim("tenant", "other", "acme"), nil},
		{"string claim differs", claim("tenant", "ACME"), ErrClaim},
		{"number", claim("level", "3"), nil},
		{"number in another spelling", claim("level", "3.0"), ErrClaim},
		{"big number", claim("big", "9007199254740993"), nil},
		{"configured integer", claim("int", "5"), nil},
		{"boolean", claim("on", "true"), nil},
		{"element", claim("groups", "a"), nil},
		{"number element", claim("groups", "7"), nil},
		{"boolean element", claim("groups", "false"), nil},
		{"nested element", claim("groups", "nested"), ErrClaim},
		{"null element", claim("groups", "null"), ErrClaim},
		{"string list", claim("plain", "y"), nil},
		{"string list, no element", claim("plain", "z"), ErrClaim},
		{"dotted name", claim("a.b", "dotted"), nil},
		{"dotted path", claim("a.c", "deep"), ErrClaim},
		{"object", claim("a", "map[c:deep]", `{"c":"deep"}`), ErrClaim},
		{"null", claim("none", "", "null"), ErrClaim},
		{"not a number", claim("nan", "", "NaN"), ErrClaim},
		{"absent claim, empty value", claim("absent", ""), ErrClaim},
		{"empty string claim", claim("empty", ""), nil},
		{"claim without values", claim("tenant"), ErrClaim},
		{"claim without name", claim("", ""), ErrClaim},
		{"two claims, one fails", Rule{Claims: []Claim{{"tenant", []string{"acme"}}, {"on", []string{"false"}}}}, ErrClaim},
		{"all lines hold", Rule{AnyRoles: []string{"admin"}, AllRoles: []string{"editor"}, Scopes: []string{"read"}, Claims: []Claim{{"tenant", []string{"acme"}}}}, nil},
		{"roles hold, scope fails", Rule{AnyRoles: []string{"admin"}, Scopes: []string{"delete"}}, ErrScope},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := tc.rule.Check(p)
			if !errors.Is(err, tc.want) || tc.want == nil && err != nil {
				t.Fatalf("Check = %v, want %v", err, tc.want)
			}
			if err != nil && !errors.Is(err, ErrDenied) {
				t.Errorf("%v is no ErrDenied", err)
			}
			if err := tc.rule.Check(nil); !errors.Is(err, ErrDenied) {
				t.Errorf("nobody: %v, want ErrDenied", err)
			}
			if err := tc.rule.Check(&Principal{}); err == nil && tc.rule.AnyRoles != nil {
				t.Error("a principal without roles passed a rule on roles")
			}
		})
	}
}

func TestScopeErrorNamesWhatTheChallengeNeeds(t *testing.T) {
	err := Rule{Scopes: []string{"read", "write", "delete"}}.Check(&Principal{Scopes: []string{"write"}})
	var scope *ScopeError
	if !errors.As(err, &scope) {
		t.Fatalf("%v is no *ScopeError", err)
	}
	if !slices.Equal(scope.Required, []string{"read", "write", "delete"}) || !slices.Equal(scope.Missing, []string{"read", "delete"}) {
		t.Errorf("required %q, missing %q", scope.Required, scope.Missing)
	}
}

func TestRuleValidate(t *testing.T) {
	for _, tc := range []struct {
		rule Rule
		want string // part of the message; "" for a valid rule
	}{
		{Rule{}, ""},
		{Rule{AnyRoles: []string{"admin", "team-a:lead"}, Scopes: []string{"a:b"}, Claims: []Claim{{"tenant", []string{""}}}}, ""},
		{Rule{AnyRoles: []string{}}, "roles any"},
		{Rule{AllRoles: []string{}}, "roles all"},
		{Rule{Scopes: []string{}}, "scope: "},
		{Rule{Claims: []Claim{}}, "claim: "},
		{Rule{AnyRoles: []string{""}}, "empty"},
		{Rule{AnyRoles: []string{"admin,user"}}, "comma"},
		{Rule{AnyRoles: []string{"admin user"}}, "comma or a space"},
		{Rule{AllRoles: []string{"a\tb"}}, "control"},
		{Rule{AnyRoles: []string{"admin", "/x/*"}}, "must not begin with"},
		{Rule{AnyRoles: []string{"@m"}}, "must not begin with"},
		{Rule{AnyRoles: []string{"*"}}, "must not begin with"},
		{Rule{Scopes: []string{"a b"}}, "printable ASCII"},
		{Rule{Scopes: []string{`a"`}}, "printable ASCII"},
		{Rule{Scopes: []string{""}}, "scope"},
		{Rule{Claims: []Claim{{"tenant", nil}}}, "no values"},
		{Rule{Claims: []Claim{{"", []string{"x"}}}}, "no name"},
	} {
		err := tc.rule.Validate()
		if tc.want == "" {
			if err != nil {
				t.Errorf("%+v: %v", tc.rule, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%+v: %v, want it to say %q", tc.rule, err, tc.want)
		}
	}
}

// An emptied list must not turn into "no list" on its way through JSON.
func TestRuleKeepsEmptyListsInJSON(t *testing.T) {
	text, err := json.Marshal(Rule{AllRoles: []string{}})
	if err != nil {
		t.Fatal(err)
	}
	var back Rule
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if back.Validate() == nil || back.Check(&Principal{Username: "a"}) == nil {
		t.Errorf("%s lost its empty list", text)
	}
}

func TestCheckAllocatesNothingToPass(t *testing.T) {
	p := &Principal{Roles: []string{"admin"}, Scopes: []string{"read"}, Claims: MapClaims{"tenant": "acme"}}
	r := Rule{AnyRoles: []string{"x", "admin"}, Scopes: []string{"read"}, Claims: []Claim{{"tenant", []string{"acme"}}}}
	if n := testing.AllocsPerRun(100, func() {
		if r.Check(p) != nil {
			t.Fatal("denied")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
