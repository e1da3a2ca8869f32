package realm

import (
	"context"
	"sync"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/audit"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store"
)

// Manager returns the realm's sessions without recording what is done to them.
func (r *Realm) Manager() *session.Manager { return r.sessions }

// Store returns the realm's store. What it revokes is denied here when it returns. Hold
// the realm while using it.
func (r *Realm) Store() store.Store { return r.shared.store }

// CountDenied returns how many sessions, tokens and users are denied.
func (r *Realm) CountDenied() int { return r.shared.denied.Len() }

// RotateKeys makes new keys, used at once or when all verifiers can know them.
func (r *Realm) RotateKeys(ctx context.Context, immediately bool) error {
	err := r.Keys.Rotate(ctx, immediately)
	r.announceKey(ctx)
	return err
}

// RevokeKeys replaces all keys and then ends all sessions: the tokens and cookies of
// those are bad by then, whether or not that succeeds. replaced reports that it got so
// far. It returns how many sessions were live, and of how many users.
func (r *Realm) RevokeKeys(ctx context.Context, by string) (ended, users int, replaced bool, err error) {
	err = r.Keys.Revoke(ctx)
	r.announceKey(ctx)
	if err != nil {
		return 0, 0, false, err
	}
	// From here on it is done to the end, also where the caller hangs up.
	ctx = context.WithoutCancel(ctx)
	ended, users, err = r.endEverySession(ctx)
	r.Recorder.Event(ctx, audit.Event{Name: audit.KeysRevoked, By: by, Ended: ended})
	return ended, users, true, err
}

const (
	// endingAtOnce is how many users' sessions are ended at a time: a store writes
	// what comes together in one step.
	endingAtOnce = 64
	// sessionsPage is how many sessions are read at a time.
	sessionsPage = 1000
)

// endEverySession ends the sessions of all users, and with them those that are being
// made. It returns how many were live, and of how many users.
func (r *Realm) endEverySession(ctx context.Context) (sessions, users int, err error) {
	live, err := r.liveSessions(ctx)
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
			_, err := r.sessions.EndAll(ctx, name, "")
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

// liveSessions counts the live sessions of each user with sessions in the store: 0 for
// a user whose sessions have all expired.
func (r *Realm) liveSessions(ctx context.Context) (map[string]int, error) {
	now, live := time.Now(), make(map[string]int)
	for after := ""; ; {
		page, err := r.shared.store.Sessions(ctx, "", after, sessionsPage)
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
		if len(page) < sessionsPage {
			return live, nil
		}
		after = page[len(page)-1].ID
	}
}
