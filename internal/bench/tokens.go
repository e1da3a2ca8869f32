package main

import (
	"bufio"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/accesstoken"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store"
)

// mint makes access tokens that a server takes for its own: with its key, and in
// all but time and ids like one that it has issued.
type mint struct {
	keys    *accesstoken.KeySet
	claims  accesstoken.Claims
	storeID string
}

// newMint takes the claims and the key's id from a token of the server.
func newMint(algorithm, material, issued string) (*mint, error) {
	parts := strings.Split(issued, ".")
	if len(parts) != 3 {
		return nil, fmt.Errorf("the server's token has %d parts", len(parts))
	}
	var header struct {
		Kid string `json:"kid"`
	}
	var payload struct {
		Iss      string   `json:"iss"`
		Sub      string   `json:"sub"`
		Aud      string   `json:"aud"`
		ClientID string   `json:"client_id"`
		Exp      int64    `json:"exp"`
		Sid      string   `json:"sid"`
		Roles    []string `json:"roles"`
		Scope    string   `json:"scope"`
	}
	for i, into := range []any{&header, &payload} {
		text, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(text, into); err != nil {
			return nil, fmt.Errorf("the server's token: %w", err)
		}
	}
	key, err := accesstoken.ParseKey(algorithm, material)
	if err != nil {
		return nil, err
	}
	keys, err := accesstoken.NewKeySet(key.WithID(header.Kid))
	if err != nil {
		return nil, err
	}
	return &mint{keys: keys, storeID: payload.Sid[:store.IDLength], claims: accesstoken.Claims{
		Issuer: payload.Iss, Subject: payload.Sub, Audience: []string{payload.Aud}, ClientID: payload.ClientID,
		ExpiresAt: time.Unix(payload.Exp, 0), Roles: payload.Roles, Scope: payload.Scope,
	}}, nil
}

// strike makes one token, of a session of its own.
func (m *mint) strike() (string, error) {
	claims := m.claims
	claims.IssuedAt = time.Now()
	claims.ID, claims.SessionID = randomID(), m.storeID+randomID()
	return m.keys.Sign(&claims)
}

// file writes that many tokens to a file, one a line.
func (m *mint) file(path string, count int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	out := bufio.NewWriterSize(f, 1<<20)
	var (
		writing sync.Mutex
		failed  error
		workers sync.WaitGroup
	)
	per := runtime.NumCPU()
	for worker := range per {
		workers.Go(func() {
			for range count/per + min(1, max(0, count%per-worker)) {
				token, err := m.strike()
				writing.Lock()
				if err == nil {
					_, err = out.WriteString(token + "\n")
				}
				if err != nil {
					failed = err
				}
				writing.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	workers.Wait()
	if failed != nil {
		return failed
	}
	return out.Flush()
}

// randomID is 22 random characters, as the server's ids have.
func randomID() string {
	raw := make([]byte, 17)
	_, _ = rand.Read(raw) // never fails
	return base64.RawURLEncoding.EncodeToString(raw)[:22]
}
