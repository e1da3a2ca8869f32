package session

import (
	"encoding/binary"
	"io"
	"time"
)

// SetClock gives m another clock.
func SetClock(m *Manager, now func() time.Time) { m.now = now }

// SetRand gives m another source of randomness.
func SetRand(m *Manager, r io.Reader) { m.rand = r }

// TokenFor seals a refresh token as the holder of k could.
func TokenFor(k Key, sid string, n uint64) (string, error) { return refreshToken(k, sid, n) }

// ForgedToken seals a refresh token with a key that close would refuse.
func ForgedToken(k Key, sid string, n uint64) (string, error) {
	raw := binary.BigEndian.AppendUint64([]byte(k.ID+sid), n)
	mac, err := refreshSeal.mac(k, raw)
	return refreshSeal.prefix + encoding.EncodeToString(append(raw, mac...)), err
}

// SealInOtherContext seals a refresh token's message with the cookie's HMAC key.
func SealInOtherContext(k Key, sid string, n uint64) (string, error) {
	mixed := seal{prefix: refreshSeal.prefix, context: cookieSeal.context, size: refreshSeal.size}
	token, err := refreshToken(k, sid, n)
	if err != nil {
		return "", err
	}
	_, message, err := refreshSeal.verify(&KeySet{byID: map[string]Key{k.ID: k}}, token)
	if err != nil {
		return "", err
	}
	return mixed.sign(k, message)
}
