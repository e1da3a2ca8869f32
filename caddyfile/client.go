package caddyfile

import (
	"slices"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/password"
)

// parseClient reads
//
//	client <id> [<secret_hash>] { … }
func parseClient(b block, realm *jwtauth.Realm) error {
	args := b.RemainingArgs()
	if len(args) < 1 || len(args) > 2 || args[0] == "" {
		return b.Err("client takes an id, and a hash of its secret unless it is public")
	}
	client := jwtauth.Client{ID: args[0]}
	if len(args) == 2 {
		if args[1] == "" {
			return b.Err("the hash of the client's secret is empty: leave it out for a public client")
		}
		client.SecretHash = args[1]
		if !hasPlaceholder(args[1]) {
			if _, err := password.Parse(args[1]); err != nil {
				return b.Errf("client %s: %v", client.ID, err)
			}
		}
	}
	if slices.ContainsFunc(realm.Clients, func(other jwtauth.Client) bool { return other.ID == client.ID }) {
		return b.Errf("client %s is defined twice", client.ID)
	}
	if slices.ContainsFunc(realm.Users, func(u jwtauth.User) bool { return u.Username == client.ID }) {
		return errClientIsUser(b, client.ID)
	}
	if err := client.Validate(); err != nil {
		return b.WrapErr(err)
	}
	options := newBlock(b.Dispenser)
	for nesting := b.Nesting(); b.NextBlock(nesting); {
		var err error
		var values []string
		option := b.Val()
		switch option {
		case "grant":
			values, err = options.some("one or both of password, refresh_token")
			client.Grants = append(client.Grants, values...)
		case "scope":
			values, err = options.some("the scopes that the client may ask for")
			client.Scopes = append(client.Scopes, values...)
		default:
			err = options.unknown("client", "grant, scope")
		}
		if err != nil {
			return err
		}
		if err := client.Validate(); err != nil {
			return b.WrapErr(err)
		}
		if err := options.flat(option, nesting+1); err != nil {
			return err
		}
	}
	realm.Clients = append(realm.Clients, client)
	return nil
}

func errClientIsUser(b block, name string) error {
	return b.Errf("client %s has the name of a user: rename one of them (RFC 9700 §4.15)", name)
}
