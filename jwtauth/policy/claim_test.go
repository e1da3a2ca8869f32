package policy

import (
	"errors"
	"testing"
)

// A claim rule without a name lets no one pass, whatever claims the token has.
func TestClaimWithoutANameNeverHolds(t *testing.T) {
	p := &Principal{Username: "mallory", Claims: mapClaims{"": "x"}}
	if err := (Rule{Claims: []Claim{{Name: "", Values: []string{"x"}}}}).Check(p); !errors.Is(err, ErrClaim) {
		t.Errorf("got %v, want ErrClaim", err)
	}
}
