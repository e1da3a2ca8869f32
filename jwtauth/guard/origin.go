package guard

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// CheckOrigin accepts an origin that is spelled as browsers spell it in the header
// Origin (RFC 6454 §6.2). They are compared byte by byte, so any other spelling
// would never match. The error says what to write where that can be known; option is
// where it was written.
func CheckOrigin(option, origin string) error {
	spelled, ok := spellOrigin(origin)
	switch {
	case !ok:
		return fmt.Errorf("%s takes origins, such as https://app.example.com, not %q", option, origin)
	case strings.Contains(spelled, "*"):
		return fmt.Errorf("%s %q can never match, since a wildcard is not replaced here: name each origin", option, origin)
	case spelled != origin:
		return fmt.Errorf("%s %q can never match what browsers send: write %s", option, origin, spelled)
	}
	return nil
}

// spellOrigin returns the origin of a URL as browsers spell it, false where there
// is none.
func spellOrigin(text string) (origin string, ok bool) {
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" || slices.Contains(opaqueSchemes, u.Scheme) {
		return "", false
	}
	host, ok := spellHost(u.Hostname(), strings.HasPrefix(u.Host, "["))
	if !ok {
		return "", false
	}
	origin = u.Scheme + "://" + host
	port := u.Port()
	if port == "" {
		return origin, true
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return "", false
	}
	if u.Scheme == "https" && n == 443 || u.Scheme == "http" && n == 80 {
		return origin, true
	}
	return origin + ":" + strconv.FormatUint(n, 10), true
}

// opaqueSchemes are those whose pages have the origin `null` (WHATWG URL, "origin").
// "" stands for a URL without a scheme.
var opaqueSchemes = []string{"", "about", "blob", "data", "file", "javascript"}

func spellHost(host string, bracketed bool) (string, bool) {
	if bracketed {
		addr, err := netip.ParseAddr(host)
		if err != nil || addr.Zone() != "" {
			return "", false
		}
		if addr.Is4In6() {
			b := addr.As16()
			return fmt.Sprintf("[::ffff:%x:%x]", uint(b[12])<<8|uint(b[13]), uint(b[14])<<8|uint(b[15])), true
		}
		return "[" + addr.String() + "]", true
	}
	ascii, err := idna.New(idna.MapForLookup(), idna.StrictDomainName(false), idna.Transitional(false)).ToASCII(host)
	if err != nil || strings.Trim(ascii, ".") == "" || strings.ContainsAny(ascii, " ,%:<>^|\\{}\"'`") {
		return "", false
	}
	labels := strings.Split(strings.TrimSuffix(ascii, "."), ".")
	last := labels[len(labels)-1]
	if _, err := strconv.ParseUint(last, 0, 64); err == nil || strings.Trim(last, "0123456789") == "" {
		// Browsers take it for an IPv4 address, in one of many spellings.
		addr, err := netip.ParseAddr(ascii)
		return ascii, err == nil && addr.Is4()
	}
	return ascii, true
}
