package password

import (
	"container/list"
	"net/netip"
)

// homeBits is how much of an IPv6 address names who has it. A provider gives a
// home or a server a /64, a /56 or a /48, the last with 65,536 /64s that its
// owner takes at will. Too coarse costs little here: those who share a /48 share
// its turn, and only while others wait too, and take that turn account by account.
const homeBits = 48

// keys are what a caller is told apart by.
type keys struct {
	address netip.Prefix // the zero Prefix for callers without an address
	account string
}

func keysOf(c Caller) keys {
	addr := c.Address.Unmap()
	bits := addr.BitLen()
	if addr.Is6() {
		bits = homeBits
	}
	prefix, _ := addr.Prefix(bits) // drops the zone; fails for the zero Addr alone
	return keys{prefix, c.Account}
}

// fairQueue is a queue that is fair by address and by account. All its steps take
// constant time, and it keeps nothing of callers who have left. It is not safe
// for concurrent use.
type fairQueue struct {
	waiting   int
	addresses ring[netip.Prefix]
	accounts  ring[string]
	cells     map[keys]*cell
	// accountsTurn says that the last slot went to the next account.
	accountsTurn bool
}

// waiter is one caller in the line.
type waiter struct {
	// done gets nil for a slot, or ErrBusy. It has room for that one value.
	done chan error
	at   *cell
	// place is where w stands in at, nil once w has left the line.
	place *list.Element
}

// cell holds the waiters of one account at one address, in order of arrival.
type cell struct {
	list.List // of *waiter
	keys
	address *party[netip.Prefix]
	account *party[string]
	// The cell's places among those of its address, and of its account.
	inAddress, inAccount *list.Element
	size                 size
}

func newFairQueue() fairQueue {
	return fairQueue{
		addresses: ring[netip.Prefix]{of: make(map[netip.Prefix]*party[netip.Prefix])},
		accounts:  ring[string]{of: make(map[string]*party[string])},
		cells:     make(map[keys]*cell),
	}
}

// join adds a waiter at the end.
func (q *fairQueue) join(k keys) *waiter {
	at := q.cells[k]
	if at == nil {
		at = &cell{keys: k, address: q.addresses.party(k.address), account: q.accounts.party(k.account)}
		at.inAddress, at.inAccount = at.address.cells.PushBack(at), at.account.cells.PushBack(at)
		q.cells[k] = at
	}
	w := &waiter{done: make(chan error, 1), at: at}
	w.place = at.PushBack(w)
	q.count(at, 1)
	return w
}

// remove takes a waiter out, wherever it stands. The turns of others stay.
func (q *fairQueue) remove(w *waiter) {
	at := w.at
	at.Remove(w.place)
	w.place = nil
	if at.Len() == 0 {
		at.address.cells.Remove(at.inAddress)
		at.account.cells.Remove(at.inAccount)
		delete(q.cells, at.keys)
	}
	q.count(at, -1)
}

// count notes that a cell has one waiter more, or less.
func (q *fairQueue) count(at *cell, change int) {
	q.waiting += change
	at.address.sizes.move(at, &at.size, at.Len())
	q.addresses.count(at.address, change)
	q.accounts.count(at.account, change)
}

// next returns the waiter whose turn it is, still in the line, or nil where
// none waits. Its address, or its account, goes to the end of the turns.
func (q *fairQueue) next() *waiter {
	if q.waiting == 0 {
		return nil
	}
	// Accounts have turns where fewer of them wait than addresses. Otherwise
	// those of the addresses alone make for the shorter wait: names cost a
	// stranger nothing. At least every second turn is an address's, since a
	// stranger can crowd any account.
	accounts, addresses := q.accounts.turns.Len(), q.addresses.turns.Len()
	q.accountsTurn = !q.accountsTurn && 1 < accounts && accounts < addresses
	if q.accountsTurn {
		return q.accounts.turn()
	}
	return q.addresses.turn()
}

// yields returns the waiter who leaves a full line for a newcomer, or nil where
// the newcomer has to go. No waiter leaves for a newcomer of an address, or an
// account, that would then have as many in the line as the other had: that
// would only change who is refused.
func (q *fairQueue) yields(k keys) *waiter {
	fullest := q.addresses.sizes.fullest()
	if fullest == nil {
		return nil // there is no place at all
	}
	own, account := q.addresses.of[k.address], q.accounts.of[k.account]
	switch {
	case fullest.waiting > own.count()+1:
		return fullest.sizes.fullest().last()
	case own != nil:
		// Those who share an address share its places, account by account.
		if crowd := own.sizes.fullest(); crowd.Len() > q.cells[k].count()+1 {
			return crowd.last()
		}
		return nil
	}
	// As many addresses wait as there are places, and this is one more.
	if crowd := q.accounts.sizes.fullest(); crowd.waiting > account.count()+1 {
		return crowd.cells.Back().Value.(*cell).last()
	}
	return nil
}

// count returns how many wait in a cell, none where there is no such cell.
func (c *cell) count() int {
	if c == nil {
		return 0
	}
	return c.Len()
}

// last returns the waiter who came last.
func (c *cell) last() *waiter { return c.Back().Value.(*waiter) }
