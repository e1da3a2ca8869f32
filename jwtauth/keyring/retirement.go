package keyring

import (
	"slices"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
)

// retirement is when a key stops signing: the moment from which another one signs
// instead. It is written down as soon as it is known, mostly in advance, so that it is
// right however long no process reads the keys afterwards. Zero stands for a key that
// signs, or waits to sign, with no key after it.
type retirement struct {
	RetiredAt time.Time `json:"retired_at,omitzero"`
}

// stopped reports a key that no longer signs at now.
func (r retirement) stopped(now time.Time) bool {
	return !r.RetiredAt.IsZero() && !r.RetiredAt.After(now)
}

// lastUse is the last moment at which any machine of the realm can have used a
// key that stops: each reads the keys every ReadEvery.
func (r retirement) lastUse() time.Time { return r.RetiredAt.Add(ReadEvery) }

// spent reports a key whose last product has expired: lifetime is in seconds, and
// leeway how far the clocks of two machines may differ.
func (r retirement) spent(now time.Time, lifetime int64, leeway time.Duration) bool {
	return r.stopped(now) && now.After(r.lastUse().Add(time.Duration(lifetime)*time.Second+leeway))
}

// settle writes down when each key stops signing. algorithm is the configured
// one: where it was changed, and changed back, a key signs again.
func (k *record) settle(algorithm string, now time.Time) (changed bool) {
	before := k.stops()
	k.settleSigning(algorithm, now)
	for i := range k.Session {
		k.Session[i].RetiredAt = k.sessionSuccessor(i)
	}
	return !slices.EqualFunc(before, k.stops(), time.Time.Equal)
}

func (k *record) stops() (all []time.Time) {
	for _, r := range k.Signing {
		all = append(all, r.RetiredAt)
	}
	for _, r := range k.Session {
		all = append(all, r.RetiredAt)
	}
	return all
}

func (k *record) settleSigning(algorithm string, now time.Time) {
	if len(k.Signing) == 0 {
		return
	}
	current := k.signingKey(algorithm, now)
	for i := range k.Signing {
		switch r := &k.Signing[i]; {
		case r.ID == current.ID, r.Algorithm == algorithm && r.SignsFrom.After(now):
			r.RetiredAt = time.Time{}
		case r.Algorithm != algorithm && !r.stopped(now):
			r.RetiredAt = now // the config asks for another algorithm from now on
		}
	}
	for i := range k.Signing {
		r := &k.Signing[i]
		r.RetiredAt = earlier(r.RetiredAt, k.signingSuccessor(i))
		if r.ID == current.ID && r.Algorithm != algorithm {
			r.RetiredAt = earlier(r.RetiredAt, k.firstSigning(algorithm))
		}
	}
}

// signingSuccessor is when the next key of the algorithm of key i begins to sign,
// zero without one. A key that was retired before its time came follows no other.
func (k *record) signingSuccessor(i int) (from time.Time) {
	for j, r := range k.Signing {
		follows := r.SignsFrom.After(k.Signing[i].SignsFrom) || j > i && r.SignsFrom.Equal(k.Signing[i].SignsFrom)
		if follows && r.Algorithm == k.Signing[i].Algorithm && !r.stopped(r.SignsFrom) {
			from = earlier(from, r.SignsFrom)
		}
	}
	return from
}

// firstSigning is when the first key of an algorithm begins to sign.
func (k *record) firstSigning(algorithm string) (from time.Time) {
	for _, r := range k.Signing {
		if r.Algorithm == algorithm {
			from = earlier(from, r.SignsFrom)
		}
	}
	return from
}

// sessionSuccessor is when the session key after key i comes into use, zero
// without one.
func (k *record) sessionSuccessor(i int) (from time.Time) {
	for j, r := range k.Session {
		if r.UsedFrom.After(k.Session[i].UsedFrom) || j > i && r.UsedFrom.Equal(k.Session[i].UsedFrom) {
			from = earlier(from, r.UsedFrom)
		}
	}
	return from
}

// earlier is the earlier of two moments; zero is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// drop removes the keys of which nothing can be valid any more at past. The key that
// signs now stays, whatever the record says: settle corrects that.
func (k *record) drop(algorithm string, now, past time.Time, leeway time.Duration) (changed bool) {
	before := len(k.Signing) + len(k.Session)
	if len(k.Signing) > 0 {
		current := k.signingKey(algorithm, now).ID
		k.Signing = slices.DeleteFunc(k.Signing, func(r signingKeyRecord) bool {
			return r.ID != current && r.spent(past, k.LongestAccess, leeway)
		})
	}
	current := k.sessionKey(now).ID
	k.Session = slices.DeleteFunc(k.Session, func(r sessionKeyRecord) bool {
		return r.ID != current && r.spent(past, k.LongestRefresh, leeway)
	})
	return len(k.Signing)+len(k.Session) != before
}

// adopt takes the lifetimes of a config into the record. A longer one counts at
// once. A shorter one counts when nothing can be valid any more at past that was made
// before it; starting says that the config is being started, rather than running.
func (k *record) adopt(lt session.Lifetimes, now, past time.Time, starting bool) (changed bool) {
	for _, of := range []struct {
		longest    *int64
		configured *lifetimeRecord
		lifetime   time.Duration
	}{{&k.LongestAccess, &k.AccessLifetime, lt.Access}, {&k.LongestRefresh, &k.RefreshLifetime, lt.Refresh}} {
		seconds := int64(of.lifetime / time.Second)
		longer := seconds > *of.longest
		// A running config that is not the one started last, as on another
		// machine with another config, only takes back what it needs itself.
		if of.configured.Seconds != seconds && (starting || longer) {
			*of.configured = lifetimeRecord{Seconds: seconds, Since: now}
			changed = true
		}
		made := retirement{RetiredAt: of.configured.Since}
		if longer || seconds < *of.longest && of.configured.Seconds == seconds && made.spent(past, *of.longest, lt.Leeway) {
			*of.longest = seconds
			changed = true
		}
	}
	return changed
}
