package adminapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/audit"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/password"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/realm"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/throttle"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

func listUsers(ctx context.Context, r *realm.Realm, req *http.Request) (any, error) {
	limit, err := pageLimit(req)
	if err != nil {
		return nil, err
	}
	entries, err := r.Directory().List(ctx, req.URL.Query().Get("after"), limit)
	if err != nil {
		return nil, err
	}
	users := make([]User, len(entries))
	for i, entry := range entries {
		users[i] = shown(entry)
	}
	return users, nil
}

func addUser(ctx context.Context, r *realm.Realm, req *http.Request) (any, error) {
	var change UserChange
	if err := readJSON(req, &change); err != nil {
		return nil, err
	}
	if _, taken := r.Client(change.Username); taken {
		return nil, Error{http.StatusConflict, fmt.Errorf("%s is the name of a client: take another (RFC 9700 §4.15)", change.Username)}
	}
	u := user.User{Username: change.Username}
	if err := change.apply(&u, r.Hasher); err != nil {
		return nil, err
	}
	if err := user.CheckNew(u); err != nil {
		return nil, Error{http.StatusBadRequest, err}
	}
	entry, err := r.Directory().Create(ctx, u)
	if err != nil {
		return nil, err
	}
	r.Recorder.Event(ctx, audit.Event{Name: audit.UserAdded, User: u.Username, By: audit.ByAdmin})
	return shown(entry), nil
}

func showUser(ctx context.Context, r *realm.Realm, req *http.Request) (any, error) {
	entry, err := r.Directory().Lookup(ctx, req.URL.Query().Get("name"))
	if err != nil {
		return nil, err
	}
	return shown(entry), nil
}

func changeUser(ctx context.Context, r *realm.Realm, req *http.Request) (any, error) {
	name := req.URL.Query().Get("name")
	var change UserChange
	if err := readJSON(req, &change); err != nil {
		return nil, err
	}
	if change.Username != "" && change.Username != name {
		return nil, Error{http.StatusBadRequest, errors.New("a user cannot be renamed: add a new one and remove the old one")}
	}
	// Hashing is slow, and the change may have to be tried more than once.
	if err := change.hash(r.Hasher); err != nil {
		return nil, err
	}
	ended, err := change.carryOut(ctx, r, name)
	if err != nil {
		return nil, err
	}
	if change.EndSessions {
		r.Recorder.Event(ctx, audit.Event{Name: audit.SessionsRevoked, User: name, Ended: ended, By: audit.ByAdmin})
	}
	if change.PasswordHash != "" || (change.Disabled != nil && !*change.Disabled) {
		if err := r.Limiter.Reset(ctx, throttle.UserAccount(name)); err != nil {
			return nil, err
		}
	}
	if change.PasswordHash != "" {
		r.Recorder.Event(ctx, audit.Event{Name: audit.PasswordChanged, User: name, By: audit.ByAdmin})
	}
	r.Recorder.Event(ctx, audit.Event{Name: audit.UserChanged, User: name, By: audit.ByAdmin})
	entry, err := r.Directory().Lookup(ctx, name)
	if err != nil {
		return nil, err
	}
	return shown(entry), nil
}

// carryOut changes the user, and returns how many sessions EndSessions has ended.
func (c *UserChange) carryOut(ctx context.Context, r *realm.Realm, name string) (ended int, err error) {
	if c.EndSessions && c.onlyRoles() {
		return c.setRolesNow(ctx, r, name)
	}
	if err := r.Directory().Update(ctx, name, func(u *user.User) error { return c.apply(u, r.Hasher) }); err != nil {
		return 0, err
	}
	if c.EndSessions {
		ended, err = r.Manager().EndAll(ctx, name, "")
	}
	return ended, err
}

// onlyRoles reports a change of roles and of nothing else.
func (c *UserChange) onlyRoles() bool {
	return c.Roles != nil && c.FullName == nil && c.Email == nil && c.Disabled == nil &&
		c.Scopes == nil && c.Claims == nil && c.PasswordHash == ""
}

// setRolesNow replaces the roles and ends the sessions in one step, so that no token
// with the old roles is issued in between. The number is that of the sessions that were
// live right before.
func (c *UserChange) setRolesNow(ctx context.Context, r *realm.Realm, name string) (ended int, err error) {
	entry, err := r.Directory().Lookup(ctx, name)
	if err != nil {
		return 0, err
	}
	if entry.Roles = *c.Roles; user.Check(entry.User) != nil {
		return 0, Error{http.StatusBadRequest, user.Check(entry.User)}
	}
	live, err := r.Manager().List(ctx, name)
	if err != nil {
		return 0, err
	}
	return len(live), r.Directory().SetRoles(ctx, name, *c.Roles, true)
}

func removeUser(ctx context.Context, r *realm.Realm, req *http.Request) (any, error) {
	name := req.URL.Query().Get("name")
	if err := r.Directory().Remove(ctx, name); err != nil {
		return nil, err
	}
	r.Recorder.Event(ctx, audit.Event{Name: audit.UserRemoved, User: name, By: audit.ByAdmin})
	return nil, nil
}

// hash replaces the password by its hash.
func (c *UserChange) hash(hasher *password.Hasher) error {
	if c.Password == "" {
		return nil
	}
	if c.PasswordHash != "" {
		return Error{http.StatusBadRequest, errors.New("give a password or a hash, not both")}
	}
	hash, err := hasher.Hash(c.Password)
	if err != nil {
		return Error{http.StatusBadRequest, err}
	}
	c.Password, c.PasswordHash = "", hash
	return nil
}

func (c *UserChange) apply(u *user.User, hasher *password.Hasher) error {
	if err := c.hash(hasher); err != nil {
		return err
	}
	if c.PasswordHash != "" {
		u.PasswordHash = c.PasswordHash
	}
	set(&u.FullName, c.FullName)
	set(&u.Email, c.Email)
	set(&u.Disabled, c.Disabled)
	set(&u.Roles, c.Roles)
	set(&u.Scopes, c.Scopes)
	set(&u.Claims, c.Claims)
	if err := user.Check(*u); err != nil {
		return Error{http.StatusBadRequest, err}
	}
	return nil
}

func set[T any](into *T, value *T) {
	if value != nil {
		*into = *value
	}
}

func shown(e user.Entry) User {
	u := User{
		Username: e.Username, FullName: e.FullName, Email: e.Email, Disabled: e.Disabled,
		Roles: e.Roles, Scopes: e.Scopes, Claims: e.Claims,
		Source: string(e.Source), Path: e.Path, HasHash: e.PasswordHash != "", Ambiguous: e.Ambiguous,
	}
	if u.Roles == nil {
		u.Roles = []string{}
	}
	if hash, err := password.Parse(e.PasswordHash); err == nil {
		u.Scheme = hash.Scheme()
	}
	if !e.CreatedAt.IsZero() {
		u.CreatedAt, u.UpdatedAt = &e.CreatedAt, &e.UpdatedAt
	}
	return u
}
