package guard

import (
	"net/http"
	"slices"
	"strings"
)

// An upstream may read a request's target other than Caddy does, so that a path which no
// guard is for leads to what a guard protects. This file has the ways that are known.

// reading is one way to read a decoded path. It returns the path itself where it has
// nothing to say.
type reading struct {
	name string
	of   func(path string) string
}

// readings are tried on a path, and on what each of them makes of it.
var readings = []reading{
	{"decoded once more", decodeAgain},
	{"a backslash is a slash", slashes},
	{"segments without ;parameters", cutParameters},
	{"nothing from the first semicolon on", cutAtSemicolon},
	{"what is behind a PHP script", behindScript},
	{"the PHP script itself", script},
	{"segments without dots and spaces at their end", trimSegments},
	{"what is before the first dot segment", beforeDotSegment},
	{"dot segments removed before slashes merge", removeDotSegments},
}

const (
	// maxReadings and maxReadingBytes bound what one request can make a guard try. A
	// target with more readings is governed by every guard that asks for them.
	maxReadings     = 64
	maxReadingBytes = 16 << 10
)

// Targets are the ways in which upstreams may read a request's target. The first of each
// is the way in which Caddy reads it.
type Targets struct {
	Paths, Hosts, Methods []string
	// TooMany is set if there are more paths than are listed.
	TooMany bool
}

// TargetsOf returns what upstreams may make of a request's target.
func TargetsOf(r *http.Request) *Targets {
	t := &Targets{Paths: []string{r.URL.Path}, Hosts: []string{r.Host}, Methods: []string{r.Method}}
	if host := plainHost(r.Host); host != r.Host {
		t.Hosts = append(t.Hosts, host)
	}
	if method := strings.ToUpper(r.Method); method != r.Method {
		t.Methods = append(t.Methods, method)
	}
	bytes := len(r.URL.Path)
	for i := 0; i < len(t.Paths); i++ {
		for _, reading := range readings {
			path := reading.of(t.Paths[i])
			if slices.Contains(t.Paths, path) {
				continue
			}
			if bytes += len(path); len(t.Paths) == maxReadings || bytes > maxReadingBytes {
				t.TooMany = true
				return t
			}
			t.Paths = append(t.Paths, path)
		}
	}
	return t
}

// HasReadings reports whether a request's target can be read in several ways. It is quick
// to say no.
func HasReadings(r *http.Request) bool {
	return pathHasReadings(r.URL.Path) || strings.Contains(r.Host, ".:") || strings.HasSuffix(r.Host, ".") ||
		strings.ToUpper(r.Method) != r.Method
}

// pathHasReadings reports a path of which one of the readings makes another.
func pathHasReadings(path string) bool {
	for i := 0; i < len(path); i++ {
		switch c := path[i]; c {
		case '%', '\\', ';':
			return true
		case '/':
			if endsLoosely(path[:i]) || endsScript(path, i) {
				return true
			}
		}
	}
	return endsLoosely(path)
}

// endsLoosely reports a dot or a space at the end.
func endsLoosely(path string) bool {
	return path != "" && (path[len(path)-1] == '.' || path[len(path)-1] == ' ')
}

// plainHost is a host without the dot at its end, which is the same host (RFC 1034 §3.1).
func plainHost(host string) string {
	name, port := host, ""
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		name, port = host[:i], host[i:]
	}
	return strings.TrimRight(name, ".") + port
}

// decodeAgain is what an upstream sees that decodes a path which was decoded before. What
// is no escape stays.
func decodeAgain(path string) string {
	if !strings.Contains(path, "%") {
		return path
	}
	decoded := make([]byte, 0, len(path))
	for i := 0; i < len(path); i++ {
		if path[i] == '%' && i+2 < len(path) {
			high, ok1 := hexDigit(path[i+1])
			low, ok2 := hexDigit(path[i+2])
			if ok1 && ok2 {
				decoded = append(decoded, high<<4|low)
				i += 2
				continue
			}
		}
		decoded = append(decoded, path[i])
	}
	return string(decoded)
}

func hexDigit(c byte) (value byte, ok bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}

// slashes is how Windows and the WHATWG URL standard read a path.
func slashes(path string) string { return strings.ReplaceAll(path, `\`, "/") }

// cutParameters is how Java's servlets read a path (RFC 3986 §3.3 leaves the syntax
// of parameters to them).
func cutParameters(path string) string {
	return eachSegment(path, ";", func(segment string) string {
		segment, _, _ = strings.Cut(segment, ";")
		return segment
	})
}

func cutAtSemicolon(path string) string {
	path, _, _ = strings.Cut(path, ";")
	return path
}

// behindScript is the PATH_INFO (RFC 3875 §4.1.5) that a front controller in PHP takes
// for the path.
func behindScript(path string) string {
	if end, ok := scriptEnd(path); ok {
		return path[end:]
	}
	return path
}

// script is the script that runs where its PATH_INFO follows.
func script(path string) string {
	if end, ok := scriptEnd(path); ok {
		return path[:end]
	}
	return path
}

// scriptEnd is where the name of the first script ends that has something behind it.
func scriptEnd(path string) (end int, ok bool) {
	for i := range len(path) {
		if endsScript(path, i) {
			return i, true
		}
	}
	return 0, false
}

// endsScript reports that the name of a script ends where path[i] is.
func endsScript(path string, i int) bool {
	const suffix = ".php"
	return path[i] == '/' && i > len(suffix) && strings.EqualFold(path[i-len(suffix):i], suffix)
}

// trimSegments is how Windows reads the names of files.
func trimSegments(path string) string {
	return eachSegment(path, ". ", func(segment string) string {
		if dots := strings.TrimRight(segment, " "); dots == "." || dots == ".." {
			return dots
		}
		return strings.TrimRight(segment, ". ")
	})
}

// beforeDotSegment is what a prefix of an upstream compares that leaves dot segments as
// they are.
func beforeDotSegment(path string) string {
	for start := 0; start <= len(path); {
		end := segmentEnd(path, start)
		if segment := path[start:end]; segment == "." || segment == ".." {
			return path[:start]
		}
		start = end + 1
	}
	return path
}

// removeDotSegments is the algorithm of RFC 3986 §5.2.4: an empty segment is one, too.
// Caddy merges slashes first.
func removeDotSegments(path string) string {
	if !strings.HasPrefix(path, "/") || !strings.Contains(path, "/.") {
		return path
	}
	var kept []string
	segments := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for i, segment := range segments {
		last := i == len(segments)-1
		switch segment {
		case ".", "..":
			if segment == ".." && len(kept) > 0 {
				kept = kept[:len(kept)-1]
			}
			if last {
				kept = append(kept, "")
			}
		default:
			kept = append(kept, segment)
		}
	}
	return "/" + strings.Join(kept, "/")
}

// eachSegment changes each segment of a path that has one of the characters at all.
func eachSegment(path, chars string, change func(string) string) string {
	if !strings.ContainsAny(path, chars) {
		return path
	}
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		segments[i] = change(segment)
	}
	return strings.Join(segments, "/")
}

func segmentEnd(path string, start int) int {
	if end := strings.IndexByte(path[start:], '/'); end >= 0 {
		return start + end
	}
	return len(path)
}
