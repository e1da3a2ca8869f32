package jwtauth

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"unicode"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// A guard whose matcher matches nothing, or less than it says, guards nothing without a
// word. Caddy takes such matchers: this file refuses them.

// checkSets refuses matcher sets of a guard with a matcher that matches no request, or
// fewer than a person would think.
func checkSets(sets caddyhttp.RawMatcherSets) error {
	for _, set := range sets {
		for name, raw := range set {
			if isEmptyMatcher(name, raw) {
				return fmt.Errorf("the matcher %s is empty and matches no request, so the guard would guard nothing: write what it is to match, or leave the matcher out to guard everything", name)
			}
		}
		for _, path := range pathsOf(set) {
			if err := checkPath(path); err != nil {
				return fmt.Errorf("path %s: %w", quoted(path), err)
			}
		}
	}
	return nil
}

// checkExpanded is checkSets once more, for paths with placeholders that have a value by
// now, such as {env.PREFIX}.
func checkExpanded(sets caddyhttp.RawMatcherSets) error {
	repl := caddy.NewReplacer()
	for _, set := range sets {
		for _, path := range pathsOf(set) {
			// The value may be a secret, so nothing of it is told.
			if checkPath(repl.ReplaceKnown(path, "")) != nil {
				return fmt.Errorf("path %s: with the value that its placeholder has now it matches no request, or fewer than it seems to: the value is empty, or has a slash, star, space or another character too many", quoted(path))
			}
		}
	}
	return nil
}

// pathsOf are the patterns of the path matcher of a set.
func pathsOf(set caddy.ModuleMap) (paths []string) {
	_ = json.Unmarshal(set["path"], &paths) // Caddy says what is wrong with it
	return paths
}

// writtenAs is a directive with the paths of its matcher, as a person would write it.
func writtenAs(directive string, sets caddyhttp.RawMatcherSets) string {
	for _, set := range sets {
		paths := pathsOf(set)
		if len(paths) == 0 && len(set) > 0 || len(sets) > 1 {
			return directive + " (with a matcher)"
		}
		directive += " " + strings.Join(paths, " ")
	}
	return strings.TrimSpace(directive)
}

// isEmptyMatcher reports a matcher that nothing can fulfil since it lists nothing.
func isEmptyMatcher(name string, raw json.RawMessage) bool {
	switch name {
	case "path", "host", "method":
		var list []string
		return json.Unmarshal(raw, &list) == nil && len(list) == 0
	case "remote_ip", "client_ip":
		var addresses struct {
			Ranges []string `json:"ranges"`
		}
		return json.Unmarshal(raw, &addresses) == nil && len(addresses.Ranges) == 0
	case "not":
		var sets []caddy.ModuleMap
		if json.Unmarshal(raw, &sets) != nil {
			return false
		}
		for _, set := range sets {
			if len(set) == 0 { // matches everything
				return true
			}
		}
	}
	return false
}

// quoted shows a path so that what cannot be seen in it is seen.
func quoted(path string) string {
	if path == "" || strings.ContainsFunc(path, isUnseen) {
		return fmt.Sprintf("%q", path)
	}
	return path
}

func isUnseen(c rune) bool { return unicode.IsSpace(c) || !unicode.IsPrint(c) }

var (
	// alternatives are braces as a shell has them.
	alternatives = regexp.MustCompile(`\{[^{}]*,[^{}]*\}`)
	// noArgument is the argument of an import that has too few.
	noArgument = regexp.MustCompile(`\{args[[.][^{}]*\}`)
)

// checkPath refuses a pattern of Caddy's path matcher that no request matches, or that
// does not match what it seems to.
func checkPath(path string) error {
	if missing := noArgument.FindString(path); missing != "" {
		return fmt.Errorf("%s stands for nothing, since the import has fewer arguments", missing)
	}
	switch {
	case path == "":
		return errors.New("an empty path matches no request; a variable without a value may have stood there")
	case len(strings.Fields(path)) > 1 && !strings.HasPrefix(strings.Fields(path)[1], "/"):
		return fmt.Errorf("a path and a role are two words, so do not put both into one pair of quotes: write %s; and in a path write %%20 for a space", strings.Join(strings.Fields(path), " "))
	case strings.ContainsFunc(path, isUnseen):
		return errors.New("it has a space or another character that cannot be seen: write several paths as words of their own, without quotes around them all, and %20 for a space in one")
	case !strings.ContainsAny(path[:1], "/*{"):
		return errors.New("every path of a request begins with a slash: write it here, too")
	case strings.ContainsAny(path, "?#"):
		return errors.New("a path has no query and no fragment: `?` and `#` end it; write the path alone")
	case alternatives.MatchString(path):
		return errors.New("braces name no alternatives: write several paths")
	case strings.ContainsAny(path, "[]"):
		return errors.New("brackets stand for one character of one folder only: write several paths, or use path_regexp in a named matcher")
	}
	if err := checkEscapes(path); err != nil {
		return err
	}
	if strings.Contains(path, "//") {
		return errors.New("with `//` it matches only requests that have two slashes there: write one")
	}
	for _, segment := range []string{"/./", "/../"} {
		if strings.Contains(path, segment) || strings.HasSuffix(path, strings.TrimSuffix(segment, "/")) {
			return fmt.Errorf("the path of a request has lost `%s` before Caddy compares it, so that no request would match: write it without that", segment)
		}
	}
	return checkStars(path)
}

// checkEscapes refuses %XX that no request has, or only one that is written oddly.
func checkEscapes(path string) error {
	for rest := path; ; {
		_, after, found := strings.Cut(rest, "%")
		if !found {
			return nil
		}
		rest = after
		if strings.HasPrefix(after, "*") { // Caddy's star for one escaped segment
			continue
		}
		if len(after) < 2 {
			return errors.New("`%` stands before two hexadecimal digits: write %25 for the character itself")
		}
		char, err := url.PathUnescape("%" + after[:2])
		if err != nil {
			return errors.New("`%` stands before two hexadecimal digits: write %25 for the character itself")
		}
		if c := char[0]; c == '-' || c == '.' || c == '_' || c == '~' || '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' {
			return fmt.Errorf("%%%s is %s, and guards only requests that write it so oddly: write %s", after[:2], char, char)
		}
	}
}

// checkStars refuses a star in the middle: it stands for one folder or a part of it, and
// such a path guards one level alone.
func checkStars(path string) error {
	inner := strings.TrimSuffix(strings.TrimPrefix(path, "*"), "*")
	if !strings.Contains(inner, "*") {
		return nil
	}
	if prefix := strings.TrimRight(path, "*"); !strings.Contains(prefix, "*") {
		return fmt.Errorf("two stars stand for one folder, not for all below it: write %s*", prefix)
	}
	pattern, isBelow := strings.CutSuffix(strings.Trim(path, "*"), "/")
	parts := strings.FieldsFunc(pattern, func(c rune) bool { return c == '*' })
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	end := "$"
	if isBelow {
		end = "(/|$)"
	}
	begin := "^"
	if strings.HasPrefix(path, "*") {
		begin = ""
	}
	return fmt.Errorf("a star in the middle stands for one folder, so that deeper paths would be open: write a named matcher such as `path_regexp %s%s%s`", begin, strings.Join(parts, ".*"), end)
}
