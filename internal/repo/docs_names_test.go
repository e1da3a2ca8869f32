package repo_test

import (
	"go/ast"
	"go/token"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/adminapi"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/lint"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/oauth2"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/pages"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// strings of a package's Go files that a function accepts.
func literals(t *testing.T, folder string, accept func(text string) bool) (found []string) {
	t.Helper()
	for _, file := range packageFiles(t, folder) {
		ast.Inspect(file, func(n ast.Node) bool {
			if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				if text, err := strconv.Unquote(literal.Value); err == nil && accept(text) {
					found = append(found, text)
				}
			}
			return true
		})
	}
	return found
}

// sameNames fails where the documentation has other names than the code.
func sameNames(t *testing.T, what string, said, known []string) {
	t.Helper()
	slices.Sort(said)
	slices.Sort(known)
	said, known = slices.Compact(said), slices.Compact(known)
	if len(known) == 0 || !slices.Equal(said, known) {
		t.Errorf("%s:\ndocumented %q\nin the code %q", what, said, known)
	}
}

// docSyntax returns the lines of a syntax block without the words about them.
func docSyntax(text string) (lines []string) {
	for line := range strings.SplitSeq(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.Join(strings.Fields(line), " "); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// Every syntax block above a parser is documented word for word, and no line of syntax
// is documented that no parser has.
func TestDocSyntax(t *testing.T) {
	var blocks [][]string
	for _, b := range readDoc(t, docCaddyfile).blocks {
		if b.info == "text" {
			blocks = append(blocks, docSyntax(b.text))
		}
	}
	known := make(map[string]bool)
	for _, folder := range []string{"caddyfile", "jwtauth"} {
		for _, file := range packageFiles(t, folder) {
			for _, decl := range file.Decls {
				function, ok := decl.(*ast.FuncDecl)
				if !ok {
					continue
				}
				_, rest, found := strings.Cut(function.Doc.Text(), "Syntax:\n")
				if !found {
					continue
				}
				var syntax string
				for line := range strings.Lines(strings.TrimLeft(rest, "\n")) {
					if !strings.HasPrefix(line, "\t") {
						break
					}
					syntax += line
				}
				lines := docSyntax(syntax)
				if len(lines) == 0 {
					t.Fatalf("no syntax above %s", function.Name)
				}
				for _, line := range lines {
					known[line] = true
				}
				if !slices.ContainsFunc(blocks, func(block []string) bool {
					return strings.Contains("\n"+strings.Join(block, "\n")+"\n", "\n"+strings.Join(lines, "\n")+"\n")
				}) {
					t.Errorf("%s lacks the syntax above %s:\n%s", docCaddyfile, function.Name, syntax)
				}
			}
		}
	}
	for _, line := range slices.Concat(blocks...) {
		if !known[line] {
			t.Errorf("no parser has the documented line %q", line)
		}
	}
}

// Every word that a parser looks for is documented.
func TestDocOptions(t *testing.T) {
	text := readDoc(t, docCaddyfile).text
	found := 0
	for _, file := range packageFiles(t, "caddyfile") {
		ast.Inspect(file, func(n ast.Node) bool {
			clause, ok := n.(*ast.CaseClause)
			if !ok {
				return true
			}
			for _, value := range clause.List {
				literal, ok := value.(*ast.BasicLit)
				if !ok || literal.Kind != token.STRING {
					continue
				}
				found++
				if word, _ := strconv.Unquote(literal.Value); !regexp.MustCompile(`\b` + word + `\b`).MatchString(text) {
					t.Errorf("the option %s is not in %s", word, docCaddyfile)
				}
			}
			return true
		})
	}
	if found < 30 {
		t.Errorf("%d options: are they read in another way now?", found)
	}
}

// configTypesOfDocs are the types whose members are documented.
var configTypesOfDocs = []any{
	jwtauth.App{}, jwtauth.Realm{}, jwtauth.SigningKey{}, jwtauth.User{}, jwtauth.Client{}, jwtauth.PasswordHash{},
	jwtauth.Throttle{}, jwtauth.TokenServer{}, jwtauth.JWTAuth{}, jwtauth.RoleRule{}, jwtauth.ClaimRule{},
	jwtauth.CredentialSource{}, jwtauth.IdentityHeader{}, jwtauth.Provider{}, jwtauth.BoltStore{}, user.User{},
}

// Every member of the JSON config is documented.
func TestDocMembers(t *testing.T) {
	text := readDoc(t, docWire).text + readDoc(t, docCaddyfile).text
	for _, config := range configTypesOfDocs {
		kind := reflect.TypeOf(config)
		for i := range kind.NumField() {
			member, _, _ := strings.Cut(kind.Field(i).Tag.Get("json"), ",")
			if member != "" && !strings.Contains(text, `"`+member+`"`) && !strings.Contains(text, "`"+member+"`") {
				t.Errorf("%s.%s, %q, is not documented", kind, kind.Field(i).Name, member)
			}
		}
	}
}

// A default that the doc comment of an option names stands in the line of the option.
func TestDocDefaults(t *testing.T) {
	names := regexp.MustCompile("Default: (.+?)(?: \\([^)]*\\))?\\.(?: |$)|(`[^`]+`) \\(the default\\)")
	plain := func(text string) string { return strings.ReplaceAll(text, "`", "") }
	lines := strings.Split(plain(readDoc(t, docCaddyfile).text), "\n")
	found := 0
	for _, file := range packageFiles(t, "jwtauth") {
		ast.Inspect(file, func(n ast.Node) bool {
			field, ok := n.(*ast.Field)
			if !ok || field.Tag == nil {
				return true
			}
			option, _, _ := strings.Cut(reflect.StructTag(strings.Trim(field.Tag.Value, "`")).Get("json"), ",")
			switch option {
			case "grants", "scopes", "sources":
				option = strings.TrimSuffix(option, "s")
			case "path": // of the store, in a sentence
				return true
			}
			comment := strings.Join(strings.Fields(field.Doc.Text()), " ")
			for _, match := range names.FindAllStringSubmatch(comment, -1) {
				found++
				value := plain(match[1] + match[2])
				says := regexp.MustCompile(`\b` + option + `\b.*(default:? |\| )` + regexp.QuoteMeta(value) + `( |$|;|,)`)
				if !slices.ContainsFunc(lines, says.MatchString) {
					t.Errorf("%s does not say that the default of %s is %q", docCaddyfile, option, value)
				}
			}
			return true
		})
	}
	if found < 25 {
		t.Errorf("%d defaults: are they written in another way now?", found)
	}
	lifetimes := session.DefaultLifetimes()
	for option, want := range map[string]time.Duration{
		"access_token_lifetime": lifetimes.Access, "refresh_token_lifetime": lifetimes.Refresh,
		"refresh_token_idle": lifetimes.Idle, "refresh_token_grace": lifetimes.Grace,
	} {
		says := regexp.MustCompile(option + ` .*default (\w+)`).FindStringSubmatch(strings.Join(lines, "\n"))
		if says == nil {
			t.Fatalf("the default of %s is not documented", option)
		}
		if got, err := caddy.ParseDuration(says[1]); err != nil || got != want {
			t.Errorf("the documented default of %s is %s, and it is %s", option, says[1], want)
		}
	}
}

// Every command and every flag is documented, and no other.
func TestDocCommands(t *testing.T) {
	said := readDoc(t, docCommands).text
	root := &cobra.Command{Use: "jwtauth"}
	caddycmd.Commands()["jwtauth"].CobraFunc(root)
	flag := regexp.MustCompile(`--[a-z][a-z-]*`)
	known := flag.FindAllString(root.PersistentFlags().FlagUsages(), -1)
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		for _, below := range cmd.Commands() {
			walk(below)
		}
		if !cmd.HasSubCommands() {
			known = append(known, "caddy "+cmd.CommandPath())
			known = append(known, flag.FindAllString(cmd.LocalFlags().FlagUsages(), -1)...)
		}
	}
	walk(root)
	names := regexp.MustCompile(`caddy jwtauth (?:check|explain|[a-z]+ [a-z]+(?:-[a-z]+)*)|`+flag.String()).FindAllString(said, -1)
	sameNames(t, "commands and flags", names, known)
}

// Every finding of a config is documented, and no other.
func TestDocFindings(t *testing.T) {
	section := readDoc(t, docCaddyfile).section(t, "## What a guard does not see")
	var said []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\|").FindAllStringSubmatch(section, -1) {
		said = append(said, row[1])
	}
	sameNames(t, "findings", said, lint.Rules())
}

// Every path of the admin API is documented, and no other.
func TestDocAdminAPI(t *testing.T) {
	var said []string
	for _, b := range docBlocks(t, "http") {
		for line := range strings.Lines(b.text) {
			said = append(said, strings.Join(strings.Fields(line)[:2], " "))
		}
	}
	sameNames(t, "the admin API", said, literals(t, "jwtauth/adminapi", func(text string) bool {
		return strings.Contains(text, " "+adminapi.Path)
	}))
}

// Every page is documented, and no other; so is every file of the theme that a folder
// may replace.
func TestDocPages(t *testing.T) {
	section := readDoc(t, docWire).section(t, "## Pages")
	said := []string{"/login/style.css"} // by its name, below
	for _, row := range regexp.MustCompile("(?m)^\\| `GET (/[^`]+)`|^\\| `POST (/account[^`]+)`").FindAllStringSubmatch(section, -1) {
		said = append(said, row[1]+row[2])
	}
	sameNames(t, "pages", said, append(pages.Paths(), pages.PathChangePassword))
	files, err := filepath.Glob("jwtauth/pages/theme/*.*")
	if err != nil || len(files) == 0 {
		t.Fatalf("no theme: %v", err)
	}
	for _, file := range files {
		if !strings.Contains(section, "`"+filepath.Base(file)+"`") {
			t.Errorf("%s is not documented", file)
		}
	}
}

// Every endpoint is documented, and no other.
func TestDocEndpoints(t *testing.T) {
	var said []string
	rows := regexp.MustCompile("(?m)^\\| `[A-Z]+ (/[^`]+)` \\|")
	for _, row := range rows.FindAllStringSubmatch(readDoc(t, docWire).section(t, "## Endpoints"), -1) {
		said = append(said, row[1])
	}
	sameNames(t, "endpoints", said, oauth2.Paths())
}

// Every placeholder is documented, and no other.
func TestDocPlaceholders(t *testing.T) {
	placeholder := regexp.MustCompile(`\{http\.auth\.[^}]+\}`)
	known := placeholder.FindAllString(read(t, "jwtauth/placeholders.go"), -1)
	rows := regexp.MustCompile("(?m)^\\| `(" + placeholder.String() + ")` \\|")
	var said []string
	for _, row := range rows.FindAllStringSubmatch(readDoc(t, docCaddyfile).section(t, "## Placeholders"), -1) {
		said = append(said, row[1])
	}
	sameNames(t, "placeholders", said, slices.Clone(known))
	for _, name := range docFiles {
		for _, used := range placeholder.FindAllString(read(t, name), -1) {
			if !slices.Contains(known, used) {
				t.Errorf("%s: there is no %s", name, used)
			}
		}
	}
}

// Every Caddy module is documented, and no other.
func TestDocModules(t *testing.T) {
	list, _, _ := strings.Cut(strings.TrimSpace(readDoc(t, docWire).section(t, "## JSON")), "\n\n")
	var registered []string
	for _, id := range caddy.Modules() {
		if id == "http.handlers.jwt_auth_strip" {
			continue // only says that it is gone
		}
		if strings.Contains(id, "jwt") || strings.Contains(id, "token_server") {
			registered = append(registered, "`"+id+"`")
		}
	}
	sameNames(t, "modules", regexp.MustCompile("`[^`]+`").FindAllString(list, -1), registered)
}

// Each direct dependency is argued, and no other module is.
func TestDocDependencies(t *testing.T) {
	var direct, said []string
	required := regexp.MustCompile(`(?m)^(?:require )?\t?([a-z0-9.-]+\.[a-z]+/\S+) v\S+$`) // no // indirect
	for _, match := range required.FindAllStringSubmatch(read(t, "go.mod"), -1) {
		direct = append(direct, match[1])
	}
	section := readDoc(t, docContribute).section(t, "## Dependencies")
	for _, match := range regexp.MustCompile("(?m)^- `([^`]+)`: ...").FindAllStringSubmatch(section, -1) {
		said = append(said, match[1])
	}
	sameNames(t, "dependencies", said, direct)
}

// Every make target is listed by make help, and those that the documentation names exist.
func TestDocMakeTargets(t *testing.T) {
	makefile := read(t, "Makefile")
	var targets []string
	for _, match := range regexp.MustCompile(`(?m)^([a-z0-9-]+):(.*)$`).FindAllStringSubmatch(makefile, -1) {
		if !strings.Contains(match[2], "## ") && !strings.HasPrefix(strings.TrimSpace(match[2]), "export") {
			t.Errorf("make help does not list %s", match[1])
		}
		targets = append(targets, match[1])
	}
	for _, name := range docFiles {
		for _, match := range regexp.MustCompile("(?m)`make ([a-z-]+)|^make ([a-z-]+)").FindAllStringSubmatch(read(t, name), -1) {
			if target := match[1] + match[2]; !slices.Contains(targets, target) {
				t.Errorf("%s: there is no target %s", name, target)
			}
		}
	}
}
