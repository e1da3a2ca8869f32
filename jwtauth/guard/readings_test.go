package guard

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// Each reading by itself: what it makes of paths, and what it leaves as it is.
func TestEachReading(t *testing.T) {
	rows := map[string]map[string]string{
		"decoded once more": {
			"/%70rivate": "/private", "/%2Fx%2fy": "//x/y", "/100%": "/100%", "/%zz%41": "/%zzA", "/%2": "/%2", "/%2541": "/%41", "/x": "/x",
		},
		"a backslash is a slash": {`/private\x`: "/private/x", `\private`: "/private", "/x": "/x"},
		"segments without ;parameters": {
			"/private;a=b/x": "/private/x", "/private/x;": "/private/x", "/;a/private;b;c": "//private", "/x": "/x",
		},
		"nothing from the first semicolon on": {"/private;/../x": "/private", "/;": "/", "/x": "/x"},
		"what is behind a PHP script": {
			"/index.php/private/x": "/private/x", "/a/B.PHP/c.php/d": "/c.php/d", "/index.php": "/index.php", "/.php/x": "/x", "/php/x": "/php/x", "/x.phpx/y": "/x.phpx/y",
		},
		"the PHP script itself": {
			"/index.php/private/x": "/index.php", "/a/B.PHP/c.php/d": "/a/B.PHP", "/index.php": "/index.php", "/x": "/x",
		},
		"segments without dots and spaces at their end": {
			"/private./x": "/private/x", "/private. . /x ": "/private/x", "/x/.. /y": "/x/../y", "/../.": "/../.", "/...": "/", "/x.y": "/x.y",
		},
		"what is before the first dot segment": {
			"/private/../x": "/private/", "/private/.": "/private/", "/..": "/", "/x/..y": "/x/..y", ".": "", "": "",
		},
		"dot segments removed before slashes merge": {
			"/x//../private/y": "/x/private/y", "/a/./b/../c": "/a/c", "/a/..": "/", "/../a": "/a", "/a/.": "/a/", "a/.": "a/.", "/a..b/.c": "/a..b/.c",
		},
	}
	for _, reading := range readings {
		row := rows[reading.name]
		if len(row) == 0 {
			t.Errorf("no test of the reading %q", reading.name)
		}
		for path, want := range row {
			if got := reading.of(path); got != want {
				t.Errorf("%s: %q is read as %q, want %q", reading.name, path, got, want)
			}
			if want != path && !pathHasReadings(path) {
				t.Errorf("%s: %q is not looked at", reading.name, path)
			}
		}
		delete(rows, reading.name)
	}
	for name := range rows {
		t.Errorf("there is no reading %q", name)
	}
}

func target(method, host, path string) *http.Request {
	return &http.Request{Method: method, Host: host, URL: &url.URL{Path: path}}
}

// Readings are tried on what other readings have made of a path.
func TestReadingsCompose(t *testing.T) {
	for path, want := range map[string]string{
		"/%25%37%30rivate/x":                 "/%70rivate/x",
		"/%253Bx/../private":                 "/private",
		"/index.php/%5cprivate;a/x":          `/index.php//private/x`,
		`/public/..;a\private/x`:             "/private/x",
		"/a.php/b.php/private%20/x":          "/private/x",
		"/public/.%252e/private":             "/private",
		"/private%3ba=b/%2e%2e/public":       "/private/",
		"/index.php;x/private/x":             "/private/x",
		"/x//%2e%2e/private. /y":             "/x/private/y",
		"/a%2525252fprivate":                 "/a/private",
		"/public;/..;/private":               "/private",
		"/private%2e%3b/x":                   "/private/x",
		"/index%2Ephp/private/..%2f..%2fx":   "/private/",
		"/public/%25%32%65%25%32%65/private": "/private",
	} {
		if targets := TargetsOf(target("GET", "a", path)); !slices.Contains(targets.Paths, want) {
			t.Errorf("%s: no %s among %q", path, want, targets.Paths)
		}
	}
}

// The target itself is always the first, and often the only one.
func TestTargets(t *testing.T) {
	for _, path := range []string{"", "*", "/", "/a", "/a/b.html", "/.well-known/x", "/a..b", "/a.b/c", "/php/x", "//a//b", "/ü", "/a+b"} {
		r := target("GET", "example.com:8443", path)
		if HasReadings(r) {
			t.Errorf("%s is looked at", path)
		}
		if targets := TargetsOf(r); !slices.Equal(targets.Paths, []string{path}) || len(targets.Hosts) != 1 || len(targets.Methods) != 1 {
			t.Errorf("%s: %q", path, targets.Paths)
		}
	}
	for host, want := range map[string]string{
		"a.example.": "a.example", "a.example.:80": "a.example:80", "a.example..": "a.example", "[::1]": "", "[::1]:80": "", "a.example:80": "", "": "",
	} {
		r := target("GET", host, "/")
		hosts := []string{host}
		if want != "" {
			hosts = append(hosts, want)
		}
		if got := TargetsOf(r).Hosts; !slices.Equal(got, hosts) || HasReadings(r) != (want != "") {
			t.Errorf("host %s: %q, looked at: %v", host, got, HasReadings(r))
		}
	}
	for method, want := range map[string][]string{"GET": {"GET"}, "get": {"get", "GET"}, "pOST": {"pOST", "POST"}, "M-SEARCH": {"M-SEARCH"}} {
		r := target(method, "a", "/")
		if got := TargetsOf(r).Methods; !slices.Equal(got, want) || HasReadings(r) != (len(want) > 1) {
			t.Errorf("method %s: %q, looked at: %v", method, got, HasReadings(r))
		}
	}
}

// One request cannot make a guard try very much.
func TestReadingsAreBounded(t *testing.T) {
	for name, path := range map[string]string{
		"encoded many times":  "/" + strings.Repeat("%25", 200) + "41",
		"many scripts":        strings.Repeat("/a.php", 500) + "/x",
		"long":                "/" + strings.Repeat("a", 31<<10) + ";b./c",
		"many parameters":     strings.Repeat("/a;b", 5000),
		"many dots":           strings.Repeat("/a/.. /b. ", 4000),
		"everything at once":  strings.Repeat(`/%2525a.php\..;b. /`, 50),
		"escapes in scripts":  strings.Repeat("/a%252ephp", 300) + "/x",
		"scripts and folders": strings.Repeat("/a.php/..", 300),
	} {
		start := time.Now()
		targets := TargetsOf(target("GET", "a", path))
		bytes := 0
		for _, path := range targets.Paths {
			bytes += len(path)
		}
		if len(targets.Paths) > maxReadings || bytes > maxReadingBytes+len(path) {
			t.Errorf("%s: %d readings, %d bytes", name, len(targets.Paths), bytes)
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("%s: took %v", name, took)
		}
	}
	if !TargetsOf(target("GET", "a", strings.Repeat("/a.php", 500)+"/x")).TooMany {
		t.Error("500 scripts are not too many")
	}
	if TargetsOf(target("GET", "a", "/a;b/c.php/%5cd. /../e")).TooMany {
		t.Error("an ordinary path is too much")
	}
}

// Whether a path has readings is said quickly, and is never wrong where it says no.
func FuzzReadings(f *testing.F) {
	for _, path := range []string{"/a", "/index.php/private", `/private\x`, "/a;b/../c", "/%2570rivate", "/x. /", "", "*", ".", "/.php/x", "//../a"} {
		f.Add(path, "example.com.:80", "get")
	}
	f.Fuzz(func(t *testing.T, path, host, method string) {
		r := target(method, host, path)
		targets := TargetsOf(r)
		several := len(targets.Paths) > 1 || len(targets.Hosts) > 1 || len(targets.Methods) > 1 || targets.TooMany
		if several && !HasReadings(r) {
			t.Errorf("%q: %q are not looked at", path, targets.Paths)
		}
		if targets.Paths[0] != path || targets.Hosts[0] != host || targets.Methods[0] != method {
			t.Errorf("%q: the first target is %q", path, targets.Paths)
		}
		if targets.TooMany {
			return
		}
		for _, path := range targets.Paths {
			for _, reading := range readings {
				if other := reading.of(path); !slices.Contains(targets.Paths, other) {
					t.Errorf("%s: %q is read as %q, which is not among %q", reading.name, path, other, targets.Paths)
				}
			}
		}
	})
}
