// Package signin is the one path by which a password or a client secret is
// compared: limits, hashing slot, comparison and upgrade, so that no way in
// passes a limit that another has.
//
// It imports audit, password, throttle and user. Packages oauth2 and pages call it; package
// realm puts its [Service] together.
package signin

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/audit"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/password"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/throttle"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// Errors of this package.
var (
	// ErrCredentials is returned for an unknown name, a wrong password and a
	// throttled account. All three cost one comparison and say the same.
	ErrCredentials = errors.New("incorrect username or password")
	// ErrDisabled is returned for the right password of a disabled user.
	ErrDisabled = errors.New("user is disabled")
	// ErrBusy is returned, within a [BusyError], where all hashing slots and
	// the queue before them are full.
	ErrBusy = errors.New("too many sign-ins at once")
)

// BusyError is an [ErrBusy] that says when to try again.
type BusyError struct {
	RetryAfter time.Duration
}

// Error says nothing about who was asking.
func (e *BusyError) Error() string { return ErrBusy.Error() }

// Unwrap returns [ErrBusy].
func (e *BusyError) Unwrap() error { return ErrBusy }

// busyRetry is some time in which a queue of sign-ins has moved on.
const busyRetry = 2 * time.Second

// cancelTimeout bounds how long an attempt is taken back for a caller who left.
const cancelTimeout = 5 * time.Second

// Users finds users and writes their upgraded hashes.
type Users interface {
	// Lookup returns a user, or user.ErrNotFound, or user.ErrAmbiguous.
	Lookup(ctx context.Context, username string) (user.Entry, error)
	// UpgradeHash replaces oldHash of a stored user where nothing else was
	// changed in the meantime.
	UpgradeHash(ctx context.Context, username string, version uint64, oldHash, newHash string) (bool, error)
}

// Epochs reads the epoch of a user name, known or not.
type Epochs interface {
	Epoch(ctx context.Context, username string) (uint64, error)
}

// Throttle counts failed attempts. Begin may wait for others that are under way; a
// blocked address is a *throttle.AddressError.
type Throttle interface {
	Begin(ctx context.Context, account string, from throttle.Origin) (*throttle.Attempt, error)
}

// Slots bounds hashing, and shares it out among the callers. Acquire returns
// password.ErrBusy where it is full.
type Slots interface {
	// Full reports whether Acquire would refuse this caller: a flood then costs
	// no write.
	Full(c password.Caller) bool
	Acquire(ctx context.Context, c password.Caller) (release func(), err error)
}

// Hasher makes new hashes.
type Hasher interface {
	Hash(password string) (string, error)
	NeedsUpgrade(old *password.Hash) bool
}

// Decoys compare passwords for names that have no hash. Choose takes the time, for
// those that have one, in which Compare finds out what to compare with.
type Decoys interface {
	Compare(name, password string)
	Choose(name string)
}

// Service signs users in. All fields but Report are required; none is changed
// once the Service is in use. It is safe for concurrent use.
type Service struct {
	Users    Users
	Epochs   Epochs
	Throttle Throttle
	Slots    Slots
	Hasher   Hasher
	Decoys   Decoys
	// Report is told what did not fail the sign-in but needs an administrator's
	// attention: a hash that cannot be read, a name in two sources, an
	// upgrade that could not be written. The name is one that is in use: "" stands
	// for every other, since people type passwords into the wrong field. Default:
	// it is dropped.
	Report func(name string, err error)
	// Recorder is told how each attempt ended, of users and clients. It is told before
	// the answer, so it must not take longer for one than for another. Default: it is
	// told nothing.
	Recorder audit.Recorder
}

// The ways in, for [Attempt.Via].
const (
	ViaPassword = "password"      // the grant
	ViaForm     = "form"          // the sign-in page
	ViaAccount  = "account"       // the current password, before it is changed
	ViaClient   = "client_secret" // an OAuth2 client
)

// noHash is parsed where there is none, so that it takes as long.
const noHash = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// Attempt is one try to sign in. Nothing in it is trusted.
type Attempt struct {
	Username string
	Password string
	// Address is the client's, the zero Addr where it is not known.
	Address netip.Addr
	// Device is the id of the browser, from its verified device cookie; "" for
	// none. A browser that signed in to the account before has a counter of its
	// own for it. A success makes it known: for a browser without a cookie it is
	// the id that it is about to get, or it becomes known a sign-in later.
	Device string
	// Via says by which way in it came, for the recorder.
	Via string
}

// caller is whose turn at a hashing slot the attempt takes.
func (a Attempt) caller() password.Caller {
	return password.Caller{Address: a.Address, Account: throttle.UserAccount(a.Username)}
}

// Result is a user who has proved to be it.
type Result struct {
	// User has the hash that the password was compared with, or the one that
	// has just replaced it.
	User user.User
	// Epoch was read before the user was: a session made with it is refused
	// where the user's sessions were ended in the meantime.
	Epoch uint64
}

// SignIn compares a password. Its errors:
//   - *throttle.AddressError: the address has to wait. Nothing was hashed.
//   - [BusyError]: no hashing slot is free. The attempt does not count.
//   - [ErrCredentials]: unknown name, no usable hash, wrong or overlong password,
//     or an account that has to wait, even with the right password.
//   - [ErrDisabled]: the right password of a disabled user. It counts neither as
//     a failure nor as a success: it clears no counter, and the address is not
//     kept as one that signed in.
//   - anything else: the store failed or ctx ended. No user was let in. Before the
//     comparison the attempt does not count, after it it does.
//
// An outdated hash of a user in the store is replaced in the same slot; where
// that fails, [Service.Report] is told and the sign-in goes on.
func (s *Service) SignIn(ctx context.Context, a Attempt) (Result, error) {
	o := outcome{Via: a.Via, Address: a.Address}
	res, err := s.signIn(ctx, a, &o)
	s.record(ctx, o, err)
	return res, err
}

func (s *Service) signIn(ctx context.Context, a Attempt, o *outcome) (Result, error) {
	if s.Slots.Full(a.caller()) {
		return Result{}, &BusyError{RetryAfter: busyRetry}
	}
	attempt, err := s.Throttle.Begin(ctx, throttle.UserAccount(a.Username), throttle.Origin{Address: a.Address, Device: a.Device})
	if err != nil {
		return Result{}, err
	}
	o.Throttled = attempt.Throttled
	res, counts, err := s.compare(ctx, a, o)
	if err == nil {
		// A success that cannot be written down is none.
		if err := attempt.Succeed(ctx); err != nil {
			attempt.Fail()
			return Result{}, fmt.Errorf("counting a sign-in: %w", err)
		}
		return res, nil
	}
	if counts {
		attempt.Fail()
	} else {
		s.cancel(ctx, o.Name, attempt)
	}
	return Result{}, err
}

// compare does everything between the two steps of the throttle. counts says
// that an error is one that the throttle has to keep.
func (s *Service) compare(ctx context.Context, a Attempt, o *outcome) (res Result, counts bool, err error) {
	// The epoch comes first: whatever ends the user's sessions from here on
	// also ends what is about to begin.
	if res.Epoch, err = s.epoch(ctx, a.Username); err != nil {
		return Result{}, false, err
	}
	release, err := s.acquire(ctx, a.caller())
	if err != nil {
		return Result{}, false, err
	}
	defer release()
	entry, hash, err := s.lookup(ctx, a.Username)
	if err != nil {
		return Result{}, false, err
	}
	o.Name = entry.Username
	right := false
	if hash != nil {
		s.Decoys.Choose(a.Username)
		right = hash.Verify(a.Password)
	} else {
		_, _ = password.Parse(noHash)
		s.Decoys.Compare(a.Username, a.Password)
	}
	switch {
	case !right, o.Throttled:
		return Result{}, true, ErrCredentials
	case entry.Disabled:
		return Result{}, false, ErrDisabled
	}
	res.User = entry.User
	res.User.PasswordHash = s.upgrade(ctx, entry, hash, a.Password)
	return res, true, nil
}

func (s *Service) epoch(ctx context.Context, username string) (uint64, error) {
	if user.CheckUsername(username) != nil {
		return 0, nil // no user can have that name; the store never sees it
	}
	return s.Epochs.Epoch(ctx, username)
}

// lookup returns a user with a hash to compare, or a nil hash where there is
// no user who could sign in under that name.
func (s *Service) lookup(ctx context.Context, username string) (user.Entry, *password.Hash, error) {
	if user.CheckUsername(username) != nil {
		return user.Entry{}, nil, nil
	}
	entry, err := s.Users.Lookup(ctx, username)
	switch {
	case errors.Is(err, user.ErrNotFound):
		return user.Entry{}, nil, nil
	case errors.Is(err, user.ErrAmbiguous):
		s.report(username, err)
		return user.Entry{}, nil, nil
	case err != nil:
		return user.Entry{}, nil, err
	case entry.PasswordHash == "":
		return user.Entry{}, nil, nil
	}
	hash, err := password.Parse(entry.PasswordHash)
	if err != nil {
		s.report(username, err)
		return user.Entry{}, nil, nil
	}
	return entry, hash, nil
}

// Hash hashes a new password of a user, in a hashing slot as every other. Its
// errors are [BusyError], those of the Hasher, and ctx's.
func (s *Service) Hash(ctx context.Context, username string, address netip.Addr, pw string) (string, error) {
	release, err := s.acquire(ctx, Attempt{Username: username, Address: address}.caller())
	if err != nil {
		return "", err
	}
	defer release()
	return s.Hasher.Hash(pw)
}

// upgrade replaces an outdated hash where it can be written, and returns the one
// that is stored then.
func (s *Service) upgrade(ctx context.Context, entry user.Entry, hash *password.Hash, pw string) string {
	if entry.Source != user.SourceStore || !s.Hasher.NeedsUpgrade(hash) && hash.IsOfNormal(pw) {
		return entry.PasswordHash
	}
	text, err := s.Hasher.Hash(pw)
	written := false
	if err == nil {
		written, err = s.Users.UpgradeHash(ctx, entry.Username, entry.Version, entry.PasswordHash, text)
	}
	if err != nil {
		s.report(entry.Username, fmt.Errorf("upgrading the password hash: %w", err))
	}
	if !written {
		return entry.PasswordHash
	}
	return text
}

func (s *Service) acquire(ctx context.Context, c password.Caller) (release func(), err error) {
	release, err = s.Slots.Acquire(ctx, c)
	if errors.Is(err, password.ErrBusy) {
		return nil, &BusyError{RetryAfter: busyRetry}
	}
	return release, err
}

// cancel takes an attempt back, also for a caller who has left. name is that of
// the [Outcome], never what was typed.
func (s *Service) cancel(ctx context.Context, name string, attempt *throttle.Attempt) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), cancelTimeout)
	defer stop()
	if err := attempt.Cancel(ctx); err != nil {
		s.report(name, fmt.Errorf("taking back a sign-in attempt: %w", err))
	}
}

func (s *Service) report(name string, err error) {
	if s.Report != nil {
		s.Report(name, err)
	}
}

// Interface guards.
var _ error = (*BusyError)(nil)
