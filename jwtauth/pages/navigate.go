package pages

import (
	"net/http"
	"strings"
)

// Navigates reports a request by which a person goes to a page. Browsers say so in
// Sec-Fetch-Mode and Sec-Fetch-Dest, where a download (`<a download>`) has another
// destination, as a frame has; without these headers the request has to ask for HTML.
func Navigates(r *http.Request) bool {
	if mode := firstValue(r.Header["Sec-Fetch-Mode"]); mode != "" {
		dest := firstValue(r.Header["Sec-Fetch-Dest"])
		return mode == "navigate" && (dest == "document" || dest == "")
	}
	return asksForHTML(r.Header["Accept"]) &&
		firstValue(r.Header["Sec-Fetch-Dest"]) == "" && firstValue(r.Header["X-Requested-With"]) == "" && firstValue(r.Header["Upgrade"]) == ""
}

// Embeds reports a request by which a browser shows a page within another one.
func Embeds(r *http.Request) bool {
	switch firstValue(r.Header["Sec-Fetch-Dest"]) {
	case "iframe", "frame", "embed", "object":
		return firstValue(r.Header["Sec-Fetch-Mode"]) == "navigate"
	}
	return false
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
