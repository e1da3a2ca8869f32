package throttle

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/netip"
	"strings"
)

// UserAccount returns the account of a user name: the name itself. One with a
// NUL byte, which no user has, gets an account that is no client's.
func UserAccount(name string) string {
	if strings.IndexByte(name, 0) >= 0 {
		return "user\x00" + name
	}
	return name
}

// ClientAccount returns the account of an OAuth2 client. No user's is equal.
func ClientAccount(id string) string { return "client\x00" + id }

// The kinds of counters, each with keys of its own.
const (
	kindAddress    = "address"
	kindAccount    = "account"
	kindGeneration = "generation"
	kindKnown      = "known"
	kindKnownCount = "known-count"
)

// key is a name of 43 characters for a counter. Names and addresses come from
// strangers, in any length: the hash bounds them, and the length before each
// part keeps two lists of parts apart.
func key(kind string, parts ...string) string {
	h := sha256.New()
	for _, part := range append([]string{kind}, parts...) {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		h.Write([]byte(part))
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// bucket is the part of an address that one client cannot change at will: all
// of an IPv4 address, the /64 of an IPv6 one. Everybody without an address (a
// unix socket) is in one bucket.
func bucket(addr netip.Addr) string {
	addr = addr.Unmap()
	switch {
	case !addr.IsValid():
		return "none"
	case addr.Is4():
		return addr.String()
	default:
		return netip.PrefixFrom(addr, 64).Masked().String() // drops the zone, too
	}
}
