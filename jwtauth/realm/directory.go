package realm

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/audit"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
	"go.uber.org/zap"
)

// openDirectory puts this config's users in force, ends the sessions of those that it
// has changed, and follows the users files.
func (r *Realm) openDirectory(ctx context.Context, c Config) (*user.Directory, error) {
	files := Files(c.UsersFiles)
	directory, err := user.NewDirectory(c.Users, files, r.shared.store)
	if err != nil {
		return nil, err
	}
	if err := directory.Load(); err != nil {
		return nil, err
	}
	for id := range r.clients {
		if _, err := directory.Lookup(ctx, id); err == nil {
			return nil, ClientIsUserError(id)
		} else if !errors.Is(err, user.ErrNotFound) {
			return nil, fmt.Errorf("client %s: %w", id, err)
		}
	}
	r.shared.attach(directory)
	r.undo = append(r.undo, func() { r.withdraw(directory) })
	if c.KeepSessions {
		return directory, nil
	}
	if r.changed, _, err = r.shared.reconcile(ctx, directory); err != nil {
		return nil, err
	}
	for _, file := range files {
		r.inBackground(func(ctx context.Context) { r.watch(ctx, directory, file) })
	}
	return directory, nil
}

// Files are the users files at these paths.
func Files(paths []string) []*user.File {
	files := make([]*user.File, len(paths))
	for i, path := range paths {
		files[i] = user.NewFile(path)
	}
	return files
}

// ClientIsUserError refuses a client that has the name of a user.
func ClientIsUserError(id string) error {
	return fmt.Errorf("client %s has the name of a user: rename one of them (RFC 9700 §4.15)", id)
}

// withdraw takes this config's users out of force. If the config did not start, those
// of the config before it are in force again, and the store has to have them on record
// as the last users. Otherwise the same change, made again later, would not count as a
// change and would end no session made in between.
func (r *Realm) withdraw(directory *user.Directory) {
	back := r.shared.detach(directory)
	if back == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), StartTimeout)
	defer cancel()
	if _, _, err := r.shared.reconcile(ctx, back); err != nil {
		r.logger.Error("returning to the users of the running config", zap.Error(err))
	}
}

// watch follows a users file until ctx ends.
func (r *Realm) watch(ctx context.Context, directory *user.Directory, file *user.File) {
	file.Watch(ctx, user.DefaultInterval, func(users []user.User, err error) {
		if err != nil {
			r.logger.Error("the users file is broken; its last good version stays in force", zap.Error(err))
			return
		}
		r.usersChanged(ctx, directory, file.Path(), len(users))
	})
}

// usersChanged ends the sessions of users that a new version of a users file has
// changed. It does not give up: until it succeeds those sessions go on.
func (r *Realm) usersChanged(ctx context.Context, directory *user.Directory, path string, users int) {
	for wait := reconcileRetry; ; wait = min(2*wait, reconcileRetryMax) {
		ended, inForce, err := r.shared.reconcile(ctx, directory)
		if !inForce {
			return // a newer config is in force, and watches the file itself
		}
		if err == nil {
			r.recordChanged(ctx, ended)
			r.logger.Info("users file read", zap.String("users_file", path),
				zap.Int("users", users), zap.Strings("sessions_ended_of", ended))
			return
		}
		r.logger.Error("ending the sessions of changed users; it is tried again",
			zap.String("users_file", path), zap.Error(err))
		again := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			again.Stop()
			return
		case <-again.C:
		}
	}
}

// recordChanged records whose sessions ended because the config, or a users file, has
// changed the user.
func (r *Realm) recordChanged(ctx context.Context, ended []string) {
	for _, name := range ended {
		r.Recorder.Event(ctx, audit.Event{Name: audit.UserChanged, User: name, By: audit.ByConfig})
	}
}

const (
	reconcileRetry    = time.Second
	reconcileRetryMax = time.Minute
)
