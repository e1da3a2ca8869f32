package password

import (
	"errors"
	"strings"
	"testing"
)

const (
	goodArgon2id = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	goodBcrypt   = "$2y$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e"
	goodScrypt   = "$scrypt$ln=8,r=8,p=1$WKs1xljLudd6z9kbY0wpJQ$yCR4iDZYDKv+iEJj6yHY0lv/epnfB6f/w1EbXrsJOuQ"
	goodPBKDF2   = "$pbkdf2-sha256$1212$4vjV83LKPjQzk31VI4E0Vw$hsYF68OiOUPdDZ1Fg.fJPeq1h/gXXY7acBp9/6c.tmQ"
)

func TestParseRefuses(t *testing.T) {
	// swap changes one part of a good hash.
	swap := func(hash, old, new string) string {
		t.Helper()
		if !strings.Contains(hash, old) {
			t.Fatalf("%q has no %q", hash, old)
		}
		return strings.Replace(hash, old, new, 1)
	}
	const key32 = "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	for _, c := range []struct {
		name, hash string
		want       error
		says       string
	}{
		{"empty", "", ErrUnsupported, "it is empty"},
		{"plain text", "correct horse", ErrUnsupported, "caddy jwtauth user passwd"},
		{"argon2i", swap(goodArgon2id, "argon2id", "argon2i"), ErrUnsupported, "argon2i hash"},
		{"argon2d", swap(goodArgon2id, "argon2id", "argon2d"), ErrUnsupported, "caddy hash-password"},
		{"apr1", "$apr1$lZL6V/ci$eIMz/iKDkbtys/uU7LEK00", ErrUnsupported, "MD5 hash of htpasswd"},
		{"md5 crypt", "$1$3azHgidD$SrJPt7B.9rekpmwJwtON31", ErrUnsupported, "argon2id, bcrypt, scrypt, pbkdf2-sha256"},
		{"sha", "{SHA}VBPuJHI7uixaa6LQGWx4s+5GKNE=", ErrUnsupported, "unsalted"},
		{"bcrypt 2x", swap(goodBcrypt, "2y", "2x"), ErrUnsupported, "2x"},
		{"other case", swap(goodArgon2id, "argon2id", "Argon2id"), ErrUnsupported, "argon2id"},
		{"leading space", " " + goodArgon2id, ErrUnsupported, "argon2id"},
		{"very long", goodArgon2id + strings.Repeat("A", 1<<20), ErrInvalid, "512"},

		{"argon2id cut off", goodArgon2id[:30], ErrInvalid, "v=19"},
		{"argon2id field too many", goodArgon2id + "$x", ErrInvalid, "v=19"},
		{"argon2id without version", swap(goodArgon2id, "v=19$", ""), ErrInvalid, "v=19"},
		{"argon2id old version", swap(goodArgon2id, "v=19", "v=16"), ErrInvalid, "option v takes 19"},
		{"argon2id 4 GiB", swap(goodArgon2id, "m=256", "m=4194304"), ErrInvalid, "option m takes 8 to 1048576"},
		{"argon2id hours", swap(goodArgon2id, "m=256,t=2", "m=1048576,t=1000"), ErrInvalid, "memory (m) times time (t)"},
		{"argon2id t=0", swap(goodArgon2id, "t=2", "t=0"), ErrInvalid, "option t takes 1 to 1024"},
		{"argon2id p=0", swap(goodArgon2id, "p=1", "p=0"), ErrInvalid, "option p takes 1 to 16"},
		{"argon2id p=256", swap(goodArgon2id, "p=1", "p=256"), ErrInvalid, "option p takes 1 to 16"},
		{"argon2id m below 8p", swap(goodArgon2id, "m=256,t=2,p=1", "m=100,t=2,p=16"), ErrInvalid, "8 times"},
		{"argon2id overflow", swap(goodArgon2id, "t=2", "t=18446744073709551617"), ErrInvalid, "option t takes"},
		{"argon2id negative", swap(goodArgon2id, "t=2", "t=-2"), ErrInvalid, "option t takes"},
		{"argon2id leading zero", swap(goodArgon2id, "t=2", "t=02"), ErrInvalid, "option t takes"},
		{"argon2id option twice", swap(goodArgon2id, "p=1", "t=3"), ErrInvalid, "option t is given twice"},
		{"argon2id option missing", swap(goodArgon2id, ",p=1", ""), ErrInvalid, "m, t, p are wanted"},
		{"argon2id unknown option", swap(goodArgon2id, "p=1", "p=1,keyid=AAAA"), ErrInvalid, "none of m, t, p"},
		{"argon2id empty salt", swap(goodArgon2id, "c29tZXNhbHQ", ""), ErrInvalid, "the salt takes 8 to 64 bytes"},
		{"argon2id short salt", swap(goodArgon2id, "c29tZXNhbHQ", "AAAA"), ErrInvalid, "the salt takes 8 to 64 bytes"},
		{"argon2id empty key", swap(goodArgon2id, key32, ""), ErrInvalid, "the key takes 16 to 64 bytes"},
		{"argon2id long key", swap(goodArgon2id, key32, strings.Repeat("AAAA", 22)), ErrInvalid, "the key takes 16 to 64 bytes"},
		{"argon2id padded", goodArgon2id + "=", ErrInvalid, "without padding"},
		{"argon2id line break", goodArgon2id + "\n", ErrInvalid, "the key takes"},
		{"argon2id stray bits", goodArgon2id[:len(goodArgon2id)-1] + "5", ErrInvalid, "the key takes"},

		{"bcrypt cut off", goodBcrypt[:59], ErrInvalid, "53 characters"},
		{"bcrypt trailing", goodBcrypt + "x", ErrInvalid, "53 characters"},
		{"bcrypt cost 31", swap(goodBcrypt, "$05$", "$31$"), ErrInvalid, "the cost takes 04 to 16"},
		{"bcrypt cost 17", swap(goodBcrypt, "$05$", "$17$"), ErrInvalid, "the cost takes 04 to 16"},
		{"bcrypt cost 00", swap(goodBcrypt, "$05$", "$00$"), ErrInvalid, "the cost takes 04 to 16"},
		{"bcrypt cost +5", swap(goodBcrypt, "$05$", "$+5$"), ErrInvalid, "the cost takes 04 to 16"},
		{"bcrypt alphabet", swap(goodBcrypt, "/OK.", "/OK+"), ErrInvalid, "the salt"},
		{"bcrypt stray bits in the key", goodBcrypt[:59] + "f", ErrInvalid, "the key"},
		{"bcrypt line break", goodBcrypt[:59] + "\n", ErrInvalid, "line break"},

		{"scrypt 8 GiB", swap(goodScrypt, "ln=8,r=8", "ln=20,r=32"), ErrInvalid, "128·2^ln·r must be at most 1073741824"},
		{"scrypt hours", swap(goodScrypt, "ln=8,r=8,p=1", "ln=20,r=8,p=16"), ErrInvalid, "128·2^ln·r·p must be at most"},
		{"scrypt ln=63", swap(goodScrypt, "ln=8", "ln=63"), ErrInvalid, "option ln takes 1 to 20"},
		{"scrypt ln=0", swap(goodScrypt, "ln=8", "ln=0"), ErrInvalid, "option ln takes 1 to 20"},
		{"scrypt r=0", swap(goodScrypt, "r=8", "r=0"), ErrInvalid, "option r takes"},
		{"scrypt p=0", swap(goodScrypt, "p=1", "p=0"), ErrInvalid, "option p takes"},
		{"scrypt empty salt", swap(goodScrypt, "WKs1xljLudd6z9kbY0wpJQ", ""), ErrInvalid, "the salt takes 1 to 64"},
		{"scrypt field missing", goodScrypt[:20], ErrInvalid, "ln=…"},

		{"pbkdf2 hours", swap(goodPBKDF2, "1212", "999999999"), ErrInvalid, "option i takes 1 to 10000000"},
		{"pbkdf2 overflow", swap(goodPBKDF2, "1212", "4294967297000"), ErrInvalid, "option i takes 1 to 10000000"},
		{"pbkdf2 zero", swap(goodPBKDF2, "1212", "0"), ErrInvalid, "option i takes"},
		{"pbkdf2 no iterations", swap(goodPBKDF2, "1212", ""), ErrInvalid, "option i takes"},
		{"pbkdf2 two blocks", "$pbkdf2-sha256$10000000$AAAA$" + strings.Repeat("AAAA", 16), ErrInvalid, "1 to 5000000"},
		{"pbkdf2 wrong l", swap(goodPBKDF2, "1212", "i=1212,l=31"), ErrInvalid, "option l"},
		{"pbkdf2 empty l", swap(goodPBKDF2, "1212", "i=1212,l="), ErrInvalid, "option l"},
		{"pbkdf2 empty salt", swap(goodPBKDF2, "4vjV83LKPjQzk31VI4E0Vw", ""), ErrInvalid, "the salt takes"},
		{"pbkdf2 field too many", goodPBKDF2 + "$", ErrInvalid, "iterations"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, err := Parse(c.hash)
			if !errors.Is(err, c.want) {
				t.Fatalf("Parse = %v, %v; want %v", h, err, c.want)
			}
			if !strings.Contains(err.Error(), c.says) {
				t.Errorf("%q does not say %q", err, c.says)
			}
			for _, secret := range []string{"c29tZXNhbHQ", "nf65EOg", "WKs1xlj", "4vjV83L", "fbVrR", "CE5elH", "eIMz", "correct horse", "VBPu"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("%q repeats a part of the hash", err)
				}
			}
		})
	}
}

func TestParseAcceptsOtherOrder(t *testing.T) {
	// npm's @phc/argon2 writes m, p, t.
	h, err := Parse(strings.Replace(goodArgon2id, "t=2,p=1", "p=1,t=2", 1))
	if err != nil {
		t.Fatal(err)
	}
	if !h.Verify("password") {
		t.Error("the password is refused")
	}
}

// recorder counts the comparisons of a scheme and sees their lengths.
type recorder struct {
	scheme
	lengths []int
}

func (r *recorder) compare(h *Hash, password []byte) bool {
	r.lengths = append(r.lengths, len(password))
	return r.scheme.compare(h, password)
}

func TestVerifyOfWhatDoesNotFit(t *testing.T) {
	// Each password's beginning is the password of the hash, so that a
	// comparison that cut it off would say yes.
	long, seventyTwo := strings.Repeat("a", MaxLength), strings.Repeat("b", 72)
	for _, c := range []struct {
		name     string
		scheme   scheme
		params   Params
		password string
		with     string
		compared int
	}{
		{"argon2id over 1024", argon2idScheme{}, Params{Memory: 64, Time: 1, Parallelism: 1}, long, "x", 1024},
		{"scrypt over 1024", scryptScheme{}, Params{LogN: 4, R: 8, P: 1}, long, "x", 1024},
		{"pbkdf2 over 1024", pbkdf2Scheme{}, Params{Iterations: 10}, long, "x", 1024},
		{"megabytes", pbkdf2Scheme{}, Params{Iterations: 10}, long, strings.Repeat("x", 4<<20), 1024},
		{"bcrypt over 72", bcryptScheme{}, Params{Cost: 4}, seventyTwo, "b", 72},
		{"bcrypt with NUL", bcryptScheme{}, Params{Cost: 4}, "a", "\x00a", 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := parseNew(t, newHasher(c.scheme, c.params), c.password)
			if !h.Verify(c.password) {
				t.Fatal("the longest password that fits is refused")
			}
			r := &recorder{scheme: c.scheme}
			h.scheme = r
			if h.Verify(c.password + c.with) {
				t.Error("the rest of the password was ignored")
			}
			if len(r.lengths) != 1 || r.lengths[0] != c.compared {
				t.Errorf("compared %v bytes, want once %d: it must cost what a wrong password costs", r.lengths, c.compared)
			}
		})
	}
}

// parseNew hashes password with h and parses the result.
func parseNew(t *testing.T, h *Hasher, password string) *Hash {
	t.Helper()
	text, err := h.Hash(password)
	if err != nil {
		t.Fatal(err)
	}
	hash, err := Parse(text)
	if err != nil {
		t.Fatalf("own hash is refused: %v", err)
	}
	return hash
}

func TestProfile(t *testing.T) {
	seen := map[Profile]string{}
	texts := map[string]string{}
	for _, s := range []string{
		goodArgon2id,
		strings.Replace(goodArgon2id, "t=2", "t=3", 1),
		strings.Replace(goodArgon2id, "c29tZXNhbHQ", "c29tZXNhbHQAAA", 1),
		goodBcrypt, strings.Replace(goodBcrypt, "$05$", "$06$", 1),
		goodScrypt, goodPBKDF2,
	} {
		h, err := Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		p := h.Profile()
		if seen[p] != "" || texts[p.String()] != "" {
			t.Errorf("%s has the profile %s of another", s, p)
		}
		seen[p], texts[p.String()] = s, s
	}
	// What does not decide the time is not part of it.
	a, _ := Parse(goodBcrypt)
	b, _ := Parse("$2a$05$XXXXXXXXXXXXXXXXXXXXXOAcXxm9kjPGEMsLznoKqmqw7tc8WCx4a")
	if a.Profile() != b.Profile() {
		t.Errorf("%s and %s take the same time", a.Profile(), b.Profile())
	}
	if got, want := a.Profile().String(), "bcrypt cost=5 salt=16 key=23"; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
}

// FuzzParse looks for strings that panic, or that get past the bounds. What is
// cheap is compared too, and what was parsed from is what comes back.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		goodArgon2id, goodBcrypt, goodScrypt, goodPBKDF2,
		"$pbkdf2-sha256$i=6400,l=32$0ZrzXitFSGltTQnBWOsdAw$Y11AchqV4b0sUisdZd0Xr97KWoymNE0LNNrnEgY4H9M",
		"", "$", "$2b$", "$2b$04$", "$argon2id$", "$argon2id$$$$", "$argon2id$v=19$m=,t=,p=$$",
		"$scrypt$ln=20,r=32,p=16$AA$AAAAAAAAAAAAAAAAAAAAAA", "$pbkdf2-sha256$,l=$$", "$apr1$x$y",
		"$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA", "$argon2id$v=19$m=128,t=1,p=16$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=4194304,t=1024,p=255$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA", "$argon2id$v=19$m=8,t=0,p=0$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$p=1,m=1048576,t=4$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA", "$2a$04$" + strings.Repeat(".", 53), "$2y$31$" + strings.Repeat("/", 53),
		"$scrypt$ln=1,r=1,p=1$AA$AAAAAAAAAAAAAAAAAAAAAA", "$scrypt$ln=20,r=8,p=2$AA$AAAAAAAAAAAAAAAAAAAAAA", "$scrypt$ln=63,r=1,p=1$AA$AAAAAAAAAAAAAAAAAAAAAA",
		"$pbkdf2-sha256$1$AA$AAAAAAAAAAAAAAAAAAAAAA", "$pbkdf2-sha256$10000000$AA$AAAAAAAAAAAAAAAAAAAAAA",
		"$pbkdf2-sha256$i=5000001,l=64$AA$" + strings.Repeat("AAAA", 21) + "AA", "$5$rounds=999999999$x$y", goodArgon2id + "\n", goodArgon2id + "=",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		h, err := Parse(s)
		if err != nil {
			if h != nil || !errors.Is(err, ErrInvalid) && !errors.Is(err, ErrUnsupported) {
				t.Fatalf("%v beside %v", h, err)
			}
			return
		}
		p := h.Profile()
		if h.String() != s || p.Scheme() != h.Scheme() || len(s) > 512 {
			t.Fatalf("%q was parsed as %q of %s", s, h, p)
		}
		if again, err := Parse(h.String()); err != nil || again.Profile() != p {
			t.Fatalf("%q is read again as %v: %v", s, again, err)
		}
		if p.salt < 1 || p.salt > 64 || p.key < 16 || p.key > 64 {
			t.Fatalf("lengths of %s", p)
		}
		// In bytes, and in what takes some seconds of a core: not by the tables
		// that Parse goes by.
		var memory, work int64
		var cheap bool
		switch q := p.params; p.Scheme() {
		case Argon2id:
			memory, work = int64(q.Memory)<<10, int64(q.Memory)*int64(q.Time)<<10
			cheap = q.Memory*q.Time <= 1024
			if work > 4<<30 || q.Time < 1 || q.Parallelism < 1 || q.Parallelism > 16 || q.Memory < 8*q.Parallelism {
				t.Fatal(p)
			}
		case Bcrypt:
			cheap = q.Cost == 4
			if q.Cost < 4 || q.Cost > 16 {
				t.Fatal(p)
			}
		case Scrypt:
			memory = int64(128*q.R) << q.LogN
			work = memory * int64(q.P)
			cheap = work <= 1<<20
			if work > 2<<30 || q.LogN < 1 || q.R < 1 || q.P < 1 {
				t.Fatal(p)
			}
		case PBKDF2SHA256:
			work = int64(q.Iterations) * int64((p.key+31)/32)
			cheap = work <= 2000
			if work > 10_000_000 || q.Iterations < 1 {
				t.Fatal(p)
			}
		default:
			t.Fatalf("scheme %q", p.Scheme())
		}
		if memory > 1<<30 {
			t.Fatalf("%s takes %d bytes", p, memory)
		}
		decoy := h.scheme.decoy(p)
		if decoy.Profile() != p {
			t.Fatalf("the decoy of %s has the profile %s", p, decoy.Profile())
		}
		if !cheap {
			return
		}
		// Whatever it is the hash of, it is not that of all of these.
		if right := func(passwords ...string) (n int) {
			for _, password := range passwords {
				if h.Verify(password) {
					n++
				}
			}
			return n
		}("", "password", "\x00", strings.Repeat("x", MaxLength+1)); right > 1 {
			t.Fatalf("%d passwords fit %q", right, s)
		}
		if decoy.Verify("password") {
			t.Fatalf("the decoy of %s lets in", p)
		}
	})
}
