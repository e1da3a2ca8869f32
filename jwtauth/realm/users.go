package realm

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/audit"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/oauth2"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/password"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/signin"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// Users finds users in the directory that is in force, which need not be that of the
// config whose handler asks: a request that began before a reload must not let in a
// user whom the reload has removed.
type Users struct {
	shared   *Shared
	clients  map[string]oauth2.Client
	recorder audit.Recorder
}

// Users returns the users in force.
func (r *Realm) Users() Users { return Users{r.shared, r.clients, r.Recorder} }

// Lookup implements [signin.Users]. It refuses a name that is also a client's: a users
// file may have brought it since the config was checked for that.
func (u Users) Lookup(ctx context.Context, username string) (user.Entry, error) {
	if _, client := u.clients[username]; client {
		return user.Entry{}, fmt.Errorf("%w: one is a client", user.ErrAmbiguous)
	}
	return u.shared.users().Lookup(ctx, username)
}

// UpgradeHash implements [signin.Users].
func (u Users) UpgradeHash(ctx context.Context, username string, version uint64, oldHash, newHash string) (bool, error) {
	return u.shared.users().UpgradeHash(ctx, username, version, oldHash, newHash)
}

// ChangePassword replaces the hash from of a user in the store, ends the user's
// sessions and begins the one given; see [user.Directory]. The change is recorded.
func (u Users) ChangePassword(ctx context.Context, username, from, to string, begin session.Session) error {
	err := u.shared.users().ChangePassword(ctx, username, from, to, begin)
	if err == nil {
		u.recorder.Event(ctx, audit.Event{Name: audit.PasswordChanged, User: username, Session: begin.ID, Via: signin.ViaAccount})
	}
	return err
}

// Profile returns a user as the users in force have it, for the name and address that
// no token carries.
func (r *Realm) Profile(ctx context.Context, username string) (user.User, error) {
	release, err := r.shared.hold()
	if err != nil {
		return user.User{}, err
	}
	defer release()
	entry, err := r.shared.users().Lookup(ctx, username)
	return entry.User, err
}

// Directory returns the users in force, to list and change them.
func (r *Realm) Directory() *user.Directory { return r.shared.users() }

const (
	countProfilesEvery = time.Hour
	countProfilesPage  = 500
)

// countProfiles makes the decoys resemble the users: now, and again from time to time,
// as sign-ins upgrade hashes and users come and go.
func (r *Realm) countProfiles(ctx context.Context, decoys *password.Decoys) {
	for {
		counts, err := r.profiles(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			r.logger.Error("counting the hash schemes in use", zap.Error(err))
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

func (r *Realm) profiles(ctx context.Context) (map[password.Profile]int, error) {
	counts := make(map[password.Profile]int)
	for after := ""; ctx.Err() == nil; {
		page, err := r.shared.users().List(ctx, after, countProfilesPage)
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
var _ signin.Users = Users{}
