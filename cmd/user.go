package cmd

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/adminapi"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

func userCommand(o *options) *cobra.Command {
	return group(&cobra.Command{
		Use:   "user <command>",
		Short: "Adds, shows, changes and removes users",
		Long:  "Adds, shows, changes and removes the users of a realm's store.\nUsers of the config and of users files are shown too; they are changed there.",
	}, userAdd(o), userList(o), userShow(o), userPasswd(o), userRoles(o),
		userSwitch(o, true), userSwitch(o, false), userRemove(o))
}

func userAdd(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "add <name> [--role <role>]… [--scope <scope>]…",
		Short:   "Adds a user",
		Example: "  $ caddy jwtauth user add alice --role admin --role editor",
	}
	var u user.User
	var claims []string
	var from secret
	from.addFlags(cmd)
	flags := cmd.Flags()
	flags.StringArrayVar(&u.Roles, "role", nil, "A role; may be repeated")
	flags.StringArrayVar(&u.Scopes, "scope", nil, "A scope that tokens of the user may carry; may be repeated")
	flags.StringVar(&u.FullName, "full-name", "", "The name shown to people")
	flags.StringVar(&u.Email, "email", "", "The e-mail address")
	flags.StringArrayVar(&claims, "claim", nil, "One more claim for the user's tokens, as `name=value`; may be repeated")
	flags.BoolVar(&u.Disabled, "disabled", false, "The user can not sign in until enabled")
	return runs(cmd, 1, 1, func(cmd *cobra.Command, args []string) error {
		u.Username = args[0]
		var err error
		if u.Claims, err = parseClaims(claims); err != nil {
			return err
		}
		// What is wrong is said before a password is asked for.
		if err := user.CheckNew(u); err != nil {
			return err
		}
		change := adminapi.UserChange{
			Username: u.Username, FullName: &u.FullName, Email: &u.Email, Disabled: &u.Disabled,
			Roles: &u.Roles, Scopes: &u.Scopes, Claims: &u.Claims,
		}
		if change.Password, change.PasswordHash, err = from.read(cmd, o); err != nil {
			return err
		}
		return o.with(cmd, func(ctx context.Context, a *api) error {
			var added adminapi.User
			if err := a.call(ctx, http.MethodPost, "users", nil, change, &added); err != nil {
				return a.explainUser(ctx, err, u.Username, true)
			}
			return o.say(cmd, added, "user %s added", u.Username)
		})
	})
}

// parseClaims reads name=value. A value is text, as in the Caddyfile.
func parseClaims(given []string) (map[string]any, error) {
	if len(given) == 0 {
		return nil, nil
	}
	claims := make(map[string]any, len(given))
	for _, text := range given {
		name, value, ok := strings.Cut(text, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("--claim %q: it takes name=value", text)
		}
		if _, twice := claims[name]; twice {
			return nil, fmt.Errorf("--claim %s is given twice", name)
		}
		claims[name] = value
	}
	return claims, nil
}

func userList(o *options) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "Lists the users of all sources"}
	return runs(cmd, 0, 0, func(cmd *cobra.Command, _ []string) error {
		return o.with(cmd, func(ctx context.Context, a *api) error {
			users, err := pages(ctx, a, "users", nil, func(u adminapi.User) string { return u.Username })
			if err != nil {
				return err
			}
			rows := [][]string{{"USERNAME", "ROLES", "STATE", "SOURCE", "FULL NAME", "EMAIL"}}
			for _, u := range users {
				rows = append(rows, []string{u.Username, list(u.Roles), stateOf(u), sourceOf(u), orDash(u.FullName), orDash(u.Email)})
			}
			return o.show(cmd, users, rows)
		})
	})
}

func userShow(o *options) *cobra.Command {
	cmd := &cobra.Command{Use: "show <name>", Short: "Shows a user"}
	return runs(cmd, 1, 1, func(cmd *cobra.Command, args []string) error {
		return o.with(cmd, func(ctx context.Context, a *api) error {
			u, err := a.user(ctx, args[0])
			if err != nil {
				return a.explainUser(ctx, err, args[0], false)
			}
			return o.show(cmd, u, userRows(u))
		})
	})
}

func userRows(u adminapi.User) [][]string {
	password := "none"
	if u.HasHash {
		password = u.Scheme
	}
	rows := [][]string{
		{"username", u.Username}, {"full name", orDash(u.FullName)}, {"email", orDash(u.Email)},
		{"state", stateOf(u)}, {"roles", list(u.Roles)}, {"scopes", list(u.Scopes)},
		{"password", password}, {"source", sourceOf(u)},
	}
	if u.CreatedAt != nil && u.UpdatedAt != nil {
		rows = append(rows, []string{"created", timeText(*u.CreatedAt)}, []string{"changed", timeText(*u.UpdatedAt)})
	}
	return append(rows, claimRows("claim ", u.Claims)...)
}

func claimRows(prefix string, claims map[string]any) [][]string {
	var rows [][]string
	for _, name := range slices.Sorted(maps.Keys(claims)) {
		text, ok := claims[name].(string)
		if !ok {
			encoded, _ := json.Marshal(claims[name])
			text = string(encoded)
		}
		rows = append(rows, []string{prefix + name, text})
	}
	return rows
}

func stateOf(u adminapi.User) string {
	switch {
	case u.Ambiguous:
		return "in two sources" // and so cannot sign in
	case u.Disabled:
		return "disabled"
	default:
		return "enabled"
	}
}

func sourceOf(u adminapi.User) string {
	if u.Path != "" {
		return u.Source + " " + u.Path
	}
	return u.Source
}

func userPasswd(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "passwd <name>",
		Short: "Sets a user's password and ends the user's sessions",
	}
	var from secret
	from.addFlags(cmd)
	return runs(cmd, 1, 1, func(cmd *cobra.Command, args []string) error {
		var change adminapi.UserChange
		var err error
		if change.Password, change.PasswordHash, err = from.read(cmd, o); err != nil {
			return err
		}
		return o.change(cmd, args[0], change, "password of %s changed; the sessions have ended")
	})
}

func userRoles(o *options) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "roles <name> [<roles…>] [--add <role>]… [--remove <role>]… [--none] [--now]",
		Short: "Shows or sets the roles of a user",
		Long: `Shows the roles of a user, or sets them. Other roles act when the user's next
token is issued; with --now the user's sessions end, and they act at once.`,
		Example: "  $ caddy jwtauth user roles alice editor reviewer\n  $ caddy jwtauth user roles alice --remove editor --now",
	}
	var add, remove []string
	var none, now bool
	cmd.Flags().StringArrayVar(&add, "add", nil, "A role to add to those the user has; may be repeated")
	cmd.Flags().StringArrayVar(&remove, "remove", nil, "A role to take away; may be repeated")
	cmd.Flags().BoolVar(&none, "none", false, "Take all roles away")
	cmd.Flags().BoolVar(&now, "now", false, "End the user's sessions, so that the roles act at once")
	return runs(cmd, 1, -1, func(cmd *cobra.Command, args []string) error {
		name, roles := args[0], slices.Clone(args[1:])
		edit := len(add)+len(remove) > 0
		switch {
		case len(roles) > 0 && (edit || none), edit && none:
			return errors.New("give all roles of the user, or --add and --remove, or --none")
		case len(roles) == 0 && !edit && !none && now:
			return errors.New("--now goes with a change of the roles; `caddy jwtauth session revoke --user` ends sessions alone")
		case len(roles) == 0 && !edit && !none:
			return o.showRoles(cmd, name)
		}
		for _, role := range slices.Concat(roles, add) {
			if err := policy.CheckRole(role); err != nil {
				return fmt.Errorf("role %q: %w", role, err)
			}
		}
		return o.with(cmd, func(ctx context.Context, a *api) error {
			if edit {
				u, err := a.user(ctx, name)
				if err != nil {
					return a.explainUser(ctx, err, name, false)
				}
				if roles, err = editRoles(u.Roles, add, remove); err != nil {
					return fmt.Errorf("user %s %w", name, err)
				}
			}
			acts := "they act when the next token is issued"
			if now {
				acts = "the sessions have ended"
			}
			changed, err := a.changeUser(ctx, name, adminapi.UserChange{Roles: &roles, EndSessions: now})
			if err != nil {
				return err
			}
			return o.say(cmd, changed, "roles of %s: %s; %s", name, list(changed.Roles), acts)
		})
	})
}

// editRoles adds and removes roles. To remove one that is not there is likely
// a slip of the pen.
func editRoles(roles, add, remove []string) ([]string, error) {
	roles = slices.Clone(roles)
	for _, role := range remove {
		i := slices.Index(roles, role)
		if i < 0 {
			return nil, fmt.Errorf("does not have the role %s: it has %s", role, list(roles))
		}
		roles = slices.Delete(roles, i, i+1)
	}
	for _, role := range add {
		if !slices.Contains(roles, role) {
			roles = append(roles, role)
		}
	}
	return roles, nil
}

func (o *options) showRoles(cmd *cobra.Command, name string) error {
	return o.with(cmd, func(ctx context.Context, a *api) error {
		u, err := a.user(ctx, name)
		if err != nil {
			return a.explainUser(ctx, err, name, false)
		}
		var rows [][]string
		for _, role := range u.Roles {
			rows = append(rows, []string{role})
		}
		return o.show(cmd, u.Roles, rows)
	})
}

// userSwitch is the command disable, or enable.
func userSwitch(o *options, disabled bool) *cobra.Command {
	cmd := &cobra.Command{Use: "enable <name>", Short: "Lets a disabled user sign in again"}
	done := "user %s enabled"
	if disabled {
		cmd = &cobra.Command{Use: "disable <name>", Short: "Ends a user's sessions and lets the user sign in no more"}
		done = "user %s disabled; the sessions have ended"
	}
	return runs(cmd, 1, 1, func(cmd *cobra.Command, args []string) error {
		return o.change(cmd, args[0], adminapi.UserChange{Disabled: &disabled}, done)
	})
}

func userRemove(o *options) *cobra.Command {
	cmd := &cobra.Command{Use: "remove <name>", Short: "Removes a user and ends the user's sessions"}
	return runs(cmd, 1, 1, func(cmd *cobra.Command, args []string) error {
		name := args[0]
		return o.with(cmd, func(ctx context.Context, a *api) error {
			if err := a.call(ctx, http.MethodDelete, "user", url.Values{"name": {name}}, nil, nil); err != nil {
				return a.explainUser(ctx, err, name, false)
			}
			return o.say(cmd, map[string]string{"removed": name}, "user %s removed; the sessions have ended", name)
		})
	})
}

// change changes a user and says so.
func (o *options) change(cmd *cobra.Command, name string, change adminapi.UserChange, done string) error {
	return o.with(cmd, func(ctx context.Context, a *api) error {
		changed, err := a.changeUser(ctx, name, change)
		if err != nil {
			return err
		}
		return o.say(cmd, changed, done, name)
	})
}

func (a *api) user(ctx context.Context, name string) (u adminapi.User, err error) {
	return u, a.call(ctx, http.MethodGet, "user", url.Values{"name": {name}}, nil, &u)
}

func (a *api) changeUser(ctx context.Context, name string, change adminapi.UserChange) (u adminapi.User, err error) {
	err = a.call(ctx, http.MethodPatch, "user", url.Values{"name": {name}}, change, &u)
	return u, a.explainUser(ctx, err, name, false)
}

// explainUser says what to do about a refused request for a user.
func (a *api) explainUser(ctx context.Context, err error, name string, adding bool) error {
	switch {
	case hasStatus(err, http.StatusNotFound):
		return fmt.Errorf("realm %s has no user %s: `caddy jwtauth user list` shows who there is", a.realm, name)
	case !hasStatus(err, http.StatusConflict):
		return err
	}
	u, lookupErr := a.user(ctx, name)
	switch {
	case hasStatus(lookupErr, http.StatusConflict):
		return fmt.Errorf("user %s is in the store and in the config or a users file: remove the one there, or the one in the store with `caddy jwtauth user remove %s`", name, name)
	case lookupErr != nil:
		return err
	case u.Source == string(user.SourceConfig):
		return fmt.Errorf("user %s stands in the config: change it there and reload Caddy", name)
	case u.Source == string(user.SourceFile):
		return fmt.Errorf("user %s stands in the users file %s: change it there, Caddy reads it again by itself", name, u.Path)
	case adding:
		return fmt.Errorf("user %s exists: change it with `caddy jwtauth user passwd`, `roles`, `disable` or `enable`, or remove it first", name)
	}
	return err
}

// pages reads a list to its end. key is what the next page begins after.
func pages[T any](ctx context.Context, a *api, name string, query url.Values, key func(T) string) ([]T, error) {
	const size = 1000 // the most that the API gives
	all := []T{}
	query = maps.Clone(query)
	if query == nil {
		query = make(url.Values)
	}
	query.Set("limit", fmt.Sprint(size))
	for {
		var page []T
		if err := a.call(ctx, http.MethodGet, name, query, nil, &page); err != nil {
			return nil, err
		}
		all = append(all, page...)
		if len(page) < size {
			return all, nil
		}
		query.Set("after", key(page[len(page)-1]))
	}
}
