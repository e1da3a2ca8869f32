package bolt

import (
	"context"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/internal/engine"
)

// Meta implements [store.Store].
func (s *Store) Meta(ctx context.Context, key string) (value []byte, err error) {
	err = s.read(ctx, func(t *tx) error {
		if v := t.get(bucketMeta, []byte(key)); v != nil {
			value = append([]byte{}, v...)
		}
		return nil
	})
	return value, err
}

// SetMeta implements [store.Store].
func (s *Store) SetMeta(ctx context.Context, key string, old, value []byte) error {
	return s.write(ctx, func(t *tx) error {
		if err := engine.CheckKey(key); err != nil {
			return err
		}
		if !engine.SameMeta(t.get(bucketMeta, []byte(key)), old) {
			return store.ErrConflict
		}
		if value == nil {
			return t.remove(bucketMeta, []byte(key))
		}
		return t.put(bucketMeta, []byte(key), append([]byte{}, value...))
	})
}
