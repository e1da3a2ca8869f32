package jwtauth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/accesstoken"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/strictjson"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// maxAdminBody bounds a request's body; maxAdminPage a page of an answer.
const (
	maxAdminBody = 1 << 20
	maxAdminPage = 1000
)

// The JSON of the admin API. A password hash is never part of an answer.
type (
	// AdminUser is a user as the admin API shows it.
	AdminUser struct {
		Username  string         `json:"username"`
		FullName  string         `json:"full_name,omitempty"`
		Email     string         `json:"email,omitempty"`
		Disabled  bool           `json:"disabled"`
		Roles     []string       `json:"roles"`
		Scopes    []string       `json:"scopes,omitempty"`
		Claims    map[string]any `json:"claims,omitempty"`
		Source    string         `json:"source"`
		Path      string         `json:"path,omitempty"`
		HasHash   bool           `json:"has_password"`
		Scheme    string         `json:"password_scheme,omitempty"`
		Ambiguous bool           `json:"ambiguous,omitempty"`
		CreatedAt *time.Time     `json:"created_at,omitempty"`
		UpdatedAt *time.Time     `json:"updated_at,omitempty"`
	}

	// AdminUserChange is what can be set of a user in the store: what is null
	// stays as it is.
	AdminUserChange struct {
		Username string          `json:"username,omitempty"` // for a new user
		FullName *string         `json:"full_name,omitempty"`
		Email    *string         `json:"email,omitempty"`
		Disabled *bool           `json:"disabled,omitempty"`
		Roles    *[]string       `json:"roles,omitempty"`
		Scopes   *[]string       `json:"scopes,omitempty"`
		Claims   *map[string]any `json:"claims,omitempty"`
		// Password is hashed here; PasswordHash is taken as it is.
		Password     string `json:"password,omitempty"`
		PasswordHash string `json:"password_hash,omitempty"`
		// EndSessions ends the user's sessions whatever was changed.
		EndSessions bool `json:"end_sessions,omitempty"`
	}

	// AdminSession is a session as the admin API shows it.
	AdminSession struct {
		ID         string    `json:"id"`
		User       string    `json:"user"`
		Client     string    `json:"client,omitempty"`
		Scopes     []string  `json:"scopes,omitempty"`
		CreatedAt  time.Time `json:"created_at"`
		LastUsedAt time.Time `json:"last_used_at"`
		ExpiresAt  time.Time `json:"expires_at"`
		IP         string    `json:"ip,omitempty"`
		UserAgent  string    `json:"user_agent,omitempty"`
	}

	// AdminToken is what is known of a token.
	AdminToken struct {
		Kind   string         `json:"kind"`
		Valid  bool           `json:"valid"`
		Reason string         `json:"reason,omitempty"`
		Claims map[string]any `json:"claims,omitempty"`
		SID    string         `json:"sid,omitempty"`
	}
)

// adminError is an answer other than 2xx.
type adminError struct {
	status int
	err    error
}

func (e adminError) Error() string { return e.err.Error() }
func (e adminError) Unwrap() error { return e.err }

// adminAction answers a request for a realm with a value to send as JSON; nil
// means that there is nothing to say.
type adminAction func(ctx context.Context, o *opened, r *http.Request) (any, error)

// newAdminMux routes
//
//	GET    /jwtauth/{realm}/users      ?after= &limit=
//	POST   /jwtauth/{realm}/users
//	GET    /jwtauth/{realm}/user       ?name=
//	PATCH  /jwtauth/{realm}/user       ?name=
//	DELETE /jwtauth/{realm}/user       ?name=
//	GET    /jwtauth/{realm}/sessions   ?user= &after= &limit=
//	DELETE /jwtauth/{realm}/sessions   ?user=
//	DELETE /jwtauth/{realm}/session    ?id=
//	GET    /jwtauth/{realm}/keys
//	POST   /jwtauth/{realm}/keys/rotate
//	POST   /jwtauth/{realm}/keys/revoke
//	POST   /jwtauth/{realm}/inspect
//
// Names are parameters of the URL, since a path would be cleaned of some of them.
func newAdminMux(app *App) http.Handler {
	mux := http.NewServeMux()
	for pattern, action := range map[string]adminAction{
		"GET /jwtauth/{realm}/users":        listUsers,
		"POST /jwtauth/{realm}/users":       addUser,
		"GET /jwtauth/{realm}/user":         showUser,
		"PATCH /jwtauth/{realm}/user":       changeUser,
		"DELETE /jwtauth/{realm}/user":      removeUser,
		"GET /jwtauth/{realm}/sessions":     listSessions,
		"DELETE /jwtauth/{realm}/sessions":  endSessions,
		"DELETE /jwtauth/{realm}/session":   endSession,
		"GET /jwtauth/{realm}/keys":         listKeys,
		"POST /jwtauth/{realm}/keys/rotate": rotateKeys,
		"POST /jwtauth/{realm}/keys/revoke": revokeKeys,
		"POST /jwtauth/{realm}/inspect":     inspectToken,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			value, err := runAdminAction(app, action, w, r)
			if err != nil {
				writeAdminError(w, app.logger, r, err)
				return
			}
			writeAdminJSON(w, http.StatusOK, value)
		})
	}
	return mux
}

func runAdminAction(app *App, action adminAction, w http.ResponseWriter, r *http.Request) (any, error) {
	name := r.PathValue("realm")
	realm, ok := app.Realms[name]
	if !ok {
		return nil, adminError{http.StatusNotFound, fmt.Errorf("unknown realm %q: the realms are %v", name, app.names())}
	}
	if !realm.used && !realm.written {
		return nil, adminError{http.StatusNotFound, fmt.Errorf("the running config does not use the realm %q", name)}
	}
	o, err := realm.await(r.Context())
	if err != nil {
		return nil, adminError{http.StatusServiceUnavailable, err}
	}
	release, err := o.state.use()
	if err != nil {
		return nil, adminError{http.StatusServiceUnavailable, err}
	}
	defer release()
	r.Body = http.MaxBytesReader(w, r.Body, maxAdminBody)
	return action(r.Context(), o, r)
}

func listSessions(ctx context.Context, o *opened, r *http.Request) (any, error) {
	limit, err := pageLimit(r)
	if err != nil {
		return nil, err
	}
	found, err := o.state.store.Sessions(ctx, r.URL.Query().Get("user"), r.URL.Query().Get("after"), limit)
	if err != nil {
		return nil, err
	}
	sessions := make([]AdminSession, 0, len(found))
	for _, s := range found {
		// Expired ones are shown too, as a page that is not full means the end.
		sessions = append(sessions, AdminSession{
			ID: s.ID, User: s.User, Client: s.Client, Scopes: s.Scopes, CreatedAt: s.CreatedAt,
			LastUsedAt: s.LastUsedAt, ExpiresAt: s.Expires(), IP: s.IP, UserAgent: s.UserAgent,
		})
	}
	return sessions, nil
}

func endSession(ctx context.Context, o *opened, r *http.Request) (any, error) {
	id := r.URL.Query().Get("id")
	if _, err := o.sessions.Live(ctx, id); err != nil {
		return nil, err
	}
	ended, err := o.sessions.End(ctx, id)
	if err != nil {
		return nil, err
	}
	o.audit(ctx, eventSessionRevoked, record{user: ended.User, session: id, client: ended.Client, by: byAdmin})
	return map[string]int{"ended": 1}, nil
}

func endSessions(ctx context.Context, o *opened, r *http.Request) (any, error) {
	name := r.URL.Query().Get("user")
	if err := user.CheckUsername(name); err != nil {
		return nil, adminError{http.StatusBadRequest, err}
	}
	ended, err := o.sessions.EndAll(ctx, name, "")
	if err != nil {
		return nil, err
	}
	o.audit(ctx, eventSessionsRevoked, record{user: name, ended: ended, by: byAdmin})
	return map[string]int{"ended": ended}, nil
}

func inspectToken(ctx context.Context, o *opened, r *http.Request) (any, error) {
	var body struct {
		Token string `json:"token"`
	}
	if err := readAdminJSON(r, &body); err != nil {
		return nil, err
	}
	if ref, err := o.sessions.Parse(body.Token); err == nil {
		answer := AdminToken{Kind: "refresh_token", SID: ref.SID}
		s, err := o.sessions.Peek(ctx, ref)
		switch {
		case errors.Is(err, session.ErrNotFound):
			answer.Reason = "its session has ended"
		case err != nil:
			return nil, err
		case ref.N != s.Counter:
			answer.Reason = "it was used before"
		default:
			answer.Valid = true
		}
		return answer, nil
	}
	answer := AdminToken{Kind: "access_token"}
	claims, err := o.verifier.Verify(body.Token)
	if err == nil {
		answer.Claims, answer.SID = claims.Map(), claims.SessionID
		err = o.checkRevoked(claims)
	}
	if err != nil {
		answer.Reason = err.Error()
		if errors.Is(err, accesstoken.ErrMalformed) {
			answer.Kind = "unknown"
		}
	}
	answer.Valid = err == nil
	return answer, nil
}

func pageLimit(r *http.Request) (int, error) {
	text := r.URL.Query().Get("limit")
	if text == "" {
		return maxAdminPage, nil
	}
	limit, err := strconv.Atoi(text)
	if err != nil || limit < 1 || limit > maxAdminPage {
		return 0, adminError{http.StatusBadRequest, fmt.Errorf("limit takes a number from 1 to %d", maxAdminPage)}
	}
	return limit, nil
}

// readAdminJSON reads one JSON object; no body at all leaves into as it is. Two
// programs must not read one body in two ways, so it is as strict as with tokens.
func readAdminJSON(r *http.Request, into any) error {
	body, err := io.ReadAll(r.Body)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return adminError{http.StatusRequestEntityTooLarge, fmt.Errorf("the body is larger than %d bytes", tooLarge.Limit)}
	case err != nil:
		return adminError{http.StatusBadRequest, errors.New("the body could not be read to its end")}
	}
	if body = bytes.TrimSpace(body); len(body) == 0 {
		return nil
	}
	if err := strictjson.Unmarshal(body, into); err != nil {
		return adminError{http.StatusBadRequest, fmt.Errorf("the body is not the JSON that this request takes: %w", err)}
	}
	if body[0] != '{' {
		return adminError{http.StatusBadRequest, errors.New("the body is not the JSON that this request takes: not an object")} // null
	}
	return nil
}

func writeAdminJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if value == nil {
		value = struct{}{}
	}
	_ = json.NewEncoder(w).Encode(value) // a caller who hung up is nobody's error
}

// writeAdminError answers in the form of Caddy's admin API.
func writeAdminError(w http.ResponseWriter, logger *zap.Logger, r *http.Request, err error) {
	status := http.StatusInternalServerError
	var known adminError
	switch {
	case errors.As(err, &known):
		status = known.status
	case errors.Is(err, user.ErrNotFound), errors.Is(err, session.ErrNotFound):
		status = http.StatusNotFound
	case errors.Is(err, user.ErrConflict), errors.Is(err, user.ErrReadOnly), errors.Is(err, user.ErrAmbiguous):
		status = http.StatusConflict
	default:
		logger.Error("an admin request failed", zap.String("path", r.URL.Path), zap.Error(err))
	}
	writeAdminJSON(w, status, map[string]string{"error": err.Error()})
}
