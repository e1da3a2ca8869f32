package jwtauth

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/accesstoken"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/oauth2"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/signin"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// The metrics. Each is made once and registered with every config, since Caddy's
// registry is another one with each: so counters go on over reloads. Their labels
// take the values that the code has and the names of realms, never anything that
// a request says.
var metrics = newCollector()

// collector gathers the metrics of all realms.
type collector struct {
	issued, refused, verified, signIns, events *prometheus.CounterVec
	gauges                                     map[string]*prometheus.Desc

	mu sync.Mutex
	// open are the realms as the running configs have them, the newest last.
	open map[string][]*opened
}

// gauge is what is looked up when somebody asks for the metrics.
type gauge struct {
	name, help string
	// label is a second one, beside the realm.
	label  string
	values func(o *opened) map[string]float64
}

var gauges = []gauge{
	{"hashing_slots", "Passwords that may be hashed at once.", "", func(o *opened) map[string]float64 {
		return one(o.slots.Cap())
	}},
	{"hashing_slots_in_use", "Passwords that are being hashed.", "", func(o *opened) map[string]float64 {
		return one(o.slots.InUse())
	}},
	{"hashing_slots_waiting", "Sign-ins that wait for a hashing slot.", "", func(o *opened) map[string]float64 {
		return one(o.slots.Waiting())
	}},
	{"sessions", "Sessions in the store.", "", func(o *opened) map[string]float64 { return o.countSessions() }},
	{"denied", "Revoked sessions and tokens that the guard refuses until they expire.", "", func(o *opened) map[string]float64 {
		return one(o.state.denied.Len())
	}},
	{"cache_bytes", "Memory of verified credentials.", "credential", func(o *opened) map[string]float64 {
		view := o.keys.view.Load()
		_, tokens := view.tokens.Size()
		_, cookies := view.cookies.Size()
		return map[string]float64{credentialToken: float64(tokens), credentialCookie: float64(cookies)}
	}},
}

func one(n int) map[string]float64 { return map[string]float64{"": float64(n)} }

const (
	metricsNamespace = "caddy"
	metricsSubsystem = "jwtauth"

	credentialToken  = "token"
	credentialCookie = "cookie"
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
		open:     make(map[string][]*opened),
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
	for _, o := range c.realms() {
		for _, g := range gauges {
			for label, value := range g.values(o) {
				labels := []string{o.name}
				if g.label != "" {
					labels = append(labels, label)
				}
				to <- prometheus.MustNewConstMetric(c.gauges[g.name], prometheus.GaugeValue, value, labels...)
			}
		}
	}
}

// realms are those of the newest config that is running.
func (c *collector) realms() []*opened {
	c.mu.Lock()
	defer c.mu.Unlock()
	newest := make([]*opened, 0, len(c.open))
	for _, configs := range c.open {
		newest = append(newest, configs[len(configs)-1])
	}
	return newest
}

// add makes o the realm whose state is shown. It returns what takes that back:
// where o's config fails to start, the one before it is shown again.
func (c *collector) add(o *opened) (remove func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open[o.name] = append(c.open[o.name], o)
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		left := slices.DeleteFunc(c.open[o.name], func(other *opened) bool { return other == o })
		if len(left) == 0 {
			delete(c.open, o.name)
		} else {
			c.open[o.name] = left
		}
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
		tokenHit:      c.verified.WithLabelValues(realm, credentialToken, "hit"),
		tokenMiss:     c.verified.WithLabelValues(realm, credentialToken, "miss"),
		cookieHit:     c.verified.WithLabelValues(realm, credentialCookie, "hit"),
		cookieMiss:    c.verified.WithLabelValues(realm, credentialCookie, "miss"),
		tokensIssued:  c.issued.WithLabelValues(realm, credentialToken),
		cookiesIssued: c.issued.WithLabelValues(realm, credentialCookie),
		refusals:      each(c.refused, refusalReasons),
		signIns:       each(c.signIns, signInResults),
		events:        each(c.events, auditNames),
	}
}

func (m *realmMetrics) signIn(result string) { m.signIns[result].Inc() }
func (m *realmMetrics) event(name string)    { m.events[name].Inc() }
func (m *realmMetrics) refusal(err error)    { m.refusals[refusalReason(err)].Inc() }

// The reasons of refusals, as labels, with the errors that they stand for. The
// first that fits counts.
var refusalErrors = []struct {
	reason string
	errs   []error
}{
	{"unavailable", []error{errUnavailable}},
	{"revoked", []error{errRevoked}},
	{"other_store", []error{errForeignStore}},
	{"role", []error{policy.ErrRole}},
	{"scope", []error{policy.ErrScope}},
	{"claim", []error{policy.ErrClaim}},
	{"cross_origin", []error{oauth2.ErrCrossOrigin}},
	{"expired", []error{accesstoken.ErrExpired}},
	{"not_yet_valid", []error{accesstoken.ErrNotYetValid}},
	{"signature", []error{accesstoken.ErrSignature}},
	{"key", []error{accesstoken.ErrKey, accesstoken.ErrAlgorithm, accesstoken.ErrStopped}},
	{"issuer_or_audience", []error{accesstoken.ErrIssuer, accesstoken.ErrAudience}},
	{"claims", []error{accesstoken.ErrClaims, accesstoken.ErrLifetime}},
	{"malformed", []error{accesstoken.ErrMalformed, accesstoken.ErrType, oauth2.ErrMalformedBearer}},
	{"session", []error{
		session.ErrNotFound, session.ErrEpoch, session.ErrInvalidToken, user.ErrNotFound, user.ErrAmbiguous, signin.ErrDisabled,
	}},
}

const (
	reasonNoCredential = "no_credential"
	reasonOther        = "other"
)

var refusalReasons = func() []string {
	reasons := []string{reasonNoCredential, reasonOther}
	for _, known := range refusalErrors {
		reasons = append(reasons, known.reason)
	}
	return reasons
}()

// refusalReason is the label of a guard's refusal.
func refusalReason(err error) string {
	var refusal *oauth2.Error
	if errors.As(err, &refusal) && refusal.Code == "" && refusal.Cause == nil {
		return reasonNoCredential
	}
	for _, known := range refusalErrors {
		if slices.ContainsFunc(known.errs, func(target error) bool { return errors.Is(err, target) }) {
			return known.reason
		}
	}
	return reasonOther
}

// countTimeout bounds the count of a store's sessions.
const countTimeout = 5 * time.Second

// countSessions is nothing where the store cannot say: no number is better than
// a wrong one.
func (o *opened) countSessions() map[string]float64 {
	release, err := o.state.use()
	if err != nil {
		return nil
	}
	defer release()
	ctx, cancel := context.WithTimeout(context.Background(), countTimeout)
	defer cancel()
	n, err := o.state.store.CountSessions(ctx)
	if err != nil {
		return nil
	}
	return one(n)
}

// Interface guards
var _ prometheus.Collector = (*collector)(nil)
