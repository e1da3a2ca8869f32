package policy

import (
	"errors"
	"testing"
)

// A rule that has lost the name of its claim lets nobody pass, whatever claims
// a token brings along.
func TestClaimWithoutANameHoldsForNobody(t *testing.T) {
	p := &Principal{Username: "mallory", Claims: MapClaims{"": "x"}}
	if err := (Rule{Claims: []Claim{{Name: "", Values: []string{"x"}}}}).Check(p); !errors.Is(err, ErrClaim) {
		t.Errorf("got %v, want ErrClaim", err)
	}
}
