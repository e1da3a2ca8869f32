package caddyfile

import (
	"slices"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// parseUser reads
//
//	user <username> <password_hash> [<roles...>] { … }
func parseUser(b block, realm *jwtauth.Realm) error {
	args := b.RemainingArgs()
	if len(args) < 2 {
		return b.Err("user takes a name, a password hash, and the user's roles; `caddy hash-password --algorithm argon2id` makes a hash")
	}
	if args[1] == "" {
		return b.Errf("the password hash of user %s is empty; `caddy hash-password --algorithm argon2id` makes one", args[0])
	}
	u := jwtauth.User{Username: args[0], PasswordHash: args[1], Roles: args[2:]}
	if err := checkUser(b, u); err != nil {
		return err
	}
	options := newBlock(b.Dispenser)
	for nesting := b.Nesting(); b.NextBlock(nesting); {
		option := b.Val()
		if err := parseUserOption(options, &u); err != nil {
			return err
		}
		if err := checkUser(b, u); err != nil {
			return err
		}
		if err := options.flat(option, nesting+1); err != nil {
			return err
		}
	}
	if slices.ContainsFunc(realm.Users, func(other jwtauth.User) bool { return other.Username == u.Username }) {
		return b.Errf("user %s is defined twice", u.Username)
	}
	if slices.ContainsFunc(realm.Clients, func(c jwtauth.Client) bool { return c.ID == u.Username }) {
		return errClientIsUser(b, u.Username)
	}
	realm.Users = append(realm.Users, u)
	return nil
}

// checkUser is called after each option, so that the error has its line.
func checkUser(b block, u jwtauth.User) error {
	checked := user.User{
		Username: u.Username, FullName: u.FullName, Email: u.Email, Roles: u.Roles, Scopes: u.Scopes, Claims: u.Claims,
	}
	if !hasPlaceholder(u.PasswordHash) {
		checked.PasswordHash = u.PasswordHash
	}
	if err := user.CheckNew(checked); err != nil {
		return b.WrapErr(err)
	}
	return nil
}

func parseUserOption(b block, u *jwtauth.User) (err error) {
	switch b.Val() {
	case "scope":
		var scopes []string
		scopes, err = b.some("the scopes that a token of this user may carry")
		u.Scopes = append(u.Scopes, scopes...)
	case "full_name":
		u.FullName, err = b.one("one text; put it in quotes where it has spaces")
	case "email":
		u.Email, err = b.one("an e-mail address")
	case "claim":
		args := b.RemainingArgs()
		if len(args) != 2 || args[0] == "" {
			return b.Err("claim takes a name and a value")
		}
		if _, twice := u.Claims[args[0]]; twice {
			return b.Errf("claim %s is written twice", args[0])
		}
		if u.Claims == nil {
			u.Claims = make(map[string]any)
		}
		u.Claims[args[0]] = args[1]
	case "disabled":
		err = b.none()
		u.Disabled = true
	default:
		err = b.unknown("user", "scope, full_name, email, claim, disabled")
	}
	return err
}
