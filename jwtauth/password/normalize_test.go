package password

import "testing"

// Two ways to type one password, as keyboards of different systems send it.
var twoWays = [][2]string{
	{"Gr\u00fc\u00dfe aus M\u00fcnchen", "Gru\u0308\u00dfe aus Mu\u0308nchen"}, // composed and not
	{"correct horse battery", "correct\u00a0horse\u3000battery"},               // spaces of other scripts
	{"\u1e9b\u0323x", "\u1e9b\u0323x"},
}

func TestNormalize(t *testing.T) {
	for _, pair := range twoWays {
		if a, b := Normalize(pair[0]), Normalize(pair[1]); a != b {
			t.Errorf("%q and %q are two passwords: %q, %q", pair[0], pair[1], a, b)
		}
	}
	for _, same := range []string{"", "secret", " secret ", "Secret", "a\x00b", "\xff", "\u00e4\x07", "ＡＢ", "\U0001f512 lock"} {
		if got := Normalize(same); got != same {
			t.Errorf("%q becomes %q", same, got)
		}
	}
}

// A hash of what was typed, by another program, is still one of the password; one made
// here is of the normal form, and takes both.
func TestVerifyTakesBothForms(t *testing.T) {
	hasher, err := NewHasher(PBKDF2SHA256, Params{Iterations: 100000})
	if err != nil {
		t.Fatal(err)
	}
	for _, pair := range twoWays[:2] {
		made, err := hasher.Hash(pair[1])
		if err != nil {
			t.Fatal(err)
		}
		raw, err := hasher.scheme.create(hasher.random, hasher.profile, []byte(pair[1]))
		if err != nil {
			t.Fatal(err)
		}
		for text, want := range map[string][3]bool{ // typed one way, the other, and whether it is of the normal form
			made: {true, true, true},
			raw:  {false, true, false},
		} {
			h, err := Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			if got := [3]bool{h.Verify(pair[0]), h.Verify(pair[1]), h.IsOfNormal(pair[1])}; got != want {
				t.Errorf("%q: %v, want %v", pair, got, want)
			}
			if h.Verify(pair[0]+"x") || h.Verify("") {
				t.Error("another password is right")
			}
		}
	}
}
