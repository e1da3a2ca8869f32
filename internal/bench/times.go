package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/password"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/signin"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/bolt"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/throttle"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// certainty is the p-value below which two populations count as different.
const certainty = 0.001

const (
	// Both have the same length.
	rightPassword = "right password"
	wrongPassword = "wrong password"
)

// A population is one way to be refused. Each of its samples is of a name of its
// own, which has failed once before.
type population struct {
	name string
	// known names are those of users.
	known bool
	// throttled accounts have to wait.
	throttled bool
	password  string
}

var overlong = strings.Repeat("x", password.MaxLength+1)

var populations = []population{
	{name: "unknown user", password: wrongPassword},
	{name: "wrong password", known: true, password: wrongPassword},
	{name: "overlong password of an unknown user", password: overlong},
	{name: "overlong password", known: true, password: overlong},
	{name: "throttled unknown name", throttled: true, password: wrongPassword},
	{name: "throttled account, right password", known: true, throttled: true, password: rightPassword},
}

// timePairs are populations that have to be alike. An overlong password is
// compared with one as long: its length is no secret to who sends it. The last
// two compare with an account that need not wait; of them the latter has no user
// on either side, and so shows how much of it is the waiting alone.
var timePairs = [][2]int{{1, 0}, {3, 2}, {5, 4}, {5, 0}, {4, 0}}

// account is the n-th name of a population. All names are equally long.
func (p population) account(n int) string {
	kind := 'n'
	if p.known {
		kind = 'u'
	}
	return fmt.Sprintf("%c%c%06d", kind, map[bool]rune{true: 't', false: 'f'}[p.throttled], n)
}

// timesCase is one set of password hashes in use.
type timesCase struct {
	name string
	// hashes make them; the users have them in equal parts.
	hashes []func(password string) (string, error)
	// fewer divides the number of samples: for hashes that cost something.
	fewer int
}

func timesCases() (cases []timesCase) {
	mixed := timesCase{name: "all four, mixed", fewer: 1}
	for _, scheme := range password.Schemes() {
		hash := func(password string) (string, error) { return cheapest(scheme, password) }
		mixed.hashes = append(mixed.hashes, hash)
		cases = append(cases, timesCase{scheme, mixed.hashes[len(mixed.hashes)-1:], 1})
	}
	usual := timesCase{name: "argon2id, usual cost", fewer: 10}
	usual.hashes = append(usual.hashes, password.Default().Hash)
	return append(cases, mixed, usual)
}

// measureTimes looks whether the time of an answer tells why a sign-in was refused.
func measureTimes(ctx context.Context, l *lab) (*report, error) {
	r := new(report)
	for _, way := range []struct {
		title   string
		samples int
		measure func(context.Context, *lab, *timesStore) ([][]float64, error)
	}{
		{"In process: the sign-in service over a bolt store that does not wait for the disk", pick(l, 3000, 200), timesInProcess},
		{"Over HTTP on the loopback interface, to the real binary", pick(l, 1000, 50), timesOverHTTP},
	} {
		t := &table{head: []string{"hash", "compared", "p", "superiority, 95 %", "difference of medians", "told apart"}}
		for _, c := range timesCases() {
			s, err := l.timesStore(ctx, c, way.samples/c.fewer)
			if err != nil {
				return nil, err
			}
			took, err := way.measure(ctx, l, s)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			for i, pair := range timePairs {
				name := ""
				if i == 0 {
					name = c.name
				}
				t.add(append([]string{name}, compareTimes(took, pair)...)...)
			}
		}
		r.paragraph("%s. %s samples of each kind (a tenth with hashes of the usual cost), at random one after the other.",
			way.title, thousands(way.samples))
		r.table(t)
	}
	return r, nil
}

func compareTimes(took [][]float64, pair [2]int) []string {
	first, second := took[pair[0]], took[pair[1]]
	c := mannWhitney(first, second)
	a, b := quantile(first, 0.5), quantile(second, 0.5)
	verdict := "no"
	if c.p < certainty {
		verdict = "**yes**"
	}
	return []string{
		populations[pair[0]].name + " ~ " + populations[pair[1]].name,
		fmt.Sprintf("%.2g", c.p), fmt.Sprintf("%.3f (%.3f – %.3f)", c.superiority, c.low, c.high),
		fmt.Sprintf("%+.1f µs of %.0f (%+.2f %%)", a-b, b, 100*(a-b)/b), verdict,
	}
}

// timesStore is a store file with the users of one case.
type timesStore struct {
	path    string
	samples int
	// counts are the profiles in use, as the server counts them.
	counts map[password.Profile]int
}

func (l *lab) timesStore(ctx context.Context, c timesCase, samples int) (*timesStore, error) {
	dir, err := l.temp("times")
	if err != nil {
		return nil, err
	}
	t := &timesStore{path: filepath.Join(dir, "store.db"), samples: samples, counts: make(map[password.Profile]int)}
	var hashes []string
	for _, hashOf := range c.hashes {
		hash, err := hashOf(rightPassword)
		if err != nil {
			return nil, err
		}
		hashes = append(hashes, hash)
	}
	s, err := bolt.Open(t.path, bolt.Options{NoSync: true})
	if err != nil {
		return nil, err
	}
	err = t.fill(ctx, s, hashes)
	if closed := s.Close(); err == nil {
		err = closed
	}
	return t, err
}

// maxWait is the longest wait. By it goes how long failures are remembered: as it
// is one for the accounts that wait and for those that need not, both are in one
// stretch of the store.
const maxWait = 24 * time.Hour

// lenientThrottle has nobody wait who does not already.
var lenientThrottle = throttle.Config{AccountFree: 1_000_000, AddressFree: 1_000_000, AccountMax: 1_000_000, MaxWait: maxWait}

func (t *timesStore) fill(ctx context.Context, s *bolt.Store, hashes []string) error {
	for _, hash := range hashes {
		parsed, err := password.Parse(hash)
		if err != nil {
			return err
		}
		t.counts[parsed.Profile()]++ // in equal parts
	}
	now := time.Now().UTC()
	// One failure makes an account wait, for longer than this takes; or never.
	strict := throttle.New(s, throttle.Config{AccountFree: 1, AddressFree: 1_000_000, MinWait: maxWait, MaxWait: maxWait})
	lenient := throttle.New(s, lenientThrottle)
	var kinds []population
	for _, p := range populations {
		if !slices.ContainsFunc(kinds, func(other population) bool { return other.account(0) == p.account(0) }) {
			kinds = append(kinds, p)
		}
	}
	// By turns, so that no kind has a corner of the store to itself.
	return inParallel(ctx, t.samples*len(populations), func(n int) error {
		for _, p := range kinds {
			if p.known {
				_, err := s.PutUser(ctx, user.Record{
					User:      user.User{Username: p.account(n), PasswordHash: hashes[n%len(hashes)]},
					CreatedAt: now, UpdatedAt: now, PasswordChangedAt: now,
				}, nil)
				if err != nil {
					return err
				}
			}
			limiter := lenient
			if p.throttled {
				limiter = strict
			}
			if err := failOnce(ctx, limiter, throttle.UserAccount(p.account(n)), netip.MustParseAddr(newcomer(n))); err != nil {
				return err
			}
		}
		return nil
	})
}

// failOnce counts a failure, and has it written down: that is done by the next
// attempt, which is none.
func failOnce(ctx context.Context, limiter *throttle.Limiter, account string, address netip.Addr) error {
	from := throttle.Origin{Address: address}
	attempt, err := limiter.Begin(ctx, account, from)
	if err != nil {
		return err
	}
	attempt.Fail()
	if attempt, err = limiter.Begin(ctx, account, from); err != nil {
		return err
	}
	return attempt.Cancel(ctx)
}

// sample takes the time of refused sign-ins, in µs by population, in random
// order. No account is used twice.
func (t *timesStore) sample(ctx context.Context, refused func(username, password string) error) ([][]float64, error) {
	var order []int
	for p := range populations {
		for range t.samples {
			order = append(order, p)
		}
	}
	rand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	next := make(map[string]int)
	took := make([][]float64, len(populations))
	warmUp := min(100, len(order))
	for i, which := range append(order[:warmUp:warmUp], order...) {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		p := populations[which]
		kind := p.account(0)
		name := p.account(next[kind])
		next[kind]++
		began := time.Now()
		err := refused(name, p.password)
		elapsed := time.Since(began)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.name, err)
		}
		if i >= warmUp {
			took[which] = append(took[which], micros(elapsed))
		}
	}
	return took, nil
}

var errNotRefused = errors.New("the sign-in was not refused as it should be")

func timesInProcess(ctx context.Context, _ *lab, t *timesStore) (_ [][]float64, err error) {
	s, err := bolt.Open(t.path, bolt.Options{NoSync: true})
	if err != nil {
		return nil, err
	}
	defer func() {
		if closed := s.Close(); err == nil {
			err = closed
		}
	}()
	directory, err := user.NewDirectory(nil, nil, s)
	if err != nil {
		return nil, err
	}
	hasher := password.Default()
	decoys := password.NewDecoys([]byte(randomID()), hasher.Profile())
	decoys.Set(t.counts)
	service := &signin.Service{
		Users: directory, Epochs: s, Slots: password.NewSlots(1, 16), Hasher: hasher, Decoys: decoys,
		Throttle: throttle.New(s, lenientThrottle),
	}
	address := netip.MustParseAddr("192.0.2.1")
	return t.sample(ctx, func(username, password string) error {
		_, err := service.SignIn(ctx, signin.Attempt{Username: username, Password: password, Address: address})
		if !errors.Is(err, signin.ErrCredentials) {
			return fmt.Errorf("%w: %v", errNotRefused, err)
		}
		return nil
	})
}

func timesOverHTTP(ctx context.Context, l *lab, t *timesStore) (_ [][]float64, err error) {
	s, err := l.serve(ctx, serverOptions{name: "the timed Caddy", core: anyCore, env: []string{"BENCH_STORE=" + t.path}, config: `{
	jwtauth {
		store bolt {env.BENCH_STORE}
		throttle {
			account_free 1000000
			address_free 1000000
			account_max 1000000
			max_wait 24h
		}
	}
}
http://127.0.0.1:{$PORT} {
	token_server
}
`})
	if err != nil {
		return nil, err
	}
	defer func() {
		if stopped := s.stop(); err == nil {
			err = stopped
		}
	}()
	sleep(ctx, 2*time.Second) // until the schemes in use are counted
	return t.sample(ctx, func(username, password string) error {
		response, err := s.client.PostForm(s.url("/token"), url.Values{"username": {username}, "password": {password}})
		if err != nil {
			return err
		}
		defer response.Body.Close()
		_, _ = io.Copy(io.Discard, response.Body)
		if response.StatusCode != http.StatusUnauthorized {
			return fmt.Errorf("%w: %s", errNotRefused, response.Status)
		}
		return nil
	})
}
