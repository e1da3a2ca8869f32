package accesstoken

import "testing"

// The thumbprint of an EC key, which is what keys made here have as "kid": the
// key and its "jkt" are those of RFC 9449, §4.1 and §6.1.
func TestPublishedThumbprintOfAnECKey(t *testing.T) {
	const (
		jwk = `{"kty":"EC","crv":"P-256","x":"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs","y":"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"}`
		jkt = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"
	)
	k, err := ParseJWK([]byte(jwk))
	if err != nil {
		t.Fatal(err)
	}
	if k.ID != jkt || k.Algorithm != "ES256" {
		t.Errorf("got %s, want ES256 and %s", k, jkt)
	}
}
