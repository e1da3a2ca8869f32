package explain

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
)

// Answer says who gets what a URL asks for.
type Answer struct {
	Method string `json:"method"`
	URL    string `json:"url"`
	Cases  []Case `json:"cases"`
}

// Case is what happens for some visitors.
type Case struct {
	// Who are the visitors, in words.
	Who string `json:"who"`
	Outcome
	// Conditions are what else has to hold.
	Conditions []string `json:"conditions,omitempty"`
	// Steps are what handlers do, in their order.
	Steps []Step `json:"steps"`
}

// String says what becomes of the request.
func (o Outcome) String() string {
	var text string
	status := ""
	if o.Status != 0 {
		status = fmt.Sprintf(" with %d", o.Status)
	}
	switch {
	case o.RefusedBy != "":
		text = "refused by " + o.RefusedBy + status + ": " + o.Reason
		if o.SignIn != "" {
			text += "; a browser is sent to " + o.SignIn
		}
		if o.AnsweredBy != "" && o.AnsweredBy != o.RefusedBy {
			text += "; " + o.AnsweredBy + " makes the answer"
		}
	case o.AnsweredBy == "" && o.Status < 300:
		text = "nothing answers, so that Caddy sends an empty 200"
	case o.AnsweredBy == "":
		text = fmt.Sprintf("ends in the error %d", o.Status)
	default:
		text = "answered by " + o.AnsweredBy + status
		if o.Location != "" {
			text += ", which leads to " + o.Location
		}
	}
	return text
}

// Named is a visitor with a name.
type Named struct {
	Who string
	Visitor
}

// Roled is a visitor who stands for every user with these roles, in every realm.
func Roled(roles ...string) Visitor {
	p := &policy.Principal{Username: "some-user", Roles: roles}
	return Visitor{Principal: func(string) *policy.Principal { return p }, Granted: true}
}

// Ask says what one visitor gets.
func (a *Routes) Ask(ctx context.Context, method, text string, visitor Named) (Answer, error) {
	asking, err := a.asking(method, text)
	if err != nil {
		return Answer{}, err
	}
	return asking.answer(asking.run(ctx, visitor.Visitor).of(visitor.Who)), nil
}

// AskAll says what each kind of visitor gets: those with the roles that change anything,
// the other signed-in users, and all others.
func (a *Routes) AskAll(ctx context.Context, method, text string) (Answer, error) {
	asking, err := a.asking(method, text)
	if err != nil {
		return Answer{}, err
	}
	stranger, signedIn := asking.run(ctx, Visitor{}), asking.run(ctx, Roled())
	var cases []Case
	for _, group := range asking.roleGroups(ctx, signedIn, a.roles) {
		cases = append(cases, group.trace.of(group.String()))
	}
	switch {
	case stranger.same(signedIn) && len(cases) == 0:
		return asking.answer(signedIn.of("everyone")), nil
	case stranger.same(signedIn):
		return asking.answer(append(cases, stranger.of("everyone else"))...), nil
	case len(cases) == 0:
		cases = append(cases, signedIn.of("every signed-in user"))
	default:
		cases = append(cases, signedIn.of("every other signed-in user"))
	}
	return asking.answer(append(cases, stranger.of("everyone else"))...), nil
}

// asking is a question of which the server is known.
type asking struct {
	*server
	method string
	url    *url.URL
}

func (a *Routes) asking(method, text string) (asking, error) {
	method, u, err := Parse(method, text)
	if err != nil {
		return asking{}, err
	}
	s, err := a.find(method, u)
	return asking{s, method, u}, err
}

func (a asking) run(ctx context.Context, visitor Visitor) *Trace {
	return a.server.run(ctx, a.method, a.url, visitor)
}

func (a asking) answer(cases ...Case) Answer { return Answer{a.method, a.url.String(), cases} }

// of is a trace as the case of some visitors.
func (t *Trace) of(who string) Case {
	return Case{Who: who, Outcome: t.outcome, Conditions: t.conditions, Steps: append([]Step{}, t.steps...)}
}

// same reports that the same becomes of two requests.
func (t *Trace) same(other *Trace) bool {
	return t.outcome == other.outcome && slices.Equal(t.conditions, other.conditions)
}

// roleGroup are sets of roles for which the same happens.
type roleGroup struct {
	sets  [][]string
	trace *Trace
}

func (g roleGroup) String() string {
	var texts []string
	for _, set := range g.sets {
		texts = append(texts, strings.Join(set, " and "))
	}
	return "role " + strings.Join(texts, ", or ")
}

// roleGroups are the sets of roles that change what happens, each as small as can be.
func (a asking) roleGroups(ctx context.Context, signedIn *Trace, known []string) (groups []roleGroup) {
	sets := a.roleSets(ctx, known)
	type done struct {
		set   []string
		trace *Trace
	}
	all := []done{{nil, signedIn}}
	for _, set := range sets {
		trace := a.run(ctx, Roled(set...))
		// A smaller set for which the same happens says enough.
		told := slices.ContainsFunc(all, func(d done) bool { return isWithin(d.set, set) && d.trace.same(trace) })
		all = append(all, done{set, trace})
		if told {
			continue
		}
		i := slices.IndexFunc(groups, func(g roleGroup) bool { return g.trace.same(trace) })
		if i < 0 {
			i, groups = len(groups), append(groups, roleGroup{trace: trace})
		}
		groups[i].sets = append(groups[i].sets, set)
	}
	return groups
}

func isWithin(small, large []string) bool {
	return !slices.ContainsFunc(small, func(role string) bool { return !slices.Contains(large, role) })
}

// mostSets bounds the combinations that are tried.
const mostSets = 256

// roleSets are those of which one could make a difference, the small ones first: each
// role alone, and what all guards on the way ask for.
func (a asking) roleSets(ctx context.Context, known []string) (sets [][]string) {
	known = slices.Clone(known)
	var rules []policy.Rule
	for {
		// One who has all roles passes guards that others do not come to.
		rules = a.run(ctx, Roled(known...)).rules
		before := len(known)
		for _, rule := range rules {
			for _, role := range slices.Concat(rule.AnyRoles, rule.AllRoles) {
				if !slices.Contains(known, role) {
					known = append(known, role)
				}
			}
		}
		if len(known) == before {
			break
		}
	}
	slices.Sort(known)
	for _, role := range known {
		sets = append(sets, []string{role})
	}
	sets = append(sets, combinations(rules)...)
	slices.SortStableFunc(sets, func(a, b []string) int { return len(a) - len(b) })
	return sets
}

// combinations are the sets of roles that fulfil all rules, at most [mostSets].
func combinations(rules []policy.Rule) [][]string {
	sets := [][]string{nil}
	for _, rule := range rules {
		choices := rule.AnyRoles
		if len(choices) == 0 {
			choices = []string{""}
		}
		var next [][]string
		for _, set := range sets {
			for _, choice := range choices {
				with := slices.Concat(set, rule.AllRoles)
				if choice != "" {
					with = append(with, choice)
				}
				slices.Sort(with)
				if with = slices.Compact(with); len(next) < mostSets && !slices.ContainsFunc(next, func(s []string) bool { return slices.Equal(s, with) }) {
					next = append(next, with)
				}
			}
		}
		sets = next
	}
	return sets
}
