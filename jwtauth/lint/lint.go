package lint

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// Severity says what becomes of a config with a finding.
type Severity string

// A config with an error cannot do what it says, and is refused. A warning goes to the log.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Finding is a place where a config does not guard what it seems to.
type Finding struct {
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	// Server is Caddy's name of the server, and Hosts are those of the site, nil for all.
	Server string   `json:"server"`
	Hosts  []string `json:"hosts,omitempty"`
	// Where are the directives from the outermost one to the one that it is about.
	Where string `json:"where"`
	// Text says what it means and what to write instead.
	Text string `json:"text"`
}

// Ours is a handler of this module.
type Ours interface {
	// Guards is what it says of itself as a guard, nil if it is none.
	Guards() *Guard
	// Serves is what it says of itself as a token server, nil if it is none.
	Serves() *TokenServer
}

// Guard is what a guard says of itself.
type Guard struct {
	// Handler is the one that says it.
	Handler caddyhttp.MiddlewareHandler
	// Name is how the directive is written, with its matcher: jwt_auth /private/*.
	Name, Realm string
	// Sets are its own matchers; none is for all requests.
	Sets caddyhttp.MatcherSets
	// Optional, ErrorsToSite and Login are its options; Login has its default.
	Optional, ErrorsToSite bool
	Login                  string
	// CookieDomain is that of the realm's session cookie, "" for one host's own.
	CookieDomain string
	// Headers are the names of the request headers that it sets.
	Headers []string
	// Who says in words who may pass.
	Who string
}

// TokenServer is what a token server says of itself.
type TokenServer struct {
	// Name is how the directive is written.
	Name, Realm, BasePath string
	Sets                  caddyhttp.MatcherSets
	// SignIn is the path of its sign-in page, "" if it has none.
	SignIn string
}

// Site are the hosts of a server that have the same handlers.
type Site struct {
	// Server is Caddy's name of the server, Listen are its addresses, and Hosts those of
	// the site, nil for all.
	Server string   `json:"server"`
	Listen []string `json:"listen"`
	Hosts  []string `json:"hosts,omitempty"`
	// Addresses are those of the site as a person writes them, such as
	// http://localhost:8080; none for one behind a socket.
	Addresses []string `json:"addresses"`
	Lines     []Line   `json:"lines"`
}

// String is how a person calls the site: its hosts, or where it listens.
func (s Site) String() string {
	switch {
	case len(s.Hosts) > 0:
		return strings.Join(s.Hosts, ", ")
	case len(s.Listen) > 0:
		return strings.Join(s.Listen, ", ")
	}
	return s.Server
}

// Line is what a site does with requests, in the order in which they come to it.
type Line struct {
	// Where are the directives from the outermost one to this one.
	Where string `json:"where"`
	// Kind is one of the kinds below.
	Kind string `json:"kind"`
	// Realm is that of a guard or token server.
	Realm string `json:"realm,omitempty"`
	// Who says who passes a guard, or gets an answer, in words.
	Who string `json:"who"`
	// SignIn is where a person is sent to sign in, "" for nowhere.
	SignIn string `json:"sign_in,omitempty"`
}

// The kinds of lines.
const (
	KindGuard       = "guard"
	KindTokenServer = "token_server"
	KindAnswer      = "answer"
)

// Found is a guard that requests can reach.
type Found struct {
	*Guard
	// Hosts are those for which it acts, nil for all, and Ports those of its server.
	Hosts, Ports []string
}

// Result is what a walk has found.
type Result struct {
	// Sites are those with a guard, a token server or a directive that answers.
	Sites    []Site    `json:"sites"`
	Findings []Finding `json:"findings"`
	Guards   []Found   `json:"-"`
	// Templates is set if a handler of Caddy's templates was met.
	Templates bool `json:"-"`
	// Named are the hosts that have a site of their own.
	Named map[string]bool `json:"-"`
}

// Check goes through the servers of a provisioned http app.
func Check(app *caddyhttp.App) Result {
	result := Result{Sites: []Site{}, Findings: []Finding{}, Named: make(map[string]bool)}
	for _, name := range slices.Sorted(maps.Keys(app.Servers)) {
		server := app.Servers[name]
		w := &walk{
			result: &result, server: name, listen: server.Listen, plain: speaksPlainHTTP(server), named: server.NamedRoutes, ports: Ports(server.Listen), invoked: make(map[string]invocation),
			addresses: func(hosts []string) []string { return addresses(server, hosts) },
		}
		w.run(server)
	}
	return result
}

// DefaultPorts are those that a URL need not name, by its scheme.
var DefaultPorts = map[string]string{"http": "80", "https": "443"}

// SchemeOf is the scheme of a server's URLs.
func SchemeOf(server *caddyhttp.Server) string {
	if len(server.TLSConnPolicies) > 0 {
		return "https"
	}
	return "http"
}

// OnSocket reports a server behind a socket of this machine, to which a proxy brings
// requests for any port.
func OnSocket(server *caddyhttp.Server) bool {
	return slices.ContainsFunc(server.Listen, func(text string) bool {
		address, err := caddy.ParseNetworkAddress(text)
		return err == nil && address.IsUnixNetwork()
	})
}

// addresses are those of the hosts of a server, of every host for none.
func addresses(server *caddyhttp.Server, hosts []string) []string {
	list, ports, scheme := []string{}, Ports(server.Listen), SchemeOf(server)
	if OnSocket(server) || len(ports) == 0 {
		return list
	}
	if len(hosts) == 0 {
		hosts = []string{""}
	}
	for _, host := range hosts {
		address := scheme + "://" + host
		if ports[0] != DefaultPorts[scheme] || host == "" {
			address += ":" + ports[0]
		}
		list = append(list, address)
	}
	return list
}

// speaksPlainHTTP reports a server that people reach without https, and without a proxy
// in front that could speak it.
func speaksPlainHTTP(server *caddyhttp.Server) bool {
	// Caddy keeps who it trusts to itself; that there is someone, it does not hide.
	trusted := reflect.ValueOf(server).Elem().FieldByName("trustedProxies")
	return SchemeOf(server) == "http" && !OnSocket(server) && trusted.IsValid() && trusted.IsNil()
}

// Ports are those of a server's addresses, of a range at most 16.
func Ports(addresses []string) (ports []string) {
	for _, text := range addresses {
		address, err := caddy.ParseNetworkAddress(text)
		if err != nil {
			continue
		}
		for i := range min(address.PortRangeSize(), 16) {
			ports = append(ports, strconv.FormatUint(uint64(address.StartPort+i), 10))
		}
	}
	return ports
}
