package e2e

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// tally counts what became of the requests of one kind.
type tally struct {
	name     string
	requests atomic.Int64
	// unanswered are requests that got no answer: a connection that ended
	// under them, as happens when Caddy changes listeners.
	unanswered atomic.Int64

	mu    sync.Mutex
	wrong []string
}

func (n *tally) String() string {
	return fmt.Sprintf("%s: %d requests, %d unanswered", n.name, n.requests.Load(), n.unanswered.Load())
}

// add adds what another tally has counted.
func (n *tally) add(other *tally) {
	n.requests.Add(other.requests.Load())
	n.unanswered.Add(other.unanswered.Load())
	n.mu.Lock()
	defer n.mu.Unlock()
	n.wrong = append(n.wrong, other.wrong...)
}

// count takes an answer and reports whether it is the one that was expected.
func (n *tally) count(a answer, err error) bool {
	n.requests.Add(1)
	if err != nil {
		n.unanswered.Add(1)
		return false
	}
	if a.status == http.StatusOK {
		return true
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.wrong) < 10 {
		n.wrong = append(n.wrong, a.String())
	}
	return false
}

// load is a handful of visitors who keep coming.
type load struct {
	cancel   context.CancelFunc
	visitors sync.WaitGroup
	tallies  []*tally
}

// pace is the pause of a visitor between two requests. It bounds the load.
const pace = 8 * time.Millisecond

// add lets visits begin: one after the other until the load is stopped.
func (l *load) add(ctx context.Context, name string, visit func(*tally)) {
	n := &tally{name: name}
	l.tallies = append(l.tallies, n)
	l.visitors.Go(func() {
		tick := time.NewTicker(pace)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				visit(n)
			}
		}
	})
}

// stop returns when the last visitor has left.
func (l *load) stop() {
	l.cancel()
	l.visitors.Wait()
}

// lineage is one visitor's session, renewed again and again. Only one goroutine
// uses it at a time.
type lineage struct {
	site    *site
	current tokens
}

// renew uses the refresh token. Where no answer came it stays, to be tried
// again: what happened to it is not known.
func (l *lineage) renew(n *tally) {
	a, got, err := l.site.refresh(l.current.Refresh)
	if n.count(a, err) {
		l.current = got
	}
}

// startLoad lets visitors come who are signed in as resident, who must notice
// nothing of a reload, one who signs in as visitor, and two who want what needs
// no token and is the measure for what Caddy itself fails.
func startLoad(t *testing.T, s *site, lineages []*lineage) *load {
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{cancel: cancel}
	access := lineages[0].current.Access // good for longer than the test
	for _, own := range lineages {
		l.add(ctx, "refreshes", func(n *tally) {
			own.renew(n)
			n.count(s.get("/private", own.current.Access))
			n.count(s.me(own.current.Access))
		})
	}
	l.add(ctx, "guarded", func(n *tally) { n.count(s.get("/private", access)) })
	l.add(ctx, "sign-ins", func(n *tally) {
		a, got, err := s.signIn("visitor", "secret")
		if n.count(a, err) {
			n.count(s.get("/private", got.Access))
		}
	})
	for range 3 {
		l.add(ctx, "unguarded GET", func(n *tally) { n.count(s.get("/open", "")) })
		l.add(ctx, "unguarded POST", func(n *tally) { n.count(s.do(http.MethodPost, "/open", "", nil)) })
	}
	t.Cleanup(l.stop)
	return l
}
