package signin

import (
	"context"
	"errors"
	"net/netip"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/audit"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/throttle"
)

// outcome is how an attempt ended.
type outcome struct {
	// Name is the user, or the client, who tried it: "" where there is none of
	// that name, since people type passwords into the wrong field.
	Name string
	// Client is set for the secret of an OAuth2 client.
	Client bool
	// Via is the attempt's.
	Via     string
	Address netip.Addr
	// Throttled is set where the account had to wait, so that even the right
	// password was refused.
	Throttled bool
	// Err is what the caller was told, nil for a success.
	Err error
}

// record tells the recorder how an attempt ended. Refusals without a comparison (429,
// 503) are counted and are no event: in a flood the log would be the next thing to
// overflow. Nor is a success: it is recorded when there is a session.
func (s *Service) record(ctx context.Context, o outcome, err error) {
	if s.Recorder == nil {
		return
	}
	o.Err = err
	result := o.result()
	s.Recorder.SignIn(result)
	switch result {
	case audit.ResultCredentials, audit.ResultThrottled, audit.ResultDisabled:
	default:
		return
	}
	e := audit.Event{Name: audit.SignInFailed, User: o.Name, Via: o.Via, Reason: result}
	if o.Address.IsValid() {
		e.ClientIP = o.Address.String()
	}
	if o.Client {
		e.User, e.Client = "", o.Name
	}
	s.Recorder.Event(ctx, e)
}

func (o outcome) result() string {
	switch {
	case o.Err == nil:
		return audit.ResultSuccess
	case errors.Is(o.Err, ErrCredentials) && o.Throttled:
		return audit.ResultThrottled
	case errors.Is(o.Err, ErrCredentials):
		return audit.ResultCredentials
	case errors.Is(o.Err, ErrDisabled):
		return audit.ResultDisabled
	case errors.Is(o.Err, ErrBusy):
		return audit.ResultBusy
	case errors.Is(o.Err, throttle.ErrAddress):
		return audit.ResultAddress
	}
	return audit.ResultError
}
