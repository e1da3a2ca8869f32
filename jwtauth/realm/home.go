package realm

import (
	"context"
	"encoding/json"
	"os"

	"go.uber.org/zap"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store"
)

// metaHome is the record of a store that says where a server opened it last.
const metaHome = "home"

// Home is the place of a store in a file. A copy of the file has another.
type Home struct {
	Host string `json:"host"`
	Path string `json:"path"`
}

// HomeAt is the place of a file on this machine.
func HomeAt(path string) Home {
	host, _ := os.Hostname() // "" serves as well as any other name
	return Home{Host: host, Path: path}
}

// Note writes the place into the store, and returns the one before if that was another.
func (h Home) Note(ctx context.Context, kept store.Store) (before *Home, err error) {
	old, err := kept.Meta(ctx, metaHome)
	if err != nil {
		return nil, err
	}
	now, err := json.Marshal(h)
	if err != nil || string(now) == string(old) {
		return nil, err
	}
	if err := kept.SetMeta(ctx, metaHome, old, now); err != nil {
		return nil, err
	}
	if old == nil {
		return nil, nil
	}
	before = new(Home)
	return before, json.Unmarshal(old, before)
}

// hintAtCopy warns if the store was opened elsewhere before: the original of a copy
// accepts what the copy issues. It is a hint and stops nothing.
func (r *Realm) hintAtCopy(ctx context.Context, here Home) {
	switch before, err := here.Note(ctx, r.shared.store); {
	case err != nil:
		r.logger.Warn("noting where the store is", zap.Error(err))
	case before != nil:
		r.logger.Warn("the store was last opened elsewhere; if this is a copy and the original is still in use, stop this Caddy and run `caddy jwtauth store reset-id`, or each accepts the tokens of the other",
			zap.String("path", here.Path), zap.String("last_host", before.Host), zap.String("last_path", before.Path))
	}
}
