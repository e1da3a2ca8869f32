package engine

import (
	"errors"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/password"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// The record that is read for nobody is one of the kind that is read for others.
func TestNoUser(t *testing.T) {
	if err := NoUser(); !errors.Is(err, user.ErrNotFound) {
		t.Error(err)
	}
	rec, err := DecodeUser("nobody", nobody)
	if err != nil || rec.PasswordChangedAt.IsZero() || user.Check(rec.User) != nil {
		t.Errorf("%+v, %v", rec, err)
	}
	if _, err := password.Parse(rec.PasswordHash); err != nil {
		t.Error(err)
	}
}
