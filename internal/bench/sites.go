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
	// guards are lines of jwt_auth. Default: one that guards everything.
	guards []string
	// twin are lines that the twin has instead.
	twin []string
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
	realm, env := s.realm()
	guards := s.guards
	if guards == nil {
		guards = []string{"jwt_auth"}
	}
	return realm + "http://127.0.0.1:{$PORT} {\n\ttoken_server\n\t" + strings.Join(guards, "\n\t") + "\n\trespond \"ok\"\n}\n", env
}

// unguarded is the same without token server and guard.
func (s site) unguarded() (config string, env []string) {
	realm, env := s.realm()
	twin := strings.Join(append(slices.Clone(s.twin), `respond "ok"`), "\n\t")
	return realm + "http://127.0.0.1:{$PORT} {\n\t" + twin + "\n}\n", env
}

// twins are a guarded server and its unguarded twin.
type twins struct{ guarded, unguarded *server }

func (l *lab) twins(ctx context.Context, s site, core int) (t twins, err error) {
	config, env := s.guarded()
	if t.guarded, err = l.serve(ctx, serverOptions{name: "the guarded Caddy", config: config, core: core, env: env}); err != nil {
		return t, err
	}
	config, env = s.unguarded()
	if t.unguarded, err = l.serve(ctx, serverOptions{name: "the unguarded Caddy", config: config, core: core, env: env}); err != nil {
		_ = t.guarded.stop()
	}
	return t, err
}

func (t twins) stop() error {
	err := t.guarded.stop()
	if also := t.unguarded.stop(); err == nil {
		err = also
	}
	return err
}
