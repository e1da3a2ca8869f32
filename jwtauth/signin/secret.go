package signin

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/password"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/throttle"
)

// SecretAttempt is one try of an OAuth2 client to authenticate.
type SecretAttempt struct {
	// ClientID is what the request says, whether or not there is such a client.
	ClientID string
	// Hash is that of the client's secret; nil where there is no such client,
	// or it has no secret.
	Hash *password.Hash
	// Secrets are the ways to read the secret in the request, the likeliest
	// first. They are one attempt, and one slot.
	Secrets []string
	Address netip.Addr
	// Via says by which way in it came, for the recorder.
	Via string
}

// CheckSecret compares a client's secret under the same limits as
// [Service.SignIn] does a password, and with the same errors, but [ErrDisabled]:
// nil means that the client is the one it says it is. Clients have counters of
// their own, which no sign-in of a user can touch.
func (s *Service) CheckSecret(ctx context.Context, a SecretAttempt) error {
	o := outcome{Client: true, Via: a.Via, Address: a.Address}
	if a.Hash != nil {
		o.Name = a.ClientID
	}
	err := s.checkSecret(ctx, a, &o)
	s.record(ctx, o, err)
	return err
}

func (s *Service) checkSecret(ctx context.Context, a SecretAttempt, o *outcome) error {
	name := throttle.ClientAccount(a.ClientID)
	caller := password.Caller{Address: a.Address, Account: name}
	if s.Slots.Full(caller) {
		return &BusyError{RetryAfter: busyRetry}
	}
	attempt, err := s.Throttle.Begin(ctx, name, throttle.Origin{Address: a.Address})
	if err != nil {
		return err
	}
	o.Throttled = attempt.Throttled
	release, err := s.acquire(ctx, caller)
	if err != nil {
		s.cancel(ctx, o.Name, attempt)
		return err
	}
	right := s.compareSecrets(name, a)
	release()
	if !right || attempt.Throttled {
		attempt.Fail()
		return ErrCredentials
	}
	if err := attempt.Succeed(ctx); err != nil {
		attempt.Fail()
		return fmt.Errorf("counting a client authentication: %w", err)
	}
	return nil
}

// compareSecrets costs one comparison for the first right secret and for each
// wrong one, with and without a hash.
func (s *Service) compareSecrets(name string, a SecretAttempt) bool {
	for _, secret := range a.Secrets {
		if a.Hash == nil {
			s.Decoys.Compare(name, secret)
		} else if a.Hash.Verify(secret) {
			return true
		}
	}
	return false
}
