package policy

import (
	"errors"
	"math"
	"strings"
	"testing"
)

// mapClaims are claims in a map.
type mapClaims map[string]any

func (m mapClaims) Claim(name string) (value any, ok bool) {
	value, ok = m[name]
	return value, ok
}

func TestRuleCheck(t *testing.T) {
	p := &Principal{
		Username: "alice",
		Roles:    []string{"admin", "editor"},
		Scopes:   []string{"read", "write"},
		Claims: mapClaims{
			"tenant": "acme", "level": float64(3), "big": int64(9007199254740993), "on": true,
			"groups": []any{"a", float64(7), false, []any{"nested"}, nil},
			"a.b":    "dotted", "a": map[string]any{"c": "deep"}, "none": nil, "nan": math.NaN(), "int": 5, "strings": []string{"x"},
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
		{"another type", claim("int", "5"), ErrClaim},
		{"another list type", claim("strings", "x"), ErrClaim},
		{"boolean", claim("on", "true"), nil},
		{"element", claim("groups", "a"), nil},
		{"number element", claim("groups", "7"), nil},
		{"boolean element", claim("groups", "false"), nil},
		{"nested element", claim("groups", "nested"), ErrClaim},
		{"null element", claim("groups", "null"), ErrClaim},
		{"no element", claim("groups", "z"), ErrClaim},
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
				t.Errorf("%v does not wrap ErrDenied", err)
			}
			if err := tc.rule.Check(nil); !errors.Is(err, ErrDenied) {
				t.Errorf("without a principal: %v, want ErrDenied", err)
			}
			if err := tc.rule.Check(&Principal{}); err == nil && tc.rule.AnyRoles != nil {
				t.Error("a principal without roles passed a rule on roles")
			}
		})
	}
}

func TestScopeErrorNamesTheMissingScopes(t *testing.T) {
	err := Rule{Scopes: []string{"read", "write", "delete"}}.Check(&Principal{Scopes: []string{"write"}})
	if !errors.Is(err, ErrScope) || !strings.HasSuffix(err.Error(), ": read delete") {
		t.Errorf("got %v", err)
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

func TestCheckAllocatesNothingIfItPasses(t *testing.T) {
	p := &Principal{Roles: []string{"admin"}, Scopes: []string{"read"}, Claims: mapClaims{"tenant": "acme"}}
	r := Rule{AnyRoles: []string{"x", "admin"}, Scopes: []string{"read"}, Claims: []Claim{{"tenant", []string{"acme"}}}}
	if n := testing.AllocsPerRun(100, func() {
		if r.Check(p) != nil {
			t.Fatal("denied")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
