package accesstoken

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

const (
	// maxDepth is how deep claims may nest, the claims object included.
	maxDepth = 32
	// maxDate is the last second of the year 9999.
	maxDate = 253402300799
)

// What can be wrong with a claim. The texts repeat nothing of the token.
var (
	errNotText  = errors.New("is not text, empty, or has control characters")
	errNotTexts = errors.New("is not a list of text")
	errNotDate  = errors.New("is not a number of seconds within the years 1970 to 9999")
	errNotScope = errors.New("is not a list of scopes separated by single spaces")
	errTooDeep  = fmt.Errorf("%w: nested too deep", ErrClaims)
	errNumber   = fmt.Errorf("%w: a number is out of range", ErrClaims)
)

// header holds the members of a JOSE header that are accepted.
type header struct {
	alg, kid, typ          string
	hasAlg, hasKid, hasTyp bool
}

// UnmarshalJSONFrom accepts the members alg, kid and typ only, each a string. So it
// refuses "crit", "b64", and keys or addresses of keys in a token.
func (h *header) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	return readObject(dec, func(name []byte) error {
		var to *string
		var has *bool
		switch string(name) {
		case "alg":
			to, has = &h.alg, &h.hasAlg
		case "kid":
			to, has = &h.kid, &h.hasKid
		case "typ":
			to, has = &h.typ, &h.hasTyp
		default:
			return ErrMalformed
		}
		tok, err := dec.ReadToken()
		if err != nil {
			return err
		}
		if tok.Kind() != jsontext.KindString {
			return ErrMalformed
		}
		*to, *has = tok.String(), true
		return nil
	})
}

// decodeHeader refuses a header that could be read in more than one way: with
// duplicate or unknown members, names in another case, bad UTF-8, or anything
// after the object.
func decodeHeader(data []byte) (header, error) {
	var h header
	if json.Unmarshal(data, &h) != nil || len(h.kid) > maxKeyID {
		return header{}, fmt.Errorf("%w header", ErrMalformed)
	}
	return h, nil
}

// readers are for decoding one payload after the other.
var readers = sync.Pool{New: func() any { return new(claimsReader) }}

// decodeClaims reads a payload and checks the kind and bounds of every claim;
// [Claims.complete] checks which claims there are. It refuses duplicate members
// at any depth, bad UTF-8 and anything after the object.
func decodeClaims(payload []byte, expected *Verifier) (*Claims, error) {
	reader := readers.Get().(*claimsReader)
	defer readers.Put(reader)
	c := &Claims{held: len(payload)}
	reader.Claims, reader.expected, reader.text = c, expected, string(payload)
	err := reader.read(payload)
	reader.Claims, reader.expected, reader.text = nil, nil, ""
	switch {
	case err == nil:
		return c, nil
	case errors.Is(err, ErrClaims):
		return nil, err
	}
	return nil, fmt.Errorf("%w claims", ErrMalformed)
}

// claimError names the claim that is wrong. It wraps [ErrClaims].
type claimError struct {
	name  string // a constant of this package, never a text of the token
	fault error
}

func (e *claimError) Error() string {
	return ErrClaims.Error() + ": " + e.name + " " + e.fault.Error()
}

func (e *claimError) Unwrap() error { return ErrClaims }

// claimsReader decodes into [Claims]. Strings without escapes are parts of text, the
// payload, so that all of them are one allocation; those that are equal to what is
// expected are shared with that. It does not check that they are.
type claimsReader struct {
	*Claims
	expected *Verifier
	text     string

	// Both are used again: package json finds out on each call what is to be read.
	payload bytes.Buffer
	decoder jsontext.Decoder
}

// read reads a payload that is a claims object and nothing else.
func (c *claimsReader) read(payload []byte) error {
	c.payload = *bytes.NewBuffer(payload)
	c.decoder.Reset(&c.payload)
	if err := c.readClaims(&c.decoder); err != nil {
		return err
	}
	if _, err := c.decoder.ReadToken(); err != io.EOF {
		return ErrMalformed
	}
	return nil
}

// readClaims reads the claims object.
func (c *claimsReader) readClaims(dec *jsontext.Decoder) error {
	if err := begin(dec, jsontext.KindBeginObject, ErrMalformed); err != nil {
		return err
	}
	for dec.PeekKind() != jsontext.KindEndObject {
		name, err := c.readString(dec)
		if err != nil {
			return err
		}
		if err := c.member(dec, name); err != nil {
			return err
		}
	}
	_, err := dec.ReadToken()
	return err
}

// member reads the value of a claim.
func (c *claimsReader) member(dec *jsontext.Decoder, name string) (err error) {
	switch name {
	case "iss":
		c.Issuer, err = c.readText(dec, "iss")
	case "sub":
		c.Subject, err = c.readText(dec, "sub")
	case "aud":
		c.Audience, err = c.readAudience(dec)
	case "client_id":
		c.ClientID, err = c.readText(dec, "client_id")
	case "iat":
		c.IssuedAt, err = readDate(dec, "iat")
	case "nbf":
		c.NotBefore, err = readDate(dec, "nbf")
	case "exp":
		c.ExpiresAt, err = readDate(dec, "exp")
	case "jti":
		c.ID, err = c.readText(dec, "jti")
	case "sid":
		c.SessionID, err = c.readText(dec, "sid")
	case "roles":
		c.Roles, err = c.readRoles(dec)
	case "scope":
		c.Scope, err = c.readScope(dec)
	default:
		err = c.readOther(dec, name)
	}
	return err
}

// begin reads the beginning of an object or array, or returns other.
func begin(dec *jsontext.Decoder, kind jsontext.Kind, other error) error {
	tok, err := dec.ReadToken()
	if err != nil {
		return err
	}
	if tok.Kind() != kind {
		return other
	}
	return nil
}

// readObject calls member after each name; member has to read one value. The name
// is valid until it does.
func readObject(dec *jsontext.Decoder, member func(name []byte) error) error {
	tok, err := dec.ReadToken()
	if err != nil {
		return err
	}
	if tok.Kind() != jsontext.KindBeginObject {
		return ErrMalformed
	}
	for dec.PeekKind() != jsontext.KindEndObject {
		name, err := dec.ReadValue() // a string with its quotes
		if err != nil {
			return err
		}
		text, err := unquoted(name)
		if err != nil {
			return err
		}
		if err := member(text); err != nil {
			return err
		}
	}
	_, err = dec.ReadToken()
	return err
}

// readString reads a string. It is a part of the payload if it has no escapes.
func (c *claimsReader) readString(dec *jsontext.Decoder) (string, error) {
	raw, err := dec.ReadValue() // with its quotes
	if err != nil {
		return "", err
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		end := int(dec.InputOffset())
		return c.text[end-len(raw)+1 : end-1], nil
	}
	text, err := jsontext.AppendUnquote(nil, raw)
	c.held += len(text)
	return string(text), err
}

// unquoted returns the content of a JSON string. It may share memory with raw.
func unquoted(raw jsontext.Value) ([]byte, error) {
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1], nil
	}
	return jsontext.AppendUnquote(nil, raw)
}

// readText reads a string that is text (see isText).
func (c *claimsReader) readText(dec *jsontext.Decoder, claim string) (string, error) {
	if kind := dec.PeekKind(); kind != jsontext.KindString && kind != jsontext.KindInvalid {
		return "", &claimError{claim, errNotText}
	}
	s, err := c.readString(dec)
	if err != nil {
		return "", err
	}
	if !isText(s) {
		return "", &claimError{claim, errNotText}
	}
	return s, nil
}

// isText reports a string that is safe in a header line and in a log: not empty,
// and without control characters.
func isText(s string) bool {
	for i := range len(s) {
		if c := s[i]; c >= utf8.RuneSelf {
			return strings.IndexFunc(s, unicode.IsControl) < 0
		} else if c < ' ' || c == 0x7f {
			return false
		}
	}
	return s != ""
}

// readRoles reads an array of text. A role with a comma or space would be two roles where
// roles are written as a list.
func (c *claimsReader) readRoles(dec *jsontext.Decoder) ([]string, error) {
	if err := begin(dec, jsontext.KindBeginArray, &claimError{"roles", errNotTexts}); err != nil {
		return nil, err
	}
	roles := make([]string, 0, 2)
	for dec.PeekKind() != jsontext.KindEndArray {
		s, err := c.readText(dec, "roles")
		if err != nil {
			return nil, err
		}
		if strings.ContainsAny(s, ", ") {
			return nil, &claimError{"roles", errNotTexts}
		}
		roles = append(roles, s)
	}
	_, err := dec.ReadToken()
	return roles, err
}

// readAudience reads one string or an array of them (RFC 7519 §4.1.3). One that begins
// as the expected one does is a part of that.
func (c *claimsReader) readAudience(dec *jsontext.Decoder) ([]string, error) {
	expected := c.expected.Audience
	if dec.PeekKind() == jsontext.KindString {
		s, err := c.readText(dec, "aud")
		if i := slices.Index(expected, s); i >= 0 {
			return expected[i : i+1 : i+1], err
		}
		return []string{s}, err
	}
	if err := begin(dec, jsontext.KindBeginArray, &claimError{"aud", errNotTexts}); err != nil {
		return nil, err
	}
	list := expected[:0:0]
	for dec.PeekKind() != jsontext.KindEndArray {
		s, err := c.readText(dec, "aud")
		if err != nil {
			return nil, err
		}
		if n := len(list); n < len(expected) && expected[n] == s && (n == 0 || &list[0] == &expected[0]) {
			list = expected[: n+1 : n+1]
		} else {
			list = append(list, s)
		}
	}
	_, err := dec.ReadToken()
	return list, err
}

// readDate reads a NumericDate (RFC 7519 §2), which may have a fraction.
func readDate(dec *jsontext.Decoder, claim string) (time.Time, error) {
	if kind := dec.PeekKind(); kind != jsontext.KindNumber && kind != jsontext.KindInvalid {
		return time.Time{}, &claimError{claim, errNotDate}
	}
	raw, err := dec.ReadValue()
	if err != nil {
		return time.Time{}, err
	}
	seconds, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || seconds < 0 || seconds > maxDate {
		return time.Time{}, &claimError{claim, errNotDate}
	}
	whole, fraction := math.Modf(seconds)
	return time.Unix(int64(whole), int64(fraction*1e9)).UTC(), nil
}

// readScope reads a scope as RFC 6749 §3.3 defines it; "" means no scope.
func (c *claimsReader) readScope(dec *jsontext.Decoder) (string, error) {
	if kind := dec.PeekKind(); kind != jsontext.KindString && kind != jsontext.KindInvalid {
		return "", &claimError{"scope", errNotScope}
	}
	s, err := c.readString(dec)
	if err != nil {
		return "", err
	}
	gap := true // a space is not allowed here
	for _, c := range []byte(s) {
		switch {
		case c == ' ' && !gap:
			gap = true
		case c > ' ' && c <= '~' && c != '"' && c != '\\':
			gap = false
		default:
			return "", &claimError{"scope", errNotScope}
		}
	}
	if gap && s != "" {
		return "", &claimError{"scope", errNotScope}
	}
	return s, nil
}

// Interface guards
var _ json.UnmarshalerFrom = (*header)(nil)
