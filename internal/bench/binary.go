package main

import (
	"context"
	"os"
	"path/filepath"
)

// binaryLimit is the most that the module may add to Caddy, in bytes.
const binaryLimit = 2_000_000

// measureBinary compares the binary with stock Caddy's, of the same version and
// built in the same way.
func measureBinary(ctx context.Context, l *lab) (*report, error) {
	ours, err := l.caddy(ctx)
	if err != nil {
		return nil, err
	}
	stock := filepath.Join(l.dir, "stock")
	if err := goBuild(ctx, stock, "github.com/caddyserver/caddy/v2/cmd/caddy"); err != nil {
		return nil, err
	}
	var sizes [2]int64
	for i, path := range []string{ours, stock} {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		sizes[i] = info.Size()
	}
	more := sizes[0] - sizes[1]
	t := &table{head: []string{"binary", "bytes", "reach"}}
	t.add("stock Caddy, stripped", thousands(sizes[1]), "")
	t.add("with this module", thousands(sizes[0]), "")
	t.add("difference", thousands(more), reach(more <= binaryLimit, "≤ "+thousands(int64(binaryLimit))))
	r := new(report)
	r.table(t)
	return r, nil
}
