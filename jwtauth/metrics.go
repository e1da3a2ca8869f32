package jwtauth

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/audit"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/guard"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/realm"
)

// The metrics. Each is made once and registered with every config, since each config has
// a registry of its own: so counters go on over reloads. The values of their labels are
// constants of the code and the names of realms, never anything that a request says.
var metrics = newCollector()

// collector gathers the metrics of all realms.
type collector struct {
	issued, refused, verified, signIns, events *prometheus.CounterVec
	gauges                                     map[string]*prometheus.Desc

	mu sync.Mutex
	// open are the realms as the running configs have them, the newest last.
	open map[string][]*realm.Realm
}

// gauge is a metric that is looked up each time the metrics are read.
type gauge struct {
	name, help string
	// label is a second label, next to the realm.
	label  string
	values func(r *realm.Realm) map[string]float64
}

var gauges = []gauge{
	{"hashing_slots", "Passwords that may be hashed at once.", "", func(r *realm.Realm) map[string]float64 {
		return one(r.Slots.Cap())
	}},
	{"hashing_slots_in_use", "Passwords that are being hashed.", "", func(r *realm.Realm) map[string]float64 {
		return one(r.Slots.InUse())
	}},
	{"hashing_slots_waiting", "Sign-ins that wait for a hashing slot.", "", func(r *realm.Realm) map[string]float64 {
		return one(r.Slots.Waiting())
	}},
	{"sessions", "Sessions in the store.", "", countSessions},
	{"denied", "Revoked sessions and tokens that the guard refuses until they expire.", "", func(r *realm.Realm) map[string]float64 {
		return one(r.CountDenied())
	}},
	{"cache_bytes", "Memory of verified credentials.", "credential", func(r *realm.Realm) map[string]float64 {
		tokens, cookies := r.Known()
		return map[string]float64{audit.Token.String(): float64(tokens.Bytes), audit.Cookie.String(): float64(cookies.Bytes)}
	}},
}

func one(n int) map[string]float64 { return map[string]float64{"": float64(n)} }

const (
	metricsNamespace = "caddy"
	metricsSubsystem = "jwtauth"
)

func newCollector() *collector {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: metricsNamespace, Subsystem: metricsSubsystem, Name: name, Help: help,
		}, append([]string{"realm"}, labels...))
	}
	c := &collector{
		issued:   counter("issued_total", "Credentials issued: access tokens and session cookies.", "credential"),
		refused:  counter("refused_total", "Requests that a guard refused.", "reason"),
		verified: counter("verified_total", "Credentials that a guard found good, from its cache or not.", "credential", "cache"),
		signIns:  counter("sign_ins_total", "Passwords and client secrets presented, by what came of it.", "result"),
		events:   counter("events_total", "Events, as in the audit log.", "event"),
		gauges:   make(map[string]*prometheus.Desc, len(gauges)),
		open:     make(map[string][]*realm.Realm),
	}
	for _, g := range gauges {
		labels := []string{"realm"}
		if g.label != "" {
			labels = append(labels, g.label)
		}
		c.gauges[g.name] = prometheus.NewDesc(prometheus.BuildFQName(metricsNamespace, metricsSubsystem, g.name), g.help, labels, nil)
	}
	return c
}

func (c *collector) counters() []*prometheus.CounterVec {
	return []*prometheus.CounterVec{c.issued, c.refused, c.verified, c.signIns, c.events}
}

// Describe implements [prometheus.Collector].
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for _, counter := range c.counters() {
		counter.Describe(to)
	}
	for _, desc := range c.gauges {
		to <- desc
	}
}

// Collect implements [prometheus.Collector].
func (c *collector) Collect(to chan<- prometheus.Metric) {
	for _, counter := range c.counters() {
		counter.Collect(to)
	}
	for _, r := range c.realms() {
		for _, g := range gauges {
			for label, value := range g.values(r) {
				labels := []string{r.Name}
				if g.label != "" {
					labels = append(labels, label)
				}
				to <- prometheus.MustNewConstMetric(c.gauges[g.name], prometheus.GaugeValue, value, labels...)
			}
		}
	}
}

// realms are those of the newest config that is running.
func (c *collector) realms() []*realm.Realm {
	c.mu.Lock()
	defer c.mu.Unlock()
	newest := make([]*realm.Realm, 0, len(c.open))
	for _, configs := range c.open {
		newest = append(newest, configs[len(configs)-1])
	}
	return newest
}

// add makes r the realm whose state is shown. It returns what takes that back: if r's
// config fails to start, the one before it is shown again.
func (c *collector) add(r *realm.Realm) (remove func() error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open[r.Name] = append(c.open[r.Name], r)
	return func() error {
		c.mu.Lock()
		defer c.mu.Unlock()
		left := slices.DeleteFunc(c.open[r.Name], func(other *realm.Realm) bool { return other == r })
		if len(left) == 0 {
			delete(c.open, r.Name)
		} else {
			c.open[r.Name] = left
		}
		return nil
	}
}

// registerMetrics makes the metrics part of a config's registry.
func registerMetrics(ctx caddy.Context) error {
	err := ctx.GetMetricsRegistry().Register(metrics)
	var already prometheus.AlreadyRegisteredError
	if errors.As(err, &already) {
		return nil
	}
	return err
}

// realmMetrics are the counters of one realm, looked up once.
type realmMetrics struct {
	tokenHit, tokenMiss, cookieHit, cookieMiss prometheus.Counter
	tokensIssued, cookiesIssued                prometheus.Counter

	refusals, signIns, events map[string]prometheus.Counter
}

func (c *collector) of(realm string) *realmMetrics {
	each := func(counter *prometheus.CounterVec, values []string) map[string]prometheus.Counter {
		found := make(map[string]prometheus.Counter, len(values))
		for _, value := range values {
			found[value] = counter.WithLabelValues(realm, value)
		}
		return found
	}
	return &realmMetrics{
		tokenHit:      c.verified.WithLabelValues(realm, audit.Token.String(), "hit"),
		tokenMiss:     c.verified.WithLabelValues(realm, audit.Token.String(), "miss"),
		cookieHit:     c.verified.WithLabelValues(realm, audit.Cookie.String(), "hit"),
		cookieMiss:    c.verified.WithLabelValues(realm, audit.Cookie.String(), "miss"),
		tokensIssued:  c.issued.WithLabelValues(realm, audit.Token.String()),
		cookiesIssued: c.issued.WithLabelValues(realm, audit.Cookie.String()),
		refusals:      each(c.refused, guard.Reasons),
		signIns:       each(c.signIns, audit.Results),
		events:        each(c.events, audit.Names),
	}
}

func (m *realmMetrics) event(name string) { m.events[name].Inc() }

// SignIn is a part of [audit.Recorder].
func (m *realmMetrics) SignIn(result string) { m.signIns[result].Inc() }

// Refused is a part of [audit.Recorder].
func (m *realmMetrics) Refused(reason string) { m.refusals[reason].Inc() }

// Issued is a part of [audit.Recorder].
func (m *realmMetrics) Issued(c audit.Credential) {
	if c == audit.Cookie {
		m.cookiesIssued.Inc()
	} else {
		m.tokensIssued.Inc()
	}
}

// Verified is a part of [audit.Recorder].
func (m *realmMetrics) Verified(c audit.Credential, known bool) {
	switch {
	case c == audit.Cookie && known:
		m.cookieHit.Inc()
	case c == audit.Cookie:
		m.cookieMiss.Inc()
	case known:
		m.tokenHit.Inc()
	default:
		m.tokenMiss.Inc()
	}
}

// countTimeout bounds the count of a store's sessions.
const countTimeout = 5 * time.Second

// countSessions is empty if the store cannot say: no number is better than a wrong one.
func countSessions(r *realm.Realm) map[string]float64 {
	release, err := r.Hold()
	if err != nil {
		return nil
	}
	defer release()
	ctx, cancel := context.WithTimeout(context.Background(), countTimeout)
	defer cancel()
	n, err := r.Store().CountSessions(ctx)
	if err != nil {
		return nil
	}
	return one(n)
}

// Interface guards
var _ prometheus.Collector = (*collector)(nil)
