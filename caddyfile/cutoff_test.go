package caddyfile

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// caddyfiles are the Caddyfiles that people may begin with: those of testdata,
// of the examples and of the documentation.
func caddyfiles(t testing.TB) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for _, g := range goldens(t) {
		if !g.isError {
			all[g.name] = g.caddyfile
		}
	}
	examples, err := filepath.Glob(filepath.Join("..", "examples", "*", "Caddyfile"))
	if err != nil || len(examples) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, path := range examples {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all["example_"+filepath.Base(filepath.Dir(path))] = string(text)
	}
	for i, block := range documented(t) {
		all[fmt.Sprintf("%s%d", documentedPrefix, i+1)] = block
	}
	return all
}

// documentedPrefix begins the names of the Caddyfiles of the documentation. They speak of
// files and variables that are not here, so they are adapted but not loaded.
const documentedPrefix = "documented_"

// documented are the blocks of the documentation that are marked as Caddyfiles.
func documented(t testing.TB) (blocks []string) {
	t.Helper()
	for _, path := range []string{"README.md", "../README.md", "../cmd/OPERATIONS.md", "../examples/README.md"} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i, rest := range strings.Split("\n"+string(text), "\n```caddyfile\n") {
			block, _, closed := strings.Cut(rest, "\n```")
			if i > 0 && closed {
				blocks = append(blocks, block+"\n")
			}
		}
	}
	return blocks
}

var hasPosition = regexp.MustCompile(`Caddyfile:\d+`)

// Each Caddyfile, cut off behind each of its tokens, as it stands and with its
// blocks closed, is an error that names file and line or a shorter config that
// can be loaded.
func TestCutOff(t *testing.T) {
	testEnvironment(t)
	storage := t.TempDir()
	known := make(map[string]bool) // configs that were loaded
	for name, source := range caddyfiles(t) {
		t.Run(name, func(t *testing.T) {
			tokens, err := caddyfile.Tokenize([]byte(source), "Caddyfile")
			if err != nil {
				t.Fatal(err)
			}
			whole, _ := render(tokens)
			if mustAdapt(t, whole) != mustAdapt(t, source) {
				t.Fatal("the Caddyfile is not cut as it was written")
			}
			loads := !strings.HasPrefix(name, documentedPrefix)
			for i := range tokens {
				open, closed := render(tokens[:i+1])
				for _, cut := range []string{open, closed} {
					checkCut(t, cut, loads, storage, known)
				}
			}
		})
	}
}

func mustAdapt(t *testing.T, source string) string {
	t.Helper()
	config, err := adapt(source)
	if err != nil {
		t.Fatalf("%v in:\n%s", err, source)
	}
	return config
}

func checkCut(t *testing.T, cut string, loads bool, storage string, known map[string]bool) {
	t.Helper()
	config, err := adapt(cut)
	switch {
	case err != nil && strings.Contains(err.Error(), "does not qualify for certificate"):
		// Caddy's own: the name of a snippet without its block is an address.
	case err != nil && !hasPosition.MatchString(err.Error()):
		t.Errorf("the error names no file and line: %v\n%s", err, cut)
	case err == nil && loads && !known[config]:
		known[config] = true
		if err := load(config, storage); err != nil {
			t.Errorf("adapted, but cannot be loaded: %v\n%s", err, cut)
		}
	}
}

// render writes tokens as a Caddyfile: as they are, and with the blocks closed
// that they leave open.
func render(tokens []caddyfile.Token) (open, closed string) {
	var text strings.Builder
	depth, line := 0, 1
	for i, token := range tokens {
		switch {
		case i == 0:
		case token.Line > line:
			text.WriteByte('\n')
		default:
			text.WriteByte(' ')
		}
		line = token.Line + token.NumLineBreaks()
		switch {
		case !token.Quoted():
			text.WriteString(token.Text)
		case strings.Contains(token.Text, "`"):
			text.WriteString(`"` + strings.ReplaceAll(token.Text, `"`, `\"`) + `"`)
		default:
			text.WriteString("`" + token.Text + "`")
		}
		if !token.Quoted() && token.Text == "{" {
			depth++
		} else if !token.Quoted() && token.Text == "}" {
			depth--
		}
	}
	text.WriteByte('\n')
	open = text.String()
	return open, open + strings.Repeat("}\n", max(depth, 0))
}
