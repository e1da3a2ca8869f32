package password

import "container/list"

// ring holds the parties of one kind, which take turns.
type ring[K comparable] struct {
	of    map[K]*party[K]
	turns list.List // of *party: the next to be served first
	sizes sizes[*party[K]]
}

// party is all who wait with one address, or all who wait with one account.
type party[K comparable] struct {
	key     K
	waiting int
	turns   *list.Element // the party's place in the turns of its ring
	size    size
	cells   list.List    // of *cell, which take turns too
	sizes   sizes[*cell] // of an address; accounts keep none
}

// party returns the party of a key. One that is new has no turn yet.
func (r *ring[K]) party(key K) *party[K] {
	p := r.of[key]
	if p == nil {
		p = &party[K]{key: key}
		r.of[key] = p
	}
	return p
}

// count notes that a party has one waiter more, or less. It has turns from its
// first waiter to its last.
func (r *ring[K]) count(p *party[K], change int) {
	p.waiting += change
	r.sizes.move(p, &p.size, p.waiting)
	switch {
	case p.waiting == 0:
		r.turns.Remove(p.turns)
		delete(r.of, p.key)
	case p.turns == nil:
		p.turns = r.turns.PushBack(p)
	}
}

// turn returns the waiter whose turn it is. There is one.
func (r *ring[K]) turn() *waiter {
	p := r.turns.Front().Value.(*party[K])
	r.turns.MoveToBack(p.turns)
	next := p.cells.Front()
	p.cells.MoveToBack(next)
	return next.Value.(*cell).Front().Value.(*waiter)
}

// count returns how many wait, none for no party.
func (p *party[K]) count() int {
	if p == nil {
		return 0
	}
	return p.waiting
}

// sizes finds the fullest of some things whose sizes change by one at a time.
// The zero value is ready.
type sizes[T any] struct {
	of   map[int]*list.List // size → things of that size
	most int
}

// size is what sizes keeps of a thing.
type size struct {
	n  int
	at *list.Element
}

// move files a thing under its new size. A thing of size 0 is dropped.
func (s *sizes[T]) move(thing T, old *size, n int) {
	if s.of == nil {
		s.of = make(map[int]*list.List)
	}
	if same := s.of[old.n]; same != nil && old.n > 0 {
		same.Remove(old.at)
		if same.Len() == 0 {
			delete(s.of, old.n)
		}
	}
	*old = size{n: n}
	if n > 0 {
		if s.of[n] == nil {
			s.of[n] = list.New()
		}
		old.at = s.of[n].PushBack(thing)
	}
	s.most = max(s.most, n)
	if s.of[s.most] == nil {
		s.most-- // the fullest has one less
	}
}

// fullest returns the fullest thing, of several the one that came to be so last,
// or the zero T where there is none.
func (s *sizes[T]) fullest() (fullest T) {
	if same := s.of[s.most]; same != nil {
		fullest = same.Back().Value.(T)
	}
	return fullest
}
