package session

import "fmt"

// Cookie returns the value of the session cookie that names s in a browser. It
// stays valid while the session lives and its key is known.
func (m *Manager) Cookie(s Session) (string, error) {
	value, err := cookieValue(m.keys.Current(), s.ID)
	if err != nil {
		return "", fmt.Errorf("making a session cookie: %w", err)
	}
	return value, nil
}

// ParseCookie verifies a session cookie's value without any look-up and returns
// the id of its session, for [Manager.Live]. Whatever this realm's keys did not
// make for a session of this store is [ErrInvalidToken].
func (m *Manager) ParseCookie(value string) (sid string, err error) {
	sid, err = parseCookieValue(m.keys, value)
	if err != nil {
		return "", err
	}
	if !m.ofThisStore(sid) {
		return "", ErrInvalidToken
	}
	return sid, nil
}

// CheckCookie returns [ErrInvalidToken] for a value of [Manager.ParseCookie] that
// cannot have been made for s, which it names: its key was retired before s began,
// or has been revoked since.
func (m *Manager) CheckCookie(value string, s Session) error {
	key, _, err := cookieSeal.verify(m.keys, value)
	if err != nil {
		return err
	}
	if !sealedFor(m.keys, key, s) {
		return ErrInvalidToken
	}
	return nil
}
