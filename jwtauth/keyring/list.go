package keyring

import "time"

// Key is what is shown of a key: everything but its material.
type Key struct {
	ID string
	// Use is what the key is for: UseAccessTokens or UseSessions.
	Use       string
	Algorithm string
	// State says what the key does now: it signs, verifies, or waits.
	State string
	// CreatedAt and UsedFrom are nil for a key given in the config.
	CreatedAt *time.Time
	UsedFrom  *time.Time
}

// What a key is for.
const (
	UseAccessTokens = "access tokens"
	UseSessions     = "refresh tokens"
)

// The states of a key.
const (
	signs    = "signs"
	verifies = "verifies"
	waits    = "waits"
	// given follows the state of a key that the config gives.
	given = " (from the config)"
)

// List returns the keys without their material.
func (k *Keys) List() []Key {
	k.reading.Lock()
	defer k.reading.Unlock()
	now := k.stored.now()
	var keys []Key
	for i, key := range k.configured {
		state := verifies
		if i == 0 {
			state = signs
		}
		keys = append(keys, Key{ID: key.ID, Use: UseAccessTokens, Algorithm: key.Algorithm, State: state + given})
	}
	stateOf := func(id, current string, from time.Time) string {
		switch {
		case id == current:
			return signs
		case from.After(now):
			return waits
		default:
			return verifies
		}
	}
	if len(k.configured) == 0 {
		current := k.record.signingKey(k.algorithm, now).ID
		for _, r := range k.record.Signing {
			keys = append(keys, Key{
				ID: r.ID, Use: UseAccessTokens, Algorithm: r.Algorithm, CreatedAt: &r.CreatedAt, UsedFrom: &r.SignsFrom,
				State: stateOf(r.ID, current, r.SignsFrom),
			})
		}
	}
	current := k.record.sessionKey(now).ID
	for _, r := range k.record.Session {
		keys = append(keys, Key{
			ID: r.ID, Use: UseSessions, Algorithm: "HMAC-SHA256", CreatedAt: &r.CreatedAt, UsedFrom: &r.UsedFrom,
			State: stateOf(r.ID, current, r.UsedFrom),
		})
	}
	return keys
}
