package realm

import "sync"

// gate counts the callers inside. Unlike a sync.RWMutex, a caller inside may enter
// again while the gate is being closed. The zero gate is open.
type gate struct {
	mu     sync.Mutex
	inside int
	empty  chan struct{} // set when closing, closed when no caller is inside
}

// enter lets a caller in, unless the gate is closing and no caller is inside.
func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.empty != nil && g.inside == 0 {
		return false
	}
	g.inside++
	return true
}

func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.inside--; g.inside == 0 && g.empty != nil {
		close(g.empty)
	}
}

// close is called once. What it returns is closed when no caller is inside.
func (g *gate) close() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.empty = make(chan struct{})
	if g.inside == 0 {
		close(g.empty)
	}
	return g.empty
}
