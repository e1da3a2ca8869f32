package jwtauth

import (
	"context"

	"go.uber.org/zap"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/audit"
)

// eventPrefix is in front of the names of Caddy's events.
const eventPrefix = "jwtauth_"

// recorder tells the audit log, the metrics and the site's event handlers what happens
// in a realm.
type recorder struct {
	*realmMetrics
	realm  string
	log    *zap.Logger
	events *eventSender
}

// recorder is handed down to whatever happens in the realm.
func (r *Realm) recorder() *recorder {
	return &recorder{realmMetrics: r.metrics, realm: r.name, log: r.logger.Named("audit"), events: r.app.events}
}

// Event implements [audit.Recorder]: it counts, writes down and emits an event.
func (r *recorder) Event(ctx context.Context, e audit.Event) {
	r.realmMetrics.event(e.Name)
	if e.ClientIP == "" && e.By == "" {
		if address := clientIPOf(ctx); address.IsValid() {
			e.ClientIP = address.String()
		}
	}
	fields := make([]zap.Field, 0, 8)
	data := map[string]any{"realm": r.realm}
	for _, text := range [...]struct{ key, value string }{
		{"user", e.User}, {"session", e.Session}, {"client", e.Client}, {"client_ip", e.ClientIP},
		{"via", e.Via}, {"by", e.By}, {"reason", e.Reason}, {"key", e.Key},
	} {
		if text.value != "" {
			fields = append(fields, zap.String(text.key, text.value))
			data[text.key] = text.value
		}
	}
	if e.Counted() {
		fields = append(fields, zap.Int("ended", e.Ended))
		data["ended"] = e.Ended
	}
	r.log.Info(e.Name, fields...)
	r.events.emit(eventPrefix+e.Name, data)
}

// Interface guards
var _ audit.Recorder = (*recorder)(nil)
