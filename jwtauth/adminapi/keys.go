package adminapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/audit"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/keyring"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/realm"
)

func listKeys(_ context.Context, r *realm.Realm, _ *http.Request) (any, error) {
	return shownKeys(r), nil
}

func rotateKeys(ctx context.Context, r *realm.Realm, req *http.Request) (any, error) {
	var body struct {
		Now bool `json:"now"`
	}
	if err := readJSON(req, &body); err != nil {
		return nil, err
	}
	if err := r.RotateKeys(ctx, body.Now); err != nil {
		return nil, configuredConflict(err)
	}
	r.Recorder.Event(ctx, audit.Event{Name: audit.KeysRotated, By: audit.ByAdmin})
	return shownKeys(r), nil
}

// revokeKeys replaces all keys and then ends all sessions.
func revokeKeys(ctx context.Context, r *realm.Realm, req *http.Request) (any, error) {
	if err := readJSON(req, &struct{}{}); err != nil {
		return nil, err
	}
	ended, users, replaced, err := r.RevokeKeys(ctx, audit.ByAdmin)
	switch {
	case err != nil && !replaced:
		return nil, configuredConflict(err)
	case err != nil:
		return nil, fmt.Errorf("the keys are revoked and nothing made with them is accepted, but the sessions could not all be ended in the store; run this again: %w", err)
	}
	return RevokedKeys{Keys: shownKeys(r), Ended: ended, Users: users}, nil
}

// configuredConflict is the answer to a change of keys that stand in the config.
func configuredConflict(err error) error {
	if errors.Is(err, keyring.ErrConfigured) || errors.Is(err, keyring.ErrRevokeConfigured) {
		return Error{http.StatusConflict, err}
	}
	return err
}

func shownKeys(r *realm.Realm) []Key {
	var keys []Key
	for _, key := range r.Keys.List() {
		keys = append(keys, Key(key))
	}
	return keys
}
