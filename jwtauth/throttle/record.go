package throttle

// record is what is counted of one account and one origin, and under which keys.
type record struct {
	keys    []string
	buckets []bucket
	// origin is what spaces the tries on a closed account: the widest block of
	// addresses.
	origin string
	// addressed is false for a client without an address, device for one
	// without a device.
	addressed, device bool
}

// The places of counters in record.keys, after those of the addresses.
const (
	atAccount = iota
	atGeneration
	atKnown
	atKnownCount
	atDevice
	atDeviceCount
)

func newRecord(account string, from Origin) record {
	r := record{buckets: buckets(from.Address), addressed: from.Address.IsValid(), device: from.Device != ""}
	for _, b := range r.buckets {
		r.keys = append(r.keys, key(kindAddress, b.name))
	}
	narrowest, widest := r.buckets[0].name, r.buckets[len(r.buckets)-1].name
	r.origin = key(kindOrigin, account, widest)[:12]
	r.keys = append(r.keys,
		key(kindAccount, account),
		key(kindGeneration, account),
		key(kindKnown, account, narrowest),
		key(kindKnownCount, account, narrowest),
	)
	if r.device {
		r.keys = append(r.keys, key(kindDevice, account, from.Device), key(kindDeviceCount, account, from.Device))
	}
	return r
}

// keyOf is the key of a counter of the account.
func (r record) keyOf(w whose) string {
	at := map[whose]int{strangers: atAccount, knownAddress: atKnownCount, knownDevice: atDeviceCount}[w]
	return r.keys[len(r.buckets)+at]
}

// counters are those of a record.
type counters struct {
	// addresses count the failures from each block of addresses, account those
	// of strangers on the account.
	addresses []Counter
	account   Counter
	// generation has in Failures how often the account was reset. known and
	// device, the marks of an address and of a browser that signed in, have
	// there the generation they are of: the marks cannot be listed, but made
	// void.
	generation, known, device Counter
	// knownCount and deviceCount count the failures on the account from the
	// known address and browser, so that no stranger can lock them out.
	knownCount, deviceCount Counter
}

func (r record) name(s []Counter) counters {
	n := len(r.buckets)
	own := s[n:]
	c := counters{
		addresses: append([]Counter(nil), s[:n]...), account: own[atAccount], generation: own[atGeneration],
		known: own[atKnown], knownCount: own[atKnownCount],
	}
	if r.device {
		c.device, c.deviceCount = own[atDevice], own[atDeviceCount]
	}
	return c
}

func (r record) put(s []Counter, c counters) {
	own := s[copy(s, c.addresses):]
	own[atAccount], own[atGeneration], own[atKnown], own[atKnownCount] = c.account, c.generation, c.known, c.knownCount
	if r.device {
		own[atDevice], own[atDeviceCount] = c.device, c.deviceCount
	}
}

// own are the counters of the account that an attempt may raise, the best first.
// Only a mark that a success on this account made counts: an invented browser is a
// stranger. A known browser has the other counter, too, as it has without its
// cookie: a thief of the cookie cannot lock it out.
func (c *counters) own() []whose {
	last := strangers
	if c.isMark(c.known) {
		last = knownAddress
	}
	if c.isMark(c.device) {
		return []whose{knownDevice, last}
	}
	return []whose{last}
}

// isKnown reports that the address or the browser signed in before.
func (c *counters) isKnown() bool { return c.isMark(c.known) || c.isMark(c.device) }

func (c *counters) isMark(mark Counter) bool {
	return !mark.Expires.IsZero() && mark.Failures == c.generation.Failures
}

func (c *counters) ofAccount(w whose) *Counter {
	switch w {
	case knownDevice:
		return &c.deviceCount
	case knownAddress:
		return &c.knownCount
	}
	return &c.account
}
