package password

import (
	"encoding/base64"
	"encoding/hex"
	"testing"
)

// TestPublishedHashes verifies hashes that others have published.
func TestPublishedHashes(t *testing.T) {
	for _, v := range []struct{ name, source, hash, password string }{
		// The test vectors of RFC 9106 §5.3 use a secret and associated data,
		// which a password hash has not; these are the reference implementation's.
		{"argon2id one lane", "github.com/P-H-C/phc-winner-argon2, src/test.c",
			"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "password"},
		{"argon2id two lanes", "github.com/P-H-C/phc-winner-argon2, src/test.c",
			"$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc", "password"},
		{"argon2id 64 MiB", "github.com/P-H-C/phc-winner-argon2, src/test.c",
			"$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "password"},
		{"argon2id of Caddy", "Caddy 2.11, caddyauth.Argon2idHash.FakeHash",
			"$argon2id$v=19$m=47104,t=1,p=1$P2nzckEdTZ3bxCiBCkRTyA$xQL3Z32eo5jKl7u5tcIsnEKObYiyNZQQf5/4sAau6Pg", "antitiming"},
		{"bcrypt 2a", "Openwall crypt_blowfish, wrapper.c",
			"$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a", "U*U*U"},
		{"bcrypt 2a, empty password", "Openwall crypt_blowfish, wrapper.c",
			"$2a$05$CCCCCCCCCCCCCCCCCCCCC.7uG0VCzI2bS7j6ymqJi9CdcdxiRTWNy", ""},
		{"bcrypt 2y", "Openwall crypt_blowfish, wrapper.c",
			"$2y$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e", "\xff\xff\xa3"},
		{"bcrypt 2b", "Openwall crypt_blowfish, wrapper.c",
			"$2b$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e", "\xff\xff\xa3"},
		{"scrypt of passlib", "passlib documentation, passlib.hash.scrypt",
			"$scrypt$ln=8,r=8,p=1$WKs1xljLudd6z9kbY0wpJQ$yCR4iDZYDKv+iEJj6yHY0lv/epnfB6f/w1EbXrsJOuQ", "password"},
		{"scrypt p=16", "RFC 7914 §12, second vector", "$scrypt$ln=10,r=8,p=16$" + b64("NaCl") + "$" + unhex(t,
			"fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"+
				"2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640"), "password"},
		{"scrypt N=16384", "RFC 7914 §12, third vector", "$scrypt$ln=14,r=8,p=1$" + b64("SodiumChloride") + "$" + unhex(t,
			"7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"+
				"d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"), "pleaseletmein"},
		{"pbkdf2 of passlib", "passlib documentation, passlib.hash.pbkdf2_digest",
			"$pbkdf2-sha256$6400$0ZrzXitFSGltTQnBWOsdAw$Y11AchqV4b0sUisdZd0Xr97KWoymNE0LNNrnEgY4H9M", "password"},
		{"pbkdf2 of passlib, short salt", "passlib documentation, passlib.hash.pbkdf2_digest",
			"$pbkdf2-sha256$8000$XAuBMIYQQogxRg$tRRlz8hYn63B9LYiCd6PRo6FMiunY9ozmMMI3srxeRE", "password"},
		{"pbkdf2 with dots", "passlib, tests/test_handlers.py",
			"$pbkdf2-sha256$1212$4vjV83LKPjQzk31VI4E0Vw$hsYF68OiOUPdDZ1Fg.fJPeq1h/gXXY7acBp9/6c.tmQ", "password"},
		{"pbkdf2 of phc-format", "npm @phc/format, README; the password is passlib's",
			"$pbkdf2-sha256$i=6400$0ZrzXitFSGltTQnBWOsdAw$Y11AchqV4b0sUisdZd0Xr97KWoymNE0LNNrnEgY4H9M", "password"},
		{"pbkdf2 with its length", "the same with the option l",
			"$pbkdf2-sha256$i=6400,l=32$0ZrzXitFSGltTQnBWOsdAw$Y11AchqV4b0sUisdZd0Xr97KWoymNE0LNNrnEgY4H9M", "password"},
		{"pbkdf2 one iteration", "RFC 7914 §11, first vector", "$pbkdf2-sha256$i=1,l=64$" + b64("salt") + "$" + unhex(t,
			"55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"+
				"49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783"), "passwd"},
		{"pbkdf2 80000 iterations", "RFC 7914 §11, second vector", "$pbkdf2-sha256$i=80000,l=64$" + b64("NaCl") + "$" + unhex(t,
			"4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56"+
				"a1d425a1225833549adb841b51c9b3176a272bdebba1d078478f62b397f33c8d"), "Password"},
	} {
		t.Run(v.name, func(t *testing.T) {
			h, err := Parse(v.hash)
			if err != nil {
				t.Fatalf("%s: %v", v.source, err)
			}
			if h.String() != v.hash {
				t.Errorf("String() = %q, not what was parsed", h.String())
			}
			if !h.Verify(v.password) {
				t.Errorf("%s: the password is refused", v.source)
			}
			if h.Verify(v.password + "x") {
				t.Errorf("%s: another password is accepted", v.source)
			}
		})
	}
}

func b64(s string) string { return base64.RawStdEncoding.EncodeToString([]byte(s)) }

func unhex(t *testing.T, s string) string {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b64(string(b))
}
