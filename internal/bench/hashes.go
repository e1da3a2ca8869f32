package main

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/crypto/scrypt"

	pw "github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/password"
)

// cheapHash is a password hash that costs next to nothing, for where hashing is
// not what is measured.
func cheapHash(password string) string {
	hash, err := cheapest(pw.PBKDF2SHA256, password)
	if err != nil {
		panic(err) // of constant lengths
	}
	return hash
}

// cheapest is a hash of a scheme with the least costs that are read. None so
// cheap is ever made.
func cheapest(scheme, password string) (string, error) {
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails
	plain := base64.RawStdEncoding.EncodeToString
	switch scheme {
	case pw.Argon2id:
		return fmt.Sprintf("$argon2id$v=19$m=8,t=1,p=1$%s$%s", plain(salt), plain(argon2.IDKey([]byte(password), salt, 1, 8, 1, 32))), nil
	case pw.Bcrypt:
		hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
		return string(hash), err
	case pw.Scrypt:
		key, err := scrypt.Key([]byte(password), salt, 2, 1, 1, 32)
		return fmt.Sprintf("$scrypt$ln=1,r=1,p=1$%s$%s", plain(salt), plain(key)), err
	case pw.PBKDF2SHA256:
		key, err := pbkdf2.Key(sha256.New, password, salt, 1, 32)
		return fmt.Sprintf("$pbkdf2-sha256$1$%s$%s", passlib64(salt), passlib64(key)), err
	}
	return "", fmt.Errorf("there is no scheme %s", scheme)
}

// passlib64 is base64 as passlib writes it for PBKDF2.
func passlib64(b []byte) string {
	return strings.ReplaceAll(base64.RawStdEncoding.EncodeToString(b), "+", ".")
}
