package guard

import (
	"errors"
	"slices"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/accesstoken"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/oauth2"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/realm"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/signin"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// The reasons of refusals, as labels, with the errors that they stand for. The
// first that fits counts.
var reasons = []struct {
	reason string
	errs   []error
}{
	{reasonNoCredential, []error{oauth2.ErrNotSignedIn}},
	{"unavailable", []error{realm.ErrUnavailable}},
	{"revoked", []error{realm.ErrDenied}},
	{"other_store", []error{realm.ErrForeignStore}},
	{"role", []error{policy.ErrRole}},
	{"scope", []error{policy.ErrScope}},
	{"claim", []error{policy.ErrClaim}},
	{"cross_origin", []error{oauth2.ErrCrossOrigin}},
	{"expired", []error{accesstoken.ErrExpired}},
	{"not_yet_valid", []error{accesstoken.ErrNotYetValid}},
	{"signature", []error{accesstoken.ErrSignature}},
	{"key", []error{accesstoken.ErrKey, accesstoken.ErrAlgorithm, accesstoken.ErrStopped}},
	{"issuer_or_audience", []error{accesstoken.ErrIssuer, accesstoken.ErrAudience}},
	{"claims", []error{accesstoken.ErrClaims, accesstoken.ErrLifetime}},
	{"malformed", []error{accesstoken.ErrMalformed, accesstoken.ErrType, oauth2.ErrMalformedBearer}},
	{"session", []error{
		session.ErrNotFound, session.ErrEpoch, session.ErrInvalidToken, user.ErrNotFound, user.ErrAmbiguous, signin.ErrDisabled,
	}},
}

const (
	reasonNoCredential = "no_credential"
	reasonOther        = "other"
)

// Reasons are all reasons of refusals.
var Reasons = func() []string {
	all := []string{reasonOther}
	for _, known := range reasons {
		all = append(all, known.reason)
	}
	return all
}()

// Reason is the label of a guard's refusal.
func Reason(err error) string {
	for _, known := range reasons {
		if slices.ContainsFunc(known.errs, func(target error) bool { return errors.Is(err, target) }) {
			return known.reason
		}
	}
	return reasonOther
}
