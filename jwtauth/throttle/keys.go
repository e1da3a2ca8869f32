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

// Origin says where an attempt comes from.
type Origin struct {
	// Address is the client's; the zero Addr is a bucket of its own.
	Address netip.Addr
	// Device is the id of the browser, as the server itself gave it out; "" for
	// none. It counts for the accounts alone that the browser signed in to: for
	// the rest it is as none, so the id may be one that was made just now, for
	// the browser to keep after a success.
	Device string
}

// The kinds of counters, each with keys of its own.
const (
	kindAddress     = "address"
	kindAccount     = "account"
	kindGeneration  = "generation"
	kindKnown       = "known"
	kindKnownCount  = "known-count"
	kindDevice      = "device"
	kindDeviceCount = "device-count"
	kindOrigin      = "origin"
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

// A bucket is a block of addresses that are counted as one.
type bucket struct {
	name string
	// factor is how many times the failures of a single address it may have.
	factor int
}

// prefixes are the blocks in which IPv6 is given out: one network, one
// household, one site. A guesser who has a wider one walks through the narrower ones.
var prefixes = []struct{ bits, factor int }{{64, 1}, {56, 4}, {48, 16}}

// buckets returns the blocks that an address is counted in, the narrowest first:
// an IPv4 address alone, an IPv6 one by three prefixes. All clients without an
// address (a unix socket) are in one bucket.
func buckets(addr netip.Addr) []bucket {
	addr = addr.Unmap()
	switch {
	case !addr.IsValid():
		return []bucket{{"none", 1}}
	case addr.Is4():
		return []bucket{{addr.String(), 1}}
	}
	var all []bucket
	for _, p := range prefixes {
		block := netip.PrefixFrom(addr, p.bits).Masked() // drops the zone, too
		all = append(all, bucket{block.String(), p.factor})
	}
	return all
}
