package session

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
)

// deviceIDLength is the length of the id of a browser in bytes: 128 bits.
const deviceIDLength = 16

// NewDevice returns a random id for a browser that has none.
func NewDevice() string {
	id := make([]byte, deviceIDLength)
	_, _ = rand.Read(id) // never fails
	return base64.RawURLEncoding.EncodeToString(id)
}

// DeviceCookie returns the value of the device cookie of the browser with that id. It
// says that a sign-in succeeded in that browser, so that failures there are counted
// apart. It signs no one in. It stays valid while its key is known.
func (m *Manager) DeviceCookie(id string) (string, error) {
	raw, err := encoding.DecodeString(id)
	if err != nil || len(raw) != deviceIDLength {
		return "", fmt.Errorf("making a device cookie: %w", ErrInvalidToken)
	}
	value, err := deviceSeal.sign(m.keys.Current(), raw)
	if err != nil {
		return "", fmt.Errorf("making a device cookie: %w", err)
	}
	return value, nil
}

// ParseDeviceCookie verifies a device cookie's value and returns the id of its
// browser. Whatever this realm's keys did not make is [ErrInvalidToken].
func (m *Manager) ParseDeviceCookie(value string) (id string, err error) {
	_, raw, err := deviceSeal.verify(m.keys, value)
	if err != nil {
		return "", err
	}
	return encoding.EncodeToString(raw), nil
}
