package pages

import (
	"fmt"
	"io"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// check renders every page with every sample view, in every language, so that a
// mistake in a template or a text is an error when the theme is loaded.
func (t *Theme) check() error {
	for name, views := range sampleViews() {
		if t.templates[name] == nil {
			return fmt.Errorf("the template %s is missing", name)
		}
		for _, v := range views {
			v.Page, v.Site = name, t.title
			for _, v.catalogue = range t.catalogues.all {
				if err := t.templates[name].ExecuteTemplate(io.Discard, layoutFile, v); err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
			}
		}
	}
	return nil
}

// sampleViews returns views for every page, by the name of its template.
func sampleViews() map[string][]view {
	problems := []problem{{Key: "wrong"}, {Field: fieldUsername, Key: "missing_username"}, {Field: fieldPassword, Key: "missing_password"},
		{Field: fieldCurrent, Key: "wrong_current"}, {Field: fieldNew, Key: "new_short"}, {Field: fieldRepeated, Key: "new_differs"}}
	now := time.Now()
	row := sessionRow{ID: "x", Browser: "Firefox", System: "Linux", IP: "::1", Since: now, Used: now}
	account := accountData{User: user.User{Username: "alice", Roles: []string{"a", "b"}}, Sessions: []sessionRow{row, {Current: true}}}
	changed := account
	changed.Writable, changed.More, changed.Done = true, 3, doneTexts["password"]
	all := map[string][]view{
		pageSignIn: {{Data: signInData{}}, {Data: signInData{Username: "alice", ReturnTo: "/", Keep: true, SignedIn: "Alice", Continue: "/"}},
			{Data: signInData{}, Problems: problems}},
		pageSignOut: {{Data: signOutData{}}, {Data: signOutData{SignedIn: "Alice", ReturnTo: "/"}}},
		pageAccount: {{Data: account}, {Data: changed, Problems: problems}},
		pageForbidden: {{Data: forbiddenData{SignedIn: "Alice", Any: []string{"a"}, All: []string{"a", "b"}}},
			{Data: forbiddenData{SignedIn: "Alice", Any: []string{"a", "b"}, All: []string{"a"}, Other: true}}},
	}
	for _, name := range []string{msgBadRequest, msgOtherSite, msgNoCookies, msgBadCookie, msgHostHidden, msgBroken, msgUnavailable, msgNotSent, msgFrame} {
		all[pageMessage] = append(all[pageMessage], view{Data: messageData{Name: name, SignIn: "/login"}})
	}
	return all
}
