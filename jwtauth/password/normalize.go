package password

import (
	"unicode/utf8"

	"golang.org/x/text/secure/precis"
)

// Normalize is a password as it is hashed: OpaqueString of RFC 8265 §4.2, in which the
// spaces of all scripts are one, and a letter with an accent is one character however a
// keyboard sends it. What that profile refuses, as a control character, and what is not UTF-8
// stays as it is.
func Normalize(password string) string {
	isASCII := true
	for i := range len(password) {
		isASCII = isASCII && password[i] < utf8.RuneSelf
	}
	if isASCII || !utf8.ValidString(password) {
		return password
	}
	normal, err := precis.OpaqueString.String(password)
	if err != nil {
		return password
	}
	return normal
}
