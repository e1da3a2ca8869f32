package jwtauth

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/oauth2"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/password"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/signin"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// liveUsers finds users in the directory that rules now, which need not be that
// of the config whose handler asks: a request that began before a reload must
// not let in whom the reload has removed.
type liveUsers struct {
	state   *state
	clients map[string]oauth2.Client
}

func (o *opened) liveUsers() liveUsers { return liveUsers{o.state, o.clients} }

// Lookup implements [signin.Users]. A name that is a client's, too, is refused:
// a users file may have brought it since the config was checked for that.
func (l liveUsers) Lookup(ctx context.Context, username string) (user.Entry, error) {
	if _, client := l.clients[username]; client {
		return user.Entry{}, fmt.Errorf("%w: one is a client", user.ErrAmbiguous)
	}
	return l.state.users().Lookup(ctx, username)
}

// UpgradeHash implements [signin.Users].
func (l liveUsers) UpgradeHash(ctx context.Context, username string, version uint64, oldHash, newHash string) (bool, error) {
	return l.state.users().UpgradeHash(ctx, username, version, oldHash, newHash)
}

const (
	countProfilesEvery = time.Hour
	countProfilesPage  = 500
)

// countProfiles keeps the decoys like the users: now, and again from time to
// time, as sign-ins upgrade hashes and users come and go.
func (o *opened) countProfiles(ctx context.Context, decoys *password.Decoys) {
	for {
		counts, err := o.profiles(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			o.logger.Error("counting the hash schemes in use", zap.Error(err))
		default:
			decoys.Set(counts)
		}
		wait := time.NewTimer(countProfilesEvery)
		select {
		case <-ctx.Done():
			wait.Stop()
			return
		case <-wait.C:
		}
	}
}

func (o *opened) profiles(ctx context.Context) (map[password.Profile]int, error) {
	counts := make(map[password.Profile]int)
	for after := ""; ctx.Err() == nil; {
		page, err := o.state.users().List(ctx, after, countProfilesPage)
		if err != nil {
			return nil, err
		}
		for _, entry := range page {
			if hash, err := password.Parse(entry.PasswordHash); err == nil {
				counts[hash.Profile()]++
			}
			after = entry.Username
		}
		if len(page) < countProfilesPage {
			break
		}
	}
	return counts, ctx.Err()
}

// Interface guards
var _ signin.Users = liveUsers{}
