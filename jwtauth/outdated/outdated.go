// Package outdated lists the versions of what a binary is built with that have
// known holes in what Caddy serves, so that a server can say so at start.
//
// It imports no package of this module. Package jwtauth calls it at the first start.
package outdated

import (
	"fmt"
	"go/version"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
)

// XNet is the module whose HTTP/2 Caddy uses. From Go 1.27 on it calls that of
// net/http, unless the build tag http2legacy is set.
const XNet = "golang.org/x/net"

// Finding is something that a binary should not be built with.
type Finding struct {
	// With is what it is built with: "go1.26.8", "golang.org/x/net v0.59.0".
	With string
	// Take is the first version of the same line without the holes.
	Take string
	// Advisories are the holes, as CVE numbers.
	Advisories []string
}

// http2 are the holes of HTTP/2, in Go and in [XNet].
var http2 = []string{
	"CVE-2026-97032", // a client can crash the server: HPACK encoder race
	"CVE-2026-78659", // memory by the header Trailer
	"CVE-2026-78663", // flow control refunded twice
	"CVE-2026-78669", // CPU by changes of the initial window
	"CVE-2026-78660", // an upstream's malformed framing headers are passed on
}

// others are the holes of what Caddy serves with Go whatever the version of HTTP.
var others = []string{
	"CVE-2026-78667", // CPU by many ranges in the header Range
	"CVE-2026-94439", // requests after a CONNECT that was answered with 2xx
	"CVE-2026-56866", // answers of an upstream to the wrong client after a CONNECT
	"CVE-2026-97031", // memory by ECH extensions in the TLS handshake
}

// Releases are the first ones of each line of Go without the holes, in order; as
// announced for Go 1.27.2 and 1.26.9 on 8 October 2026. A line before the first
// gets no fixes any more, one after the last began later.
var Releases = []string{"go1.26.9", "go1.27.2"}

// netHTTPServes is the first Go whose own HTTP/2 Caddy serves with.
const netHTTPServes = "go1.27rc1"

// XNetRelease is the first version of [XNet] without the holes (GO-2026-6617).
const XNetRelease = "v0.60.0"

// Check returns what is wrong with a binary that a Go of that version has built
// from the modules of info, which may be nil. A version that cannot be compared, as
// one between two releases or a folder in place of a module, is not judged.
func Check(goVersion string, info *debug.BuildInfo) []Finding {
	var findings []Finding
	goVersion, _, _ = strings.Cut(goVersion, " ") // experiments come after it
	if take := fixed(goVersion); take != "" {
		advisories := others
		if version.Compare(goVersion, netHTTPServes) >= 0 {
			advisories = slices.Concat(http2, others)
		}
		findings = append(findings, Finding{goVersion, take, advisories})
	}
	if linked := linkedVersion(info, XNet); older(linked, XNetRelease) {
		findings = append(findings, Finding{XNet + " " + linked, XNet + " " + XNetRelease, http2})
	}
	return findings
}

// fixed returns the release to take in place of a Go, "" for none.
func fixed(goVersion string) (take string) {
	if !version.IsValid(goVersion) {
		return ""
	}
	for i, release := range Releases {
		sameLine := version.Lang(goVersion) == version.Lang(release)
		before := i == 0 && version.Compare(version.Lang(goVersion), version.Lang(release)) < 0
		if (sameLine || before) && version.Compare(goVersion, release) < 0 {
			return release
		}
	}
	return ""
}

// linkedVersion is the version of a module in a binary, "" where it has none.
func linkedVersion(info *debug.BuildInfo, path string) string {
	if info == nil {
		return ""
	}
	for _, module := range info.Deps {
		if module.Path != path {
			continue
		}
		if module.Replace != nil {
			module = module.Replace
		}
		return module.Version
	}
	return ""
}

// older compares two versions of a module. One with a suffix is before the release
// that it leads to.
func older(linked, release string) bool {
	linked, _, suffixed := strings.Cut(linked, "-")
	a, errA := numbers(linked)
	b, errB := numbers(release)
	if errA != nil || errB != nil {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return a[i] < b[i]
		}
	}
	return suffixed
}

func numbers(text string) (n [3]uint64, err error) {
	parts := strings.Split(strings.TrimPrefix(text, "v"), ".")
	if len(parts) != len(n) {
		return n, fmt.Errorf("%q is no version of a module", text)
	}
	for i, part := range parts {
		if n[i], err = strconv.ParseUint(part, 10, 32); err != nil {
			return n, err
		}
	}
	return n, nil
}
