package password_test

import (
	"fmt"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/password"
)

// Hashes of several schemes are read; new ones are made with the one configured.
func Example() {
	old, err := password.Parse("$2a$10$a0NH7J4ZruhVFz.JFdv39.2ya8sf74YlCeLgGD04.sfm.uGeDN3eW") // bcrypt
	if err != nil {
		fmt.Println(err)
		return
	}
	hasher, _ := password.NewHasher("argon2id", password.Params{})
	fmt.Println(old.Scheme(), "needs an upgrade:", hasher.NeedsUpgrade(old))

	text, _ := hasher.Hash("secret")
	hash, _ := password.Parse(text)
	fmt.Println(hash.Scheme(), hash.Verify("secret"), hash.Verify("wrong"))
	// Output:
	// bcrypt needs an upgrade: true
	// argon2id true false
}
