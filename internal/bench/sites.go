package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// The user of the sites that are measured.
const (
	aliceName     = "alice"
	alicePassword = "secret"
)

// site is a Caddyfile with and without the guard.
type site struct {
	// algorithm and key sign the tokens; "" is the server's own key.
	algorithm, key string
	// guards are the lines that the twin has not. Default: a token server, and a guard of
	// everything.
	guards []string
	// twin are lines that the twin has instead.
	twin []string
	// rest are lines of both. Default: one that answers "ok".
	rest []string
	// global are more lines of the realm.
	global string
}

// realm is the global option and the environment that belongs to it.
func (s site) realm() (text string, env []string) {
	var b strings.Builder
	b.WriteString("{\n\tjwtauth {\n")
	if s.key != "" {
		fmt.Fprintf(&b, "\t\tsigning_key %s {env.BENCH_KEY}\n", s.algorithm)
		env = []string{"BENCH_KEY=" + s.key}
	}
	fmt.Fprintf(&b, "\t\tuser %s {env.BENCH_HASH} user\n", aliceName)
	b.WriteString(s.global + "\t}\n}\n")
	return b.String(), append(env, "BENCH_HASH="+cheapHash(alicePassword))
}

// guarded is the site as a user writes it.
func (s site) guarded() (config string, env []string) {
	guards := s.guards
	if guards == nil {
		guards = []string{"token_server", "jwt_auth"}
	}
	return s.with(guards)
}

// unguarded is the same without token server and guard.
func (s site) unguarded() (config string, env []string) { return s.with(s.twin) }

func (s site) with(lines []string) (config string, env []string) {
	realm, env := s.realm()
	rest := s.rest
	if rest == nil {
		rest = []string{`respond "ok"`}
	}
	lines = append(slices.Clone(lines), rest...)
	return realm + "http://127.0.0.1:{$PORT} {\n\t" + strings.Join(lines, "\n\t") + "\n}\n", env
}

// twins are a guarded server and its unguarded twin.
type twins struct {
	guarded, unguarded *server
	// asked is the server that the guarded one asks about each request, nil for none.
	asked *server
}

func (l *lab) twins(ctx context.Context, s site, core int) (twins, error) {
	return l.twinsAsking(ctx, s, nil, core)
}

// twinsAsking are twins of which the guarded one finds another site at the address
// {$ASKED}.
func (l *lab) twinsAsking(ctx context.Context, s site, asked *site, core int) (t twins, err error) {
	defer func() {
		if err != nil {
			_ = t.stop()
		}
	}()
	address := ""
	if asked != nil {
		config, env := asked.guarded()
		if t.asked, err = l.serve(ctx, serverOptions{name: "the Caddy that is asked", config: config, core: core, env: env}); err != nil {
			return t, err
		}
		address = fmt.Sprintf("127.0.0.1:%d", t.asked.port)
	}
	config, env := s.guarded()
	env = append(env, "ASKED="+address)
	if t.guarded, err = l.serve(ctx, serverOptions{name: "the guarded Caddy", config: config, core: core, env: env}); err != nil {
		return t, err
	}
	config, env = s.unguarded()
	t.unguarded, err = l.serve(ctx, serverOptions{name: "the unguarded Caddy", config: config, core: core, env: env})
	return t, err
}

func (t twins) stop() (err error) {
	for _, s := range []*server{t.guarded, t.unguarded, t.asked} {
		if s == nil {
			continue
		}
		if stopped := s.stop(); err == nil {
			err = stopped
		}
	}
	return err
}

// tokenServer is the one that signs users in.
func (t twins) tokenServer() *server {
	if t.asked != nil {
		return t.asked
	}
	return t.guarded
}

// usage is what the guarded side, or its twin, has used so far.
func (t twins) usage(s *server) (usage, error) {
	used, err := s.usage()
	if err != nil || s != t.guarded || t.asked == nil {
		return used, err
	}
	also, err := t.asked.usage()
	return usage{used.cpu + also.cpu, used.allocations + also.allocations}, err
}
