package password

import (
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// errShape names the spelling that was expected, with words for the secrets.
func errShape(shape string) error {
	return fmt.Errorf("it is not of the form %s", shape)
}

// parseOptions reads the "key=value,…" of a PHC string: each option once, in
// any order, and no other.
func parseOptions(s scheme, field string) (Params, error) {
	var p Params
	seen := 0
	for pair := range strings.SplitSeq(field, ",") {
		key, value, _ := strings.Cut(pair, "=")
		o, ok := optionByKey(s, key)
		if !ok {
			return Params{}, fmt.Errorf("there is an option that is none of %s", optionKeys(s))
		}
		v := o.field(&p)
		if *v != 0 {
			return Params{}, fmt.Errorf("option %s is given twice", o.key)
		}
		n, ok := parseNumber(value)
		if !ok || n < o.min || n > o.max {
			return Params{}, fmt.Errorf("option %s takes %d to %d", o.key, o.min, o.max)
		}
		*v = n
		seen++
	}
	if seen != len(s.options()) {
		return Params{}, fmt.Errorf("the options %s are wanted", optionKeys(s))
	}
	return p, s.bound(p)
}

func optionByKey(s scheme, key string) (option, bool) {
	for _, o := range s.options() {
		if o.key == key {
			return o, true
		}
	}
	return option{}, false
}

func optionKeys(s scheme) string {
	var keys []string
	for _, o := range s.options() {
		keys = append(keys, o.key)
	}
	return strings.Join(keys, ", ")
}

// parseNumber reads a decimal without sign and without leading zeros.
func parseNumber(s string) (int, bool) {
	if s == "" || len(s) > 9 || s[0] == '0' && len(s) > 1 {
		return 0, false
	}
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return 0, false
		}
	}
	n, err := strconv.Atoi(s)
	return n, err == nil
}

// decode64 reads unpadded standard base64 without stray bits.
func decode64(s string) ([]byte, error) {
	// The decoder skips line breaks by itself.
	if strings.ContainsAny(s, "\r\n") {
		return nil, errors.New("not base64")
	}
	return base64.RawStdEncoding.Strict().DecodeString(s)
}

func encode64(b []byte) string { return base64.RawStdEncoding.EncodeToString(b) }

// parseSaltAndKey reads the last two fields of a hash string.
func parseSaltAndKey(saltField, keyField string, minSalt int) (salt, key []byte, err error) {
	if salt, err = decode64(saltField); err != nil || len(salt) < minSalt || len(salt) > maxSalt {
		return nil, nil, fmt.Errorf("the salt takes %d to %d bytes as base64 without padding", minSalt, maxSalt)
	}
	if key, err = decode64(keyField); err != nil || len(key) < minKey || len(key) > maxKey {
		return nil, nil, fmt.Errorf("the key takes %d to %d bytes as base64 without padding", minKey, maxKey)
	}
	return salt, key, nil
}

// keyed is the Hash of the schemes whose salt and key are bytes.
func keyed(p Params, salt, key []byte) *Hash {
	return &Hash{profile: Profile{params: p, salt: len(salt), key: len(key)}, salt: salt, key: key}
}

// keyedDecoy is their decoy. What its salt and key are does not matter: the
// answer is thrown away.
func keyedDecoy(s scheme, p Profile) *Hash {
	return &Hash{scheme: s, profile: p, salt: make([]byte, p.salt), key: make([]byte, p.key)}
}

// sameKey compares in constant time. A key that could not be derived equals none.
func sameKey(want, got []byte) bool {
	return len(want) > 0 && subtle.ConstantTimeCompare(want, got) == 1
}

func randomSalt(random io.Reader, n int) ([]byte, error) {
	salt := make([]byte, n)
	if _, err := io.ReadFull(random, salt); err != nil {
		return nil, fmt.Errorf("no random bytes for a salt: %w", err)
	}
	return salt, nil
}
