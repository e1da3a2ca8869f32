package jwtauth

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/accesstoken"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/cookie"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/guard"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/realm"
)

// Check returns an error that names the first option of tokens, keys, lifetimes and
// cookies that makes no sense. It leaves values with a placeholder to Provision, which
// replaces them and checks again. The other options have a Validate of their own.
func (r *Realm) Check() error {
	final := func(value string) bool { return !strings.Contains(value, "{") }
	if err := r.check(final); err != nil {
		return err
	}
	_, err := parseKeys(r.SigningKeys, final)
	return err
}

// everyValue is for values whose placeholders were replaced: a brace that is left is
// only a brace.
func everyValue(string) bool { return true }

// check checks what is final, but for the keys.
func (r *Realm) check(final func(value string) bool) error {
	if r.Issuer != "" && final(r.Issuer) {
		if err := realm.CheckIssuer(r.Issuer); err != nil {
			return err
		}
	}
	if slices.Contains(r.Audience, "") {
		return errors.New("audience: a value is empty")
	}
	if r.CookieDomain != "" && final(r.CookieDomain) {
		if err := cookie.CheckDomain(r.CookieDomain); err != nil {
			return err
		}
	}
	if err := guard.CheckUpgrade(r.Upgrade); err != nil {
		return err
	}
	if err := r.lifetimes().Check(); err != nil {
		return err
	}
	if r.SigningAlgorithm != "" && !slices.Contains(accesstoken.Algorithms(), r.SigningAlgorithm) {
		return fmt.Errorf("signing_algorithm %q: it takes one of %v", r.SigningAlgorithm, accesstoken.Algorithms())
	}
	if r.SigningAlgorithm != "" && len(r.SigningKeys) > 0 {
		return errors.New("signing_algorithm is for keys that are made here, and signing_key gives one: remove one of the two")
	}
	return nil
}

// parseKeys reads the signing keys whose value is final.
func parseKeys(all []SigningKey, final func(value string) bool) (keys []*accesstoken.Key, err error) {
	for i, given := range all {
		option := keyOption(all, i)
		if !slices.Contains(accesstoken.Algorithms(), given.Algorithm) {
			return nil, fmt.Errorf("%s: the algorithm comes before the key, and is one of %v", option, accesstoken.Algorithms())
		}
		if slices.Contains(all[:i], given) {
			return nil, fmt.Errorf("%s: the same key is given twice", option)
		}
		if !final(given.Key) {
			continue
		}
		key, err := accesstoken.ParseKey(given.Algorithm, given.Key)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", option, err)
		}
		if i == 0 && !key.CanSign() {
			return nil, fmt.Errorf("%s: the first key signs, and this one is public: put a private key first", option)
		}
		if slices.ContainsFunc(keys, key.SameMaterial) {
			return nil, fmt.Errorf("%s: the same key is given twice", option)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// keyOption names a signing key. If algorithm and key are swapped, what stands in the
// place of the algorithm is the secret, so it is not shown.
func keyOption(all []SigningKey, i int) string {
	if slices.Contains(accesstoken.Algorithms(), all[i].Algorithm) {
		return "signing_key " + all[i].Algorithm
	}
	return fmt.Sprintf("signing_key number %d", i+1)
}
