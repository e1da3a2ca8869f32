package caddyfile

import (
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/guard"
)

// block reads the options of one block. Each is written once, unless it may be repeated.
type block struct {
	*caddyfile.Dispenser
	seen map[string]bool
}

func newBlock(d *caddyfile.Dispenser) block {
	return block{Dispenser: d, seen: make(map[string]bool)}
}

// once is an error if the current option was written before.
func (b block) once() error {
	name := b.Val()
	if b.seen[name] {
		return b.Errf("%s is written twice", name)
	}
	b.seen[name] = true
	return nil
}

// none reads an option that takes no argument.
func (b block) none() error {
	if err := b.once(); err != nil {
		return err
	}
	if b.NextArg() {
		return b.ArgErr()
	}
	return nil
}

// one reads the one argument of an option. takes says what that is.
func (b block) one(takes string) (string, error) {
	if err := b.once(); err != nil {
		return "", err
	}
	return b.arg(takes)
}

// arg reads the one argument of an option that may be repeated.
func (b block) arg(takes string) (string, error) {
	name := b.Val()
	args := b.RemainingArgs()
	if len(args) != 1 || args[0] == "" {
		return "", b.Errf("%s takes %s", name, takes)
	}
	return args[0], nil
}

// some reads the arguments of an option that takes at least one.
func (b block) some(takes string) ([]string, error) {
	name := b.Val()
	args := b.RemainingArgs()
	if len(args) == 0 {
		return nil, b.Errf("%s takes %s", name, takes)
	}
	for _, arg := range args {
		if arg == "" {
			return nil, b.Errf("%s takes %s, and one of them is empty", name, takes)
		}
	}
	return args, nil
}

// origins reads the arguments of an option that takes origins and may be repeated, and
// adds them to those of before.
func (b block) origins(before []string) ([]string, error) {
	option := b.Val()
	origins, err := b.some("origins, such as https://app.example.com")
	if err != nil {
		return nil, err
	}
	for _, origin := range origins {
		if err := guard.CheckOrigin(option, origin); err != nil {
			return nil, b.WrapErr(err)
		}
	}
	return append(before, origins...), nil
}

// duration reads a duration of at least the given one.
func (b block) duration(atLeast time.Duration) (caddy.Duration, error) {
	name := b.Val()
	text, err := b.one("a duration, such as 15m or 30d")
	if err != nil {
		return 0, err
	}
	d, err := caddy.ParseDuration(text)
	if err != nil {
		return 0, b.Errf("%s takes a duration, such as 15m or 30d, not %q", name, text)
	}
	if d < atLeast {
		return 0, b.Errf("%s takes a duration of at least %s, not %s", name, atLeast, text)
	}
	return caddy.Duration(d), nil
}

// number reads a whole number that is not zero. The option has a range of its own.
func (b block) number() (int, error) {
	const takes = "a whole number of at least 1"
	name := b.Val()
	text, err := b.one(takes)
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, b.Errf("%s takes %s, not %q", name, takes, text)
	}
	return n, nil
}

// flat is an error if an option that takes no block has one.
func (b block) flat(option string, nesting int) error {
	if b.NextBlock(nesting) {
		return b.Errf("%s takes no block", option)
	}
	return nil
}

// unknown is the error for an option that the directive does not have.
func (b block) unknown(of, options string) error {
	return b.Errf("unrecognized option of %s: %s (it has %s)", of, b.Val(), options)
}

// hasPlaceholder reports whether a value can be checked only when it is loaded.
func hasPlaceholder(value string) bool { return strings.Contains(value, "{") }
