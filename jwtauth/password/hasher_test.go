package password

import (
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"
)

func TestHasherWritesWhatOthersRead(t *testing.T) {
	for _, c := range []struct {
		h    *Hasher
		form string
	}{
		{Default(), `^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$`},
		{newHasher(bcryptScheme{}, Params{Cost: 4}), `^\$2a\$04\$[./A-Za-z0-9]{53}$`},
		{newHasher(scryptScheme{}, Params{LogN: 4, R: 8, P: 1}), `^\$scrypt\$ln=4,r=8,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$`},
		// No '+': passlib's base64.
		{newHasher(pbkdf2Scheme{}, Params{Iterations: 10}), `^\$pbkdf2-sha256\$10\$[A-Za-z0-9./]{22}\$[A-Za-z0-9./]{43}$`},
	} {
		t.Run(c.form, func(t *testing.T) {
			h := c.h
			hash := parseNew(t, h, "pässword")
			if !regexp.MustCompile(c.form).MatchString(hash.String()) {
				t.Errorf("%s is not of the form", hash)
			}
			if !hash.Verify("pässword") || hash.Verify("passwort") {
				t.Error("the hash is not one of the password alone")
			}
			if hash.Profile() != h.Profile() {
				t.Errorf("profile %s, the hasher says %s", hash.Profile(), h.Profile())
			}
			if again := parseNew(t, h, "pässword"); again.String() == hash.String() {
				t.Error("two hashes of one password are alike: no salt")
			}
			if h.NeedsUpgrade(hash) {
				t.Error("its own hash is outdated at once")
			}
		})
	}
}

func TestDefaultIsWhatNewHasherDefaultsTo(t *testing.T) {
	h, err := NewHasher(Argon2id, Params{})
	if err != nil {
		t.Fatal(err)
	}
	if Default().Profile() != h.Profile() {
		t.Errorf("%s, %s", Default().Profile(), h.Profile())
	}
	for _, s := range Schemes() {
		if _, err := NewHasher(s, Params{}); err != nil {
			t.Errorf("the defaults of %s are refused: %v", s, err)
		}
	}
}

func TestNewHasherRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		scheme string
		params Params
		says   string
	}{
		{"unknown scheme", "md5", Params{}, "argon2id, bcrypt, scrypt, pbkdf2-sha256"},
		{"memory too small", Argon2id, Params{Memory: 64}, "memory takes 7168 to 1048576"},
		{"memory too large", Argon2id, Params{Memory: 4 << 20}, "memory takes 7168 to 1048576"},
		{"memory negative", Argon2id, Params{Memory: -1}, "memory takes"},
		{"too much of both", Argon2id, Params{Memory: 1 << 20, Time: 9}, "memory (m) times time (t)"},
		{"lanes", Argon2id, Params{Parallelism: 256}, "parallelism takes 1 to 16"},
		{"cost too small", Bcrypt, Params{Cost: 4}, "cost takes 10 to 16"},
		{"cost too large", Bcrypt, Params{Cost: 31}, "cost takes 10 to 16"},
		{"n too large", Scrypt, Params{LogN: 20, R: 32}, "128·2^ln·r"},
		{"iterations too few", PBKDF2SHA256, Params{Iterations: 29000}, "iterations takes 100000 to 10000000"},
		{"setting of another scheme", Argon2id, Params{Cost: 12}, "argon2id has no cost: that is for bcrypt"},
		{"setting of another scheme, negative", Bcrypt, Params{Memory: -1}, "bcrypt has no memory"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := NewHasher(c.scheme, c.params)
			if !errors.Is(err, ErrParams) {
				t.Fatalf("error %v, want ErrParams", err)
			}
			if !strings.Contains(err.Error(), c.says) {
				t.Errorf("%q does not say %q", err, c.says)
			}
		})
	}
}

func TestHashRefuses(t *testing.T) {
	argon, bcrypt := newHasher(argon2idScheme{}, Params{Memory: 64, Time: 1, Parallelism: 1}), newHasher(bcryptScheme{}, Params{Cost: 4})
	for _, c := range []struct {
		name     string
		h        *Hasher
		password string
		want     error
	}{
		{"empty", argon, "", ErrEmpty},
		{"empty for bcrypt", bcrypt, "", ErrEmpty},
		{"1024", argon, strings.Repeat("x", 1024), nil},
		{"1025", argon, strings.Repeat("x", 1025), ErrTooLong},
		{"72 for bcrypt", bcrypt, strings.Repeat("x", 72), nil},
		{"73 for bcrypt", bcrypt, strings.Repeat("x", 73), ErrTooLong},
		{"NUL", argon, "a\x00a", nil},
		{"NUL for bcrypt", bcrypt, "a\x00a", ErrNUL},
	} {
		t.Run(c.name, func(t *testing.T) {
			text, err := c.h.Hash(c.password)
			if !errors.Is(err, c.want) || (err == nil) != (text != "") {
				t.Errorf("Hash = %q, %v; want error %v", text, err, c.want)
			}
		})
	}
}

func TestHashWithoutRandomness(t *testing.T) {
	h := Default()
	h.random = strings.NewReader("short")
	if text, err := h.Hash("password"); !errors.Is(err, io.ErrUnexpectedEOF) || text != "" {
		t.Errorf("Hash = %q, %v", text, err)
	}
}

func TestNeedsUpgrade(t *testing.T) {
	argon := Default()
	bcrypt, err := NewHasher(Bcrypt, Params{Cost: 12})
	if err != nil {
		t.Fatal(err)
	}
	scrypt, err := NewHasher(Scrypt, Params{})
	if err != nil {
		t.Fatal(err)
	}
	pbkdf2, err := NewHasher(PBKDF2SHA256, Params{})
	if err != nil {
		t.Fatal(err)
	}
	const salt16, key32 = "AAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	for _, c := range []struct {
		name string
		h    *Hasher
		old  string
		want bool
	}{
		{"same", argon, "$argon2id$v=19$m=19456,t=2,p=1$" + salt16 + "$" + key32, false},
		{"more lanes", argon, "$argon2id$v=19$m=19456,t=2,p=4$" + salt16 + "$" + key32, false},
		{"stronger", argon, "$argon2id$v=19$m=65536,t=3,p=4$" + salt16 + "$" + key32, false},
		{"more memory, fewer passes (Caddy)", argon, "$argon2id$v=19$m=47104,t=1,p=1$" + salt16 + "$" + key32, false},
		{"less memory", argon, "$argon2id$v=19$m=4096,t=2,p=1$" + salt16 + "$" + key32, true},
		{"fewer passes", argon, "$argon2id$v=19$m=19456,t=1,p=1$" + salt16 + "$" + key32, true},
		{"short salt", argon, "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$" + key32, true},
		{"short key", argon, "$argon2id$v=19$m=19456,t=2,p=1$" + salt16 + "$" + salt16, true},
		{"other scheme", argon, goodBcrypt, true},
		{"other scheme, of high cost", argon, strings.Replace(goodBcrypt, "$05$", "$14$", 1), true},
		{"bcrypt of lower cost", bcrypt, goodBcrypt, true},
		{"bcrypt of the same cost, other variant", bcrypt, strings.Replace(goodBcrypt, "$05$", "$12$", 1), false},
		{"bcrypt of higher cost", bcrypt, strings.Replace(goodBcrypt, "$05$", "$14$", 1), false},
		{"argon2id where bcrypt is configured", bcrypt, goodArgon2id, true},
		{"scrypt of less memory", scrypt, goodScrypt, true},
		{"scrypt of more memory", scrypt, "$scrypt$ln=18,r=8,p=1$" + salt16 + "$" + key32, false},
		{"pbkdf2 with few iterations", pbkdf2, goodPBKDF2, true},
		{"pbkdf2 with few iterations and a long salt", pbkdf2, "$pbkdf2-sha256$29000$" + salt16 + salt16 + "$" + key32, true},
		{"pbkdf2 with more", pbkdf2, "$pbkdf2-sha256$i=700000$" + salt16 + "$" + key32, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			old, err := Parse(c.old)
			if err != nil {
				t.Fatal(err)
			}
			if got := c.h.NeedsUpgrade(old); got != c.want {
				t.Errorf("NeedsUpgrade(%s) = %v to %s", old.Profile(), got, c.h.Profile())
			}
		})
	}
}
