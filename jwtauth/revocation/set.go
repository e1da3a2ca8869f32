package revocation

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"
)

// shards is a power of two. Splitting the set keeps readers on many cores from
// meeting at one lock, and a sweep from stopping them all.
const shards = 64

// Set holds the live revocations in memory, exactly: it has no false
// positives, since one would sign an innocent user out. Methods may be called
// concurrently. The zero value is not ready; use [NewSet].
type Set struct {
	seed   maphash.Seed
	size   atomic.Int64
	ended  atomic.Int64 // how many of size are users
	shards [shards]shard
}

type shard struct {
	mu       sync.RWMutex
	sessions ids
	tokens   ids
	users    map[string]ending
	_        [64]byte // neighbours do not share a cache line
}

// ending denies the sessions of a user that have a lower epoch, but one.
type ending struct {
	epoch  uint64
	except string
	until  int64 // as in ids
}

// ids maps an id to the second, since 1970, at which it may be forgotten.
type ids map[string]int64

// NewSet returns an empty set.
func NewSet() *Set {
	s := &Set{seed: maphash.MakeSeed()}
	for i := range s.shards {
		s.shards[i].sessions = make(ids)
		s.shards[i].tokens = make(ids)
		s.shards[i].users = make(map[string]ending)
	}
	return s
}

// Add denies the id of e. Of two entries for one id the longer one counts. An
// entry of a kind that is not known here denies its id as a session and as a
// token: what a newer node revoked must not pass on this one.
func (s *Set) Add(e Entry) {
	until := e.Until.Unix()
	if e.Until.Nanosecond() > 0 {
		until++
	}
	sh := s.shard(e.ID)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if e.Kind == User {
		s.denyUser(sh, e, until)
		return
	}
	if e.Kind != Token {
		s.size.Add(sh.sessions.add(e.ID, until))
	}
	if e.Kind != Session {
		s.size.Add(sh.tokens.add(e.ID, until))
	}
}

// denyUser denies former sessions of a user. The caller holds the shard's lock. Of two
// entries the later epoch counts, which denies what the other did: the session
// that it excepts was alive then.
func (s *Set) denyUser(sh *shard, e Entry, until int64) {
	old, exists := sh.users[e.ID]
	if !exists {
		s.size.Add(1)
		s.ended.Add(1)
	}
	latest := ending{e.Epoch, e.Except, max(until, old.until)}
	if old.epoch > e.Epoch {
		latest.epoch, latest.except = old.epoch, old.except
	}
	sh.users[e.ID] = latest
}

// hasEnded reports whether an entry of kind User is in force.
func (s *Set) hasEnded(user string) bool {
	sh := s.shard(user)
	sh.mu.RLock()
	defer sh.mu.RUnlock()
	_, ended := sh.users[user]
	return ended
}

// Denied reports whether the session sid of a user, or the token jti, is denied.
// "" stands for "the token has none", or for a user who is not known yet, and is
// never denied. It does not allocate.
func (s *Set) Denied(user, sid, jti string) bool {
	if s.size.Load() == 0 {
		return false
	}
	if s.ended.Load() > 0 && user != "" && sid != "" {
		sh := s.shard(user)
		sh.mu.RLock()
		end, ended := sh.users[user]
		sh.mu.RUnlock()
		if ended && sid != end.except && StampedEpoch(sid) < end.epoch {
			return true
		}
	}
	if sid != "" {
		sh := s.shard(sid)
		sh.mu.RLock()
		_, denied := sh.sessions[sid]
		sh.mu.RUnlock()
		if denied {
			return true
		}
	}
	if jti != "" {
		sh := s.shard(jti)
		sh.mu.RLock()
		_, denied := sh.tokens[jti]
		sh.mu.RUnlock()
		return denied
	}
	return false
}

// DropExpired drops the entries whose Until has passed and returns how many.
func (s *Set) DropExpired(now time.Time) int {
	var dropped int64
	for i := range s.shards {
		sh := &s.shards[i]
		sh.mu.Lock()
		n := sh.sessions.dropExpired(now.Unix())
		n += sh.tokens.dropExpired(now.Unix())
		for name, end := range sh.users {
			if end.until <= now.Unix() {
				delete(sh.users, name)
				s.ended.Add(-1)
				n++
			}
		}
		s.size.Add(-n)
		sh.mu.Unlock()
		dropped += n
	}
	return int(dropped)
}

// Len returns the number of entries.
func (s *Set) Len() int { return int(s.size.Load()) }

func (s *Set) shard(id string) *shard {
	return &s.shards[maphash.String(s.seed, id)%shards]
}

// add returns by how much the map grew.
func (m ids) add(id string, until int64) int64 {
	old, exists := m[id]
	if !exists || until > old {
		m[id] = until
	}
	if exists {
		return 0
	}
	return 1
}

// dropExpired returns by how much the map shrank. A map keeps its memory when keys go,
// so a map that lost most of them is replaced.
func (m *ids) dropExpired(now int64) int64 {
	before := len(*m)
	for id, until := range *m {
		if until <= now {
			delete(*m, id)
		}
	}
	if len(*m) < before/2 {
		fresh := make(ids, len(*m))
		for id, until := range *m {
			fresh[id] = until
		}
		*m = fresh
	}
	return int64(before - len(*m))
}
