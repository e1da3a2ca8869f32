package adminapi

import "time"

// Path is where the module's part of Caddy's admin API begins.
const Path = "/jwtauth/"

// The JSON of the admin API. A password hash is never part of an answer.
type (
	// User is a user as the admin API shows it.
	User struct {
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

	// UserChange is what can be set of a user in the store: what is null
	// stays as it is.
	UserChange struct {
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

	// Session is a session as the admin API shows it.
	Session struct {
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

	// Token is what is known of a token.
	Token struct {
		Kind   string         `json:"kind"`
		Valid  bool           `json:"valid"`
		Reason string         `json:"reason,omitempty"`
		Claims map[string]any `json:"claims,omitempty"`
		SID    string         `json:"sid,omitempty"`
	}

	// Key is a key as the admin API shows it, without its material.
	Key struct {
		ID        string     `json:"id"`
		Use       string     `json:"use"`
		Algorithm string     `json:"algorithm"`
		State     string     `json:"state"`
		CreatedAt *time.Time `json:"created_at,omitempty"`
		UsedFrom  *time.Time `json:"used_from,omitempty"`
	}

	// RevokedKeys is the answer to revoking all keys: those made in their place, how
	// many sessions ended with the old ones, and of how many users.
	RevokedKeys struct {
		Keys  []Key `json:"keys"`
		Ended int   `json:"ended"`
		Users int   `json:"users"`
	}

	// StoreReset is what a copy of a store was given of its own.
	StoreReset struct {
		// Path is the file of the store, Ended how many sessions it had.
		Path  string `json:"path"`
		Ended int    `json:"ended"`
		// NewKeys reports that new keys are made at the next start. Without them
		// KeysKept says why.
		NewKeys  bool   `json:"new_keys"`
		KeysKept string `json:"keys_kept,omitempty"`
	}
)
