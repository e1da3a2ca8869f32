package oauth2

import (
	"fmt"
	"strings"
)

// CheckBasePath accepts "" and a clean path such as /auth.
func CheckBasePath(path string) error {
	if path == "" {
		return nil
	}
	bad := path[0] != '/' || strings.HasSuffix(path, "/") || strings.Contains(path, "//")
	for segment := range strings.SplitSeq(path, "/") {
		bad = bad || segment == "." || segment == ".."
	}
	for _, c := range path {
		bad = bad || c <= ' ' || c >= 0x7f || strings.ContainsRune(`%?#*{}\"`, c)
	}
	if bad {
		return fmt.Errorf("base_path %q: it takes a path such as /auth, without a slash at its end, wildcards or placeholders", path)
	}
	return nil
}
