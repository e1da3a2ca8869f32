package realm

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/memory"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// The hint comes once for each place, and never for a store that is new.
func TestHintAtCopy(t *testing.T) {
	core, logged := observer.New(zap.WarnLevel)
	kept := memory.New()
	hints := func(place Home) int {
		t.Helper()
		r := &Realm{logger: zap.New(core), shared: &Shared{store: kept}}
		r.hintAtCopy(t.Context(), place)
		return len(logged.TakeAll())
	}
	here, there := HomeAt("/srv/one.db"), HomeAt("/srv/two.db")
	for i, step := range []struct {
		place Home
		want  int
	}{{here, 0}, {here, 0}, {there, 1}, {there, 0}, {here, 1}} {
		if got := hints(step.place); got != step.want {
			t.Errorf("step %d: %d hints, want %d", i, got, step.want)
		}
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	elsewhere, err := json.Marshal(Home{Host: host + "-of-production", Path: here.Path})
	if err != nil {
		t.Fatal(err)
	}
	old, err := kept.Meta(t.Context(), metaHome)
	if err == nil {
		err = kept.SetMeta(t.Context(), metaHome, old, elsewhere)
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := hints(here); got != 1 {
		t.Errorf("from another host: %d hints, want 1", got)
	}
}
