package jwtauth

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/realm"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/bolt"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/memory"
)

func init() {
	caddy.RegisterModule(BoltStore{})
	caddy.RegisterModule(new(MemoryStore))
}

// StoreModule is a Caddy module in the namespace `jwtauth.stores`.
type StoreModule interface {
	caddy.Module

	// StoreKey identifies what OpenStore opens for a realm. Configs with the
	// same key share one open store, also over a reload; two realms of one
	// config must not have the same. It may be called before OpenStore and has
	// no effect.
	StoreKey(name string) string

	// OpenStore opens the store. The caller closes it.
	OpenStore(ctx context.Context, name string) (store.Store, error)
}

// BoltStore keeps a realm in one file on this machine. It is the default.
type BoltStore struct {
	// The file. Default: `jwtauth/<realm>.db` below Caddy's data folder.
	Path string `json:"path,omitempty"`
}

// CaddyModule returns the Caddy module information.
func (BoltStore) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "jwtauth.stores.bolt",
		New: func() caddy.Module { return new(BoltStore) },
	}
}

// Provision replaces placeholders in the path.
func (s *BoltStore) Provision(caddy.Context) error {
	path, err := caddy.NewReplacer().ReplaceOrErr(s.Path, true, true)
	s.Path = path
	return err
}

// StoreKey implements [StoreModule].
func (s *BoltStore) StoreKey(name string) string { return "bolt " + s.path(name) }

// OpenStore implements [StoreModule].
func (s *BoltStore) OpenStore(_ context.Context, name string) (store.Store, error) {
	return bolt.Open(s.path(name), bolt.Options{})
}

func (s *BoltStore) path(name string) string {
	path := s.Path
	if path == "" {
		path = filepath.Join(caddy.AppDataDir(), "jwtauth", name+".db")
	}
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	return path
}

// resetID gives the store in the file a new id. It makes no file.
func (s *BoltStore) resetID(ctx context.Context, name string) (ended int, err error) {
	if _, err := os.Stat(s.path(name)); err != nil {
		return 0, err
	}
	opened, err := bolt.Open(s.path(name), bolt.Options{})
	if err != nil {
		return 0, err
	}
	ended, err = opened.ResetID(ctx)
	if err == nil {
		// So that the next start does not hint at the copy that this one was.
		_, err = realm.HomeAt(s.path(name)).Note(ctx, opened)
	}
	return ended, errors.Join(err, opened.Close())
}

// UnmarshalCaddyfile sets up the store from Caddyfile tokens. Syntax:
//
//	store bolt [<path>]
func (s *BoltStore) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume module name
	if d.NextArg() {
		s.Path = d.Val()
		if s.Path == "" {
			return d.Err("the path of the store is empty")
		}
	}
	if d.NextArg() {
		return d.ArgErr()
	}
	if d.NextBlock(0) {
		return d.Errf("unrecognized option of store bolt: %s (it takes a path and no block)", d.Val())
	}
	return nil
}

// MemoryStore keeps a realm in memory. It is empty after a restart, which signs all users
// out. It is for tests and for trying things out.
type MemoryStore struct{}

// CaddyModule returns the Caddy module information.
func (*MemoryStore) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "jwtauth.stores.memory",
		New: func() caddy.Module { return new(MemoryStore) },
	}
}

// StoreKey implements [StoreModule].
func (*MemoryStore) StoreKey(name string) string { return "memory " + name }

// OpenStore implements [StoreModule].
func (*MemoryStore) OpenStore(context.Context, string) (store.Store, error) {
	return memory.New(), nil
}

// UnmarshalCaddyfile sets up the store from Caddyfile tokens. Syntax:
//
//	store memory
func (*MemoryStore) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume module name
	if d.NextArg() {
		return d.ArgErr()
	}
	if d.NextBlock(0) {
		return d.Errf("unrecognized option of store memory: %s (it takes none)", d.Val())
	}
	return nil
}

// Interface guards
var (
	_ StoreModule           = (*BoltStore)(nil)
	_ caddy.Provisioner     = (*BoltStore)(nil)
	_ caddyfile.Unmarshaler = (*BoltStore)(nil)
	_ StoreModule           = (*MemoryStore)(nil)
	_ caddyfile.Unmarshaler = (*MemoryStore)(nil)
)
