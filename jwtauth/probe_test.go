package jwtauth_test

import (
	"io"
	"net/http"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func init() {
	caddy.RegisterModule(testProbe{})
	httpcaddyfile.RegisterHandlerDirective("test_probe", func(httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
		return testProbe{}, nil
	})
	httpcaddyfile.RegisterDirectiveOrder("test_probe", httpcaddyfile.Before, "tracing")
}

// probe is what the handler test_probe, which comes before all others, has seen.
var probe struct {
	// reads counts the reads of request bodies.
	reads atomic.Int64
}

type testProbe struct{}

func (testProbe) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.test_probe", New: func() caddy.Module { return new(testProbe) }}
}

func (testProbe) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	r.Body = probedBody{r.Body}
	return next.ServeHTTP(w, r)
}

type probedBody struct{ io.ReadCloser }

func (b probedBody) Read(p []byte) (int, error) {
	probe.reads.Add(1)
	return b.ReadCloser.Read(p)
}
