package jwtauth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

type (
	// AdminKey is a key as the admin API shows it, without its material.
	AdminKey struct {
		ID        string     `json:"id"`
		Use       string     `json:"use"`
		Algorithm string     `json:"algorithm"`
		State     string     `json:"state"`
		CreatedAt *time.Time `json:"created_at,omitempty"`
		UsedFrom  *time.Time `json:"used_from,omitempty"`
	}

	// AdminRevokedKeys is what came of revoking all keys: those made in their
	// place, how many sessions ended with them, and of how many users.
	AdminRevokedKeys struct {
		Keys  []AdminKey `json:"keys"`
		Ended int        `json:"ended"`
		Users int        `json:"users"`
	}
)

func listKeys(_ context.Context, o *opened, _ *http.Request) (any, error) {
	return o.keys.list(), nil
}

func rotateKeys(ctx context.Context, o *opened, r *http.Request) (any, error) {
	var body struct {
		Now bool `json:"now"`
	}
	if err := readAdminJSON(r, &body); err != nil {
		return nil, err
	}
	if err := o.keys.rotate(ctx, body.Now); err != nil {
		return nil, configuredConflict(err)
	}
	o.audit(ctx, eventKeysRotated, record{by: byAdmin})
	return o.keys.list(), nil
}

// revokeKeys replaces all keys and then ends all sessions: their tokens and cookies
// are bad by then, whether or not that succeeds.
func revokeKeys(ctx context.Context, o *opened, r *http.Request) (any, error) {
	if err := readAdminJSON(r, &struct{}{}); err != nil {
		return nil, err
	}
	if err := o.keys.revoke(ctx); err != nil {
		return nil, configuredConflict(err)
	}
	// From here on it is done to the end, also where the caller hangs up.
	ctx = context.WithoutCancel(ctx)
	sessions, users, err := o.endEverySession(ctx)
	o.audit(ctx, eventKeysRevoked, record{by: byAdmin, ended: sessions})
	if err != nil {
		return nil, fmt.Errorf("the keys are revoked and nothing made with them is accepted, but the sessions could not all be ended in the store; run this again: %w", err)
	}
	return AdminRevokedKeys{Keys: o.keys.list(), Ended: sessions, Users: users}, nil
}

// configuredConflict is the answer to a change of keys that stand in the config.
func configuredConflict(err error) error {
	if errors.Is(err, errConfiguredKeys) || errors.Is(err, errRevokeConfigured) {
		return adminError{http.StatusConflict, err}
	}
	return err
}

// endingAtOnce is how many users' sessions are ended at a time: a store writes what
// comes together in one step.
const endingAtOnce = 64

// endEverySession ends the sessions of all users, and with them what is being
// issued. It returns how many were live, and of how many users.
func (o *opened) endEverySession(ctx context.Context) (sessions, users int, err error) {
	live, err := o.liveSessions(ctx)
	if err != nil {
		return 0, 0, err
	}
	var (
		ending sync.WaitGroup
		mu     sync.Mutex
		failed error
		places = make(chan struct{}, endingAtOnce)
	)
	for name, count := range live {
		places <- struct{}{}
		ending.Go(func() {
			defer func() { <-places }()
			_, err := o.sessions.EndAll(ctx, name, "")
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil:
				failed = err
			case count > 0:
				sessions, users = sessions+count, users+1
			}
		})
	}
	ending.Wait()
	return sessions, users, failed
}

// liveSessions counts the live sessions of each user who has any in the store: 0
// for one whose sessions have all expired.
func (o *opened) liveSessions(ctx context.Context) (map[string]int, error) {
	now, live := time.Now(), make(map[string]int)
	for after := ""; ; {
		page, err := o.state.store.Sessions(ctx, "", after, maxAdminPage)
		if err != nil {
			return nil, err
		}
		for _, s := range page {
			count := live[s.User]
			if !s.Expired(now) {
				count++
			}
			live[s.User] = count
		}
		if len(page) < maxAdminPage {
			return live, nil
		}
		after = page[len(page)-1].ID
	}
}
