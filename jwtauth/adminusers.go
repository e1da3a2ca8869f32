package jwtauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/password"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/throttle"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

func listUsers(ctx context.Context, o *opened, r *http.Request) (any, error) {
	limit, err := pageLimit(r)
	if err != nil {
		return nil, err
	}
	entries, err := o.state.users().List(ctx, r.URL.Query().Get("after"), limit)
	if err != nil {
		return nil, err
	}
	users := make([]AdminUser, len(entries))
	for i, entry := range entries {
		users[i] = adminUser(entry)
	}
	return users, nil
}

func addUser(ctx context.Context, o *opened, r *http.Request) (any, error) {
	var change AdminUserChange
	if err := readAdminJSON(r, &change); err != nil {
		return nil, err
	}
	if _, taken := o.clients[change.Username]; taken {
		return nil, adminError{http.StatusConflict, fmt.Errorf("%s is the name of a client: take another (RFC 9700 §4.15)", change.Username)}
	}
	u := user.User{Username: change.Username}
	if err := change.apply(&u, o.hasher); err != nil {
		return nil, err
	}
	entry, err := o.state.users().Create(ctx, u)
	if err != nil {
		return nil, err
	}
	o.audit(ctx, eventUserAdded, record{user: u.Username, by: byAdmin})
	return adminUser(entry), nil
}

func showUser(ctx context.Context, o *opened, r *http.Request) (any, error) {
	entry, err := o.state.users().Lookup(ctx, r.URL.Query().Get("name"))
	if err != nil {
		return nil, err
	}
	return adminUser(entry), nil
}

func changeUser(ctx context.Context, o *opened, r *http.Request) (any, error) {
	name := r.URL.Query().Get("name")
	var change AdminUserChange
	if err := readAdminJSON(r, &change); err != nil {
		return nil, err
	}
	if change.Username != "" && change.Username != name {
		return nil, adminError{http.StatusBadRequest, errors.New("a user cannot be renamed: add a new one and remove the old one")}
	}
	// Hashing is slow, and the change may have to be tried more than once.
	if err := change.hash(o.hasher); err != nil {
		return nil, err
	}
	users := o.state.users()
	if err := users.Update(ctx, name, func(u *user.User) error { return change.apply(u, o.hasher) }); err != nil {
		return nil, err
	}
	if change.EndSessions {
		ended, err := o.sessions.EndAll(ctx, name, "")
		if err != nil {
			return nil, err
		}
		o.audit(ctx, eventSessionsRevoked, record{user: name, ended: ended, by: byAdmin})
	}
	if change.PasswordHash != "" || (change.Disabled != nil && !*change.Disabled) {
		if err := o.limiter.Reset(ctx, throttle.UserAccount(name)); err != nil {
			return nil, err
		}
	}
	if change.PasswordHash != "" {
		o.audit(ctx, eventPasswordChanged, record{user: name, by: byAdmin})
	}
	o.audit(ctx, eventUserChanged, record{user: name, by: byAdmin})
	entry, err := users.Lookup(ctx, name)
	if err != nil {
		return nil, err
	}
	return adminUser(entry), nil
}

func removeUser(ctx context.Context, o *opened, r *http.Request) (any, error) {
	name := r.URL.Query().Get("name")
	if err := o.state.users().Remove(ctx, name); err != nil {
		return nil, err
	}
	o.audit(ctx, eventUserRemoved, record{user: name, by: byAdmin})
	return nil, nil
}

// hash replaces the password by its hash.
func (c *AdminUserChange) hash(hasher *password.Hasher) error {
	if c.Password == "" {
		return nil
	}
	if c.PasswordHash != "" {
		return adminError{http.StatusBadRequest, errors.New("give a password or a hash, not both")}
	}
	hash, err := hasher.Hash(c.Password)
	if err != nil {
		return adminError{http.StatusBadRequest, err}
	}
	c.Password, c.PasswordHash = "", hash
	return nil
}

func (c *AdminUserChange) apply(u *user.User, hasher *password.Hasher) error {
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
		return adminError{http.StatusBadRequest, err}
	}
	return nil
}

func set[T any](into *T, value *T) {
	if value != nil {
		*into = *value
	}
}

func adminUser(e user.Entry) AdminUser {
	u := AdminUser{
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
