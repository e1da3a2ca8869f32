package revocation

import (
	"fmt"
	"strings"
)

// A session id made here says which epoch its user was in. It has the length of
// an id of former versions, in which a random character stands in place of the
// mark; the mark is no character of base64url, so that no such id has one.
const (
	epochMark     = "."
	epochAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	epochDigits   = 6

	// StampLength is the length of a stamp.
	StampLength = len(epochMark) + epochDigits
)

// Stamp returns what a session id contains of its user's epoch.
func Stamp(epoch uint64) (string, error) {
	rest := epoch
	var digits [epochDigits]byte
	for i := range digits {
		digits[epochDigits-1-i] = epochAlphabet[rest&63]
		rest >>= 6
	}
	if rest != 0 {
		return "", fmt.Errorf("epoch %d is more than a session id can hold", epoch)
	}
	return epochMark + string(digits[:]), nil
}

// StampedEpoch returns the epoch that is stamped into a session id. An id without
// a stamp is of a former version, or none of ours: it is as old as can be, 0.
func StampedEpoch(sid string) (epoch uint64) {
	_, stamp, found := strings.Cut(sid, epochMark)
	if !found || len(stamp) < epochDigits {
		return 0
	}
	for _, c := range []byte(stamp[:epochDigits]) {
		digit := strings.IndexByte(epochAlphabet, c)
		if digit < 0 {
			return 0
		}
		epoch = epoch<<6 | uint64(digit)
	}
	return epoch
}
