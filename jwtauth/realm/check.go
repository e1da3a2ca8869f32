package realm

import (
	"fmt"
	"net/url"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/host"
)

// CheckIssuer accepts an absolute https URL, or a loopback http one, without
// query and fragment (RFC 8414 §2).
func CheckIssuer(issuer string) error {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.User != nil ||
		(u.Scheme != "https" && !(u.Scheme == "http" && host.IsLoopback(u.Hostname()))) {
		return fmt.Errorf("issuer %q: it takes an https URL without query and fragment, such as https://example.com (http only for localhost)", issuer)
	}
	return nil
}

// CheckName bounds the name of a realm, which becomes part of file names, storage keys,
// cookie names and metric labels.
func CheckName(name string) error {
	if name == "" || len(name) > 32 {
		return fmt.Errorf("realm name %q: it takes 1 to 32 characters", name)
	}
	for _, c := range name {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return fmt.Errorf("realm name %q: it takes lower-case letters, digits, - and _", name)
		}
	}
	return nil
}
