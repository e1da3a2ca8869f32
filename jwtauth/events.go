package jwtauth

import (
	"context"
	"sync"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"
)

// maxEarly bounds the events that are kept until all apps have started. That takes
// moments; what comes after so many is in the audit log alone.
const maxEarly = 1000

// eventSender tells the site's event handlers, where there are any.
//
// The events app knows its handlers from its own start on, and Caddy starts apps in
// no order. So events that come earlier, as those of opening a realm, are kept until
// Caddy says that all apps have started.
type eventSender struct {
	ctx caddy.Context
	app *caddyevents.App

	mu      sync.Mutex // not held while handlers run
	started bool
	early   []earlyEvent
}

type earlyEvent struct {
	name string
	data map[string]any
}

// newEventSender is called while the config of ctx is provisioned.
func newEventSender(ctx caddy.Context) (*eventSender, error) {
	app, err := ctx.App("events")
	if err != nil {
		return nil, err
	}
	s := &eventSender{ctx: ctx, app: app.(*caddyevents.App)}
	return s, s.app.On("started", s)
}

// Handle is called when all apps of the config have started.
func (s *eventSender) Handle(context.Context, caddy.Event) error {
	s.mu.Lock()
	early := s.early
	s.early, s.started = nil, true
	s.mu.Unlock()
	for _, event := range early {
		s.emit(event.name, event.data)
	}
	return nil
}

// emit runs the handlers before it returns.
func (s *eventSender) emit(name string, data map[string]any) {
	if !s.keep(name, data) && s.app.ShouldEmit(name) {
		s.app.Emit(s.ctx, name, data)
	}
}

// keep reports whether it is too early for an event.
func (s *eventSender) keep(name string, data map[string]any) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.started && len(s.early) < maxEarly {
		s.early = append(s.early, earlyEvent{name, data})
	}
	return !s.started
}

// Interface guards
var _ caddyevents.Handler = (*eventSender)(nil)
