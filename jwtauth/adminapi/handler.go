// Package adminapi is the module's part of Caddy's admin API: users, sessions, keys and
// tokens of the realms, for commands and other programs of the administrator.
//
// types.go is the JSON, which package cmd imports; the other files are the handler. It
// imports package realm and the packages below it. Package jwtauth mounts the handler.
package adminapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"go.uber.org/zap"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/accesstoken"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/audit"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/realm"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/strictjson"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// maxBody bounds the body of a request, in bytes; maxPage bounds a page of an answer, in
// entries.
const (
	maxBody = 1 << 20
	maxPage = 1000
)

// Error is an answer other than 2xx.
type Error struct {
	Status int
	Err    error
}

func (e Error) Error() string { return e.Err.Error() }
func (e Error) Unwrap() error { return e.Err }

// Config is the running config. The errors of its methods are of type [Error].
type Config interface {
	// Realm returns a realm as soon as it is open.
	Realm(ctx context.Context, name string) (*realm.Realm, error)
	// Check is what the config guards, and Explain who gets what a URL asks for: values to
	// send as JSON.
	Check() (any, error)
	Explain(ctx context.Context, query url.Values) (any, error)
}

// action answers a request for a realm with a value to send as JSON; nil means that
// there is nothing to say.
type action func(ctx context.Context, r *realm.Realm, req *http.Request) (any, error)

// Handler serves
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
//	GET    /jwtauth/check
//	GET    /jwtauth/explain            ?method= &url= &user= &realm= &role= &nobody=
//
// Names are parameters of the URL: a name such as `a/../b` would not survive in a path.
func Handler(config Config, logger *zap.Logger) http.Handler {
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, req *http.Request, value any, err error) {
		if err != nil {
			writeError(w, logger, req, err)
			return
		}
		writeJSON(w, http.StatusOK, value)
	}
	mux.HandleFunc("GET /jwtauth/check", func(w http.ResponseWriter, req *http.Request) {
		value, err := config.Check()
		answer(w, req, value, err)
	})
	mux.HandleFunc("GET /jwtauth/explain", func(w http.ResponseWriter, req *http.Request) {
		value, err := config.Explain(req.Context(), req.URL.Query())
		answer(w, req, value, err)
	})
	for pattern, action := range map[string]action{
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
		mux.HandleFunc(pattern, func(w http.ResponseWriter, req *http.Request) {
			value, err := run(config, action, w, req)
			answer(w, req, value, err)
		})
	}
	return mux
}

func run(config Config, action action, w http.ResponseWriter, req *http.Request) (any, error) {
	r, err := config.Realm(req.Context(), req.PathValue("realm"))
	if err != nil {
		return nil, err
	}
	release, err := r.Hold()
	if err != nil {
		return nil, Error{http.StatusServiceUnavailable, err}
	}
	defer release()
	req.Body = http.MaxBytesReader(w, req.Body, maxBody)
	return action(req.Context(), r, req)
}

func listSessions(ctx context.Context, r *realm.Realm, req *http.Request) (any, error) {
	limit, err := pageLimit(req)
	if err != nil {
		return nil, err
	}
	found, err := r.Store().Sessions(ctx, req.URL.Query().Get("user"), req.URL.Query().Get("after"), limit)
	if err != nil {
		return nil, err
	}
	sessions := make([]Session, 0, len(found))
	for _, s := range found {
		// Expired ones are shown too, as a page that is not full means the end.
		sessions = append(sessions, Session{
			ID: s.ID, User: s.User, Client: s.Client, Scopes: s.Scopes, CreatedAt: s.CreatedAt,
			LastUsedAt: s.LastUsedAt, ExpiresAt: s.Expires(), IP: s.IP, UserAgent: s.UserAgent,
		})
	}
	return sessions, nil
}

func endSession(ctx context.Context, r *realm.Realm, req *http.Request) (any, error) {
	id := req.URL.Query().Get("id")
	if _, err := r.Manager().Live(ctx, id); err != nil {
		return nil, err
	}
	ended, err := r.Manager().End(ctx, id)
	if err != nil {
		return nil, err
	}
	r.Recorder.Event(ctx, audit.Event{Name: audit.SessionRevoked, User: ended.User, Session: id, Client: ended.Client, By: audit.ByAdmin})
	return map[string]int{"ended": 1}, nil
}

func endSessions(ctx context.Context, r *realm.Realm, req *http.Request) (any, error) {
	name := req.URL.Query().Get("user")
	if err := user.CheckUsername(name); err != nil {
		return nil, Error{http.StatusBadRequest, err}
	}
	ended, err := r.Manager().EndAll(ctx, name, "")
	if err != nil {
		return nil, err
	}
	r.Recorder.Event(ctx, audit.Event{Name: audit.SessionsRevoked, User: name, Ended: ended, By: audit.ByAdmin})
	return map[string]int{"ended": ended}, nil
}

func inspectToken(ctx context.Context, r *realm.Realm, req *http.Request) (any, error) {
	var body struct {
		Token string `json:"token"`
	}
	if err := readJSON(req, &body); err != nil {
		return nil, err
	}
	if ref, err := r.Manager().Parse(body.Token); err == nil {
		answer := Token{Kind: "refresh_token", SID: ref.SID}
		s, err := r.Manager().Peek(ctx, ref)
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
	answer := Token{Kind: "access_token"}
	claims, err := r.Verifier.Verify(body.Token)
	if err == nil {
		answer.Claims, answer.SID = claims.Map(), claims.SessionID
		err = r.CheckDenied(claims)
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

func pageLimit(req *http.Request) (int, error) {
	text := req.URL.Query().Get("limit")
	if text == "" {
		return maxPage, nil
	}
	limit, err := strconv.Atoi(text)
	if err != nil || limit < 1 || limit > maxPage {
		return 0, Error{http.StatusBadRequest, fmt.Errorf("limit takes a number from 1 to %d", maxPage)}
	}
	return limit, nil
}

// readJSON reads one JSON object; without a body into stays as it is. Two programs must
// not read one body in two ways, so it is as strict as with tokens.
func readJSON(req *http.Request, into any) error {
	body, err := io.ReadAll(req.Body)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return Error{http.StatusRequestEntityTooLarge, fmt.Errorf("the body is larger than %d bytes", tooLarge.Limit)}
	case err != nil:
		return Error{http.StatusBadRequest, errors.New("the body could not be read to its end")}
	}
	if body = bytes.TrimSpace(body); len(body) == 0 {
		return nil
	}
	if err := strictjson.Unmarshal(body, into); err != nil {
		return Error{http.StatusBadRequest, fmt.Errorf("the body is not the JSON that this request takes: %w", err)}
	}
	if body[0] != '{' {
		return Error{http.StatusBadRequest, errors.New("the body is not the JSON that this request takes: not an object")} // null
	}
	return nil
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if value == nil {
		value = struct{}{}
	}
	_ = json.NewEncoder(w).Encode(value) // it fails only where the client is gone
}

// writeError answers in the form of Caddy's admin API.
func writeError(w http.ResponseWriter, logger *zap.Logger, req *http.Request, err error) {
	status := http.StatusInternalServerError
	var known Error
	switch {
	case errors.As(err, &known):
		status = known.Status
	case errors.Is(err, user.ErrNotFound), errors.Is(err, session.ErrNotFound):
		status = http.StatusNotFound
	case errors.Is(err, user.ErrConflict), errors.Is(err, user.ErrReadOnly), errors.Is(err, user.ErrAmbiguous):
		status = http.StatusConflict
	default:
		logger.Error("an admin request failed", zap.String("path", req.URL.Path), zap.Error(err))
	}
	writeJSON(w, status, map[string]string{"error": err.Error()})
}
