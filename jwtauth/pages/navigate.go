package pages

import (
	"net/http"
	"strings"
)

// Navigates reports a request by which a person goes to a page. Browsers say so in
// Sec-Fetch-Mode; without that header the request has to ask for HTML.
func Navigates(r *http.Request) bool {
	if mode := firstValue(r.Header["Sec-Fetch-Mode"]); mode != "" {
		return mode == "navigate"
	}
	return asksForHTML(r.Header["Accept"]) &&
		firstValue(r.Header["Sec-Fetch-Dest"]) == "" && firstValue(r.Header["X-Requested-With"]) == "" && firstValue(r.Header["Upgrade"]) == ""
}

// asksForHTML reports whether the header Accept names text/html.
func asksForHTML(accept []string) bool {
	const html = "text/html"
	for _, line := range accept {
		if len(line) < len(html) {
			continue // most programs send */*
		}
		for kind := range strings.SplitSeq(line, ",") {
			kind, params, _ := strings.Cut(kind, ";")
			if strings.EqualFold(strings.TrimSpace(kind), html) && strings.ReplaceAll(params, " ", "") != "q=0" {
				return true
			}
		}
	}
	return false
}

// firstValue is [http.Header.Get] for a name that is already canonical.
func firstValue(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}
