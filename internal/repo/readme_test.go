package repo_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/token"
	"io"
	"net"
	"net/http"
	"os"
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
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/caddy-jwtauth/caddy-jwtauth"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/adminapi"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/oauth2"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/pages"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/session"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// readme is the README, in pieces.
type readme struct {
	text   string
	blocks []readmeBlock
}

// readmeBlock is what stands between two fences.
type readmeBlock struct {
	line       int // of the first fence
	info, text string
	// before is the block that ends right above this one, with nothing but an
	// empty line between them: the same in another language.
	before *readmeBlock
}

func (b *readmeBlock) String() string { return fmt.Sprintf("README.md:%d (%s)", b.line, b.info) }

func readReadme(t *testing.T) readme {
	t.Helper()
	r := readme{text: readmeSource(t, "README.md")}
	var open *readmeBlock
	var last *readmeBlock
	for i, line := range strings.Split(r.text, "\n") {
		info, fence := strings.CutPrefix(line, "```")
		switch {
		case fence && open == nil:
			open = &readmeBlock{line: i + 1, info: info, before: last}
		case fence:
			r.blocks = append(r.blocks, *open)
			last, open = open, nil
		case open != nil:
			open.text += line + "\n"
		case line != "":
			last = nil
		}
	}
	if open != nil {
		t.Fatalf("%s is not closed", open)
	}
	return r
}

func (r readme) of(info string) []readmeBlock {
	return slices.DeleteFunc(slices.Clone(r.blocks), func(b readmeBlock) bool { return b.info != info })
}

// section is what stands below a heading.
func (r readme) section(t *testing.T, heading string) string {
	t.Helper()
	_, rest, found := strings.Cut(r.text, "\n"+heading+"\n")
	if !found {
		t.Fatalf("the README has no %q", heading)
	}
	level, _, _ := strings.Cut(heading, " ")
	if end := regexp.MustCompile(`(?m)^#{2,` + strconv.Itoa(len(level)) + `} `).FindStringIndex(rest); end != nil {
		rest = rest[:end[0]]
	}
	return rest
}

func readmeSource(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func readmeAdapt(source string) ([]byte, error) {
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(source), map[string]any{"filename": "Caddyfile"})
	return config, err
}

// readmeMachine makes what the examples of the README expect to find: variables,
// and a users file in a folder that stands in for those of a server.
func readmeMachine(t *testing.T, r readme) (rewrite *strings.Replacer) {
	t.Helper()
	folder := t.TempDir()
	t.Setenv("XDG_DATA_HOME", filepath.Join(folder, "data"))
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(folder, "config"))
	for _, found := range regexp.MustCompile(`\{env\.(\w+)\}`).FindAllStringSubmatch(r.text, -1) {
		value := "$2a$10$a0NH7J4ZruhVFz.JFdv39.2ya8sf74YlCeLgGD04.sfm.uGeDN3eW"
		if !strings.HasSuffix(found[1], "HASH") {
			value = strings.Repeat("0123456789abcdef", 4)
		}
		t.Setenv(found[1], value)
	}
	if err := os.WriteFile(filepath.Join(folder, "users.json"), []byte(`{"users": []}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(folder, "theme"), 0o700); err != nil {
		t.Fatal(err)
	}
	logo := `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"/>`
	if err := os.WriteFile(filepath.Join(folder, "logo.svg"), []byte(logo), 0o600); err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer("/etc/caddy/", folder+"/", "/var/lib/caddy/", folder+"/")
}

// readmeConfig reads a config that shares nothing with the machine's own Caddy.
func readmeConfig(t *testing.T, config []byte) *caddy.Config {
	t.Helper()
	var cfg caddy.Config
	if err := caddy.StrictUnmarshalJSON(config, &cfg); err != nil {
		t.Fatal(err)
	}
	cfg.Admin = &caddy.AdminConfig{Disabled: true, Config: &caddy.ConfigSettings{Persist: new(bool)}}
	cfg.StorageRaw = caddyconfig.JSONModuleObject(map[string]string{"root": t.TempDir()}, "module", "file_system", nil)
	cfg.Logging = &caddy.Logging{Logs: map[string]*caddy.CustomLog{
		caddy.DefaultLoggerName: {BaseLog: caddy.BaseLog{WriterRaw: json.RawMessage(`{"output": "discard"}`)}},
	}}
	return &cfg
}

// Every Caddyfile of the README is one that Caddy takes, or refuses where it says so.
func TestReadmeCaddyfiles(t *testing.T) {
	r := readReadme(t)
	rewrite := readmeMachine(t, r)
	for _, b := range r.blocks {
		if kind, _, _ := strings.Cut(b.info, " "); kind != "caddyfile" {
			continue
		}
		config, err := readmeAdapt(rewrite.Replace(b.text))
		switch b.info {
		case "caddyfile error":
			if err == nil || !strings.Contains(err.Error(), "Caddyfile:") {
				t.Errorf("%s: error %v, want one with file and line", &b, err)
			}
		case "caddyfile":
			if err == nil {
				err = caddy.Validate(readmeConfig(t, config))
			}
			if err != nil {
				t.Errorf("%s: %v\n%s", &b, err, b.text)
			}
			// Comments may stand in a column.
			aligned := regexp.MustCompile(` +#`).ReplaceAllString(b.text, " #")
			if formatted := string(caddyfile.Format([]byte(b.text))); formatted != aligned {
				t.Errorf("%s is not as `caddy fmt` writes it:\n%s", &b, formatted)
			}
		default:
			t.Errorf("%s: what kind of block is that?", &b)
		}
	}
}

// The JSON right below a Caddyfile says the same, a config as a whole and anything
// else as a part of what the Caddyfile is adapted to; other JSON is loaded by itself.
func TestReadmeJSON(t *testing.T) {
	r := readReadme(t)
	rewrite := readmeMachine(t, r)
	for _, b := range r.of("json") {
		var value any
		if err := json.Unmarshal([]byte(b.text), &value); err != nil {
			t.Errorf("%s: %v", &b, err)
			continue
		}
		object, _ := value.(map[string]any)
		pair := b.before
		for pair != nil && pair.info == "json" {
			pair = pair.before
		}
		switch {
		case pair != nil && pair.info == "caddyfile":
			config, err := readmeAdapt(pair.text)
			if err != nil {
				t.Errorf("%s: %v", pair, err)
				continue
			}
			var adapted any
			if err := json.Unmarshal(config, &adapted); err != nil {
				t.Fatal(err)
			}
			if object["apps"] != nil {
				if got, want := readmeApp(t, []byte(b.text)), readmeApp(t, config); !reflect.DeepEqual(got, want) {
					t.Errorf("%s is not what %s is adapted to:\n%v\n%v", &b, pair, got, want)
				}
			} else if !readmeContains(adapted, value) {
				t.Errorf("%s is not part of what %s is adapted to:\n%s", &b, pair, config)
			}
		case object["users"] != nil:
			path := filepath.Join(t.TempDir(), "users.json")
			if err := os.WriteFile(path, []byte(b.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if users, err := user.ReadFile(path); err != nil || len(users) == 0 {
				t.Errorf("%s: users %v, error %v", &b, users, err)
			}
		case object["handler"] != nil:
			config := fmt.Sprintf(`{"apps": {"http": {"servers": {"site": {"routes": [{"handle": [%s]}]}}}}}`, rewrite.Replace(b.text))
			if err := caddy.Validate(readmeConfig(t, []byte(config))); err != nil {
				t.Errorf("%s: %v", &b, err)
			}
		default:
			t.Errorf("%s: what is it?", &b)
		}
	}
}

// readmeApp is the app of a config, however its durations are written.
func readmeApp(t *testing.T, config []byte) (canonical any) {
	t.Helper()
	var cfg struct {
		Apps map[string]json.RawMessage `json:"apps"`
	}
	if err := caddy.StrictUnmarshalJSON(config, &cfg); err != nil {
		t.Fatal(err)
	}
	if len(cfg.Apps) != 1 {
		t.Fatalf("a config of %d apps: compare those, too", len(cfg.Apps))
	}
	var app jwtauth.App
	if err := caddy.StrictUnmarshalJSON(cfg.Apps[jwtauth.AppName], &app); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(app)
	if err == nil {
		err = json.Unmarshal(text, &canonical)
	}
	if err != nil {
		t.Fatal(err)
	}
	return canonical
}

func readmeContains(whole, part any) bool {
	if reflect.DeepEqual(whole, part) {
		return true
	}
	switch whole := whole.(type) {
	case map[string]any:
		for _, value := range whole {
			if readmeContains(value, part) {
				return true
			}
		}
	case []any:
		for _, value := range whole {
			if readmeContains(value, part) {
				return true
			}
		}
	}
	return false
}

var readmeSpaces = regexp.MustCompile(`[ \t]+`)

// readmeSyntax returns the lines of a syntax block without the words about them.
func readmeSyntax(text string) (lines []string) {
	for line := range strings.SplitSeq(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(readmeSpaces.ReplaceAllString(line, " ")); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// Every syntax block above a parser stands in the README, word for word, and the
// README has no line of syntax that no parser has.
func TestReadmeSyntax(t *testing.T) {
	var blocks [][]string // of the README
	for _, b := range readReadme(t).of("text") {
		blocks = append(blocks, readmeSyntax(b.text))
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
				lines := readmeSyntax(syntax)
				if len(lines) == 0 {
					t.Fatalf("no syntax above %s", function.Name)
				}
				for _, line := range lines {
					known[line] = true
				}
				if !slices.ContainsFunc(blocks, func(block []string) bool {
					return strings.Contains("\n"+strings.Join(block, "\n")+"\n", "\n"+strings.Join(lines, "\n")+"\n")
				}) {
					t.Errorf("the README lacks the syntax above %s:\n%s", function.Name, syntax)
				}
			}
		}
	}
	for _, block := range blocks {
		for _, line := range block {
			if !known[line] {
				t.Errorf("no parser has the README's line %q", line)
			}
		}
	}
}

// Every word that a parser looks for is one of the README's syntax.
func TestReadmeOptions(t *testing.T) {
	words := make(map[string]bool)
	for _, b := range readReadme(t).of("text") {
		for _, word := range regexp.MustCompile(`\w+`).FindAllString(b.text, -1) {
			words[word] = true
		}
	}
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
				if word, _ := strconv.Unquote(literal.Value); !words[word] {
					t.Errorf("the option %s of %s is not in the README", word, file.Name)
				}
			}
			return true
		})
	}
	if found < 30 {
		t.Errorf("%d options: are they read in another way now?", found)
	}
}

// Every member of the JSON config is in the README.
func TestReadmeMembers(t *testing.T) {
	r := readReadme(t)
	var shown strings.Builder
	for _, b := range r.of("json") {
		shown.WriteString(b.text)
	}
	for _, config := range []any{
		jwtauth.App{}, jwtauth.Realm{}, jwtauth.SigningKey{}, jwtauth.User{}, jwtauth.Client{}, jwtauth.PasswordHash{},
		jwtauth.Throttle{}, jwtauth.TokenServer{}, jwtauth.JWTAuth{}, jwtauth.RoleRule{}, jwtauth.ClaimRule{},
		jwtauth.CredentialSource{}, jwtauth.IdentityHeader{}, jwtauth.Strip{}, jwtauth.Provider{}, jwtauth.BoltStore{}, user.User{},
	} {
		kind := reflect.TypeOf(config)
		for i := range kind.NumField() {
			member, _, _ := strings.Cut(kind.Field(i).Tag.Get("json"), ",")
			if member != "" && !strings.Contains(shown.String(), `"`+member+`"`) && !strings.Contains(r.text, "`"+member+"`") {
				t.Errorf("the README does not show %s.%s, %q", kind, kind.Field(i).Name, member)
			}
		}
	}
}

// Every default that the documentation of the JSON config names is in the README,
// in the line of its option.
func TestReadmeDefaults(t *testing.T) {
	names := regexp.MustCompile("Default: (.+?)(?: \\([^)]*\\))?\\.(?: |$)|(`[^`]+`) \\(the default\\)")
	plain := func(text string) string { return strings.ReplaceAll(text, "`", "") }
	lines := strings.Split(plain(readReadme(t).text), "\n")
	found := 0
	for _, file := range packageFiles(t, "jwtauth") {
		ast.Inspect(file, func(n ast.Node) bool {
			field, ok := n.(*ast.Field)
			if !ok || field.Tag == nil {
				return true
			}
			member, _, _ := strings.Cut(reflect.StructTag(strings.Trim(field.Tag.Value, "`")).Get("json"), ",")
			option := member
			switch member {
			case "grants", "scopes", "sources":
				option = strings.TrimSuffix(member, "s")
			case "path": // of the store, which is told of in a sentence
				return true
			}
			doc := strings.Join(strings.Fields(field.Doc.Text()), " ")
			for _, match := range names.FindAllStringSubmatch(doc, -1) {
				found++
				value := plain(match[1] + match[2])
				says := regexp.MustCompile(`\b` + option + `\b.*(default:? |\| )` + regexp.QuoteMeta(value) + `( |$|;|,)`)
				if !slices.ContainsFunc(lines, says.MatchString) {
					t.Errorf("the README does not say that the default of %s is %q", option, value)
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
			t.Fatalf("the README does not say the default of %s", option)
		}
		if got, err := caddy.ParseDuration(says[1]); err != nil || got != want {
			t.Errorf("the README says that the default of %s is %s, and it is %s", option, says[1], want)
		}
	}
}

// Every command and every flag is in the README, and no other.
func TestReadmeCommands(t *testing.T) {
	said := readReadme(t).section(t, "### Commands")
	root := &cobra.Command{Use: "jwtauth"}
	caddycmd.Commands()["jwtauth"].CobraFunc(root)
	flag := regexp.MustCompile(`--[a-z][a-z-]*`)
	known := flag.FindAllString(root.PersistentFlags().FlagUsages(), -1)
	commands := 0
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		for _, below := range cmd.Commands() {
			walk(below)
		}
		if cmd.HasSubCommands() {
			return
		}
		commands++
		path := "caddy " + cmd.CommandPath()
		known = append(known, path)
		known = append(known, flag.FindAllString(cmd.LocalFlags().FlagUsages(), -1)...)
		if !strings.Contains(said, "\n| `"+path) {
			t.Errorf("the README does not tell of `%s`", path)
		}
	}
	walk(root)
	for _, name := range known {
		if !strings.Contains(said, "`"+name) {
			t.Errorf("the README does not tell of %s", name)
		}
	}
	for _, name := range regexp.MustCompile(`caddy jwtauth [a-z]+ [a-z]+(?:-[a-z]+)*|`+flag.String()).FindAllString(said, -1) {
		if !slices.Contains(known, name) {
			t.Errorf("there is no %s", name)
		}
	}
	if commands == 0 {
		t.Error("there are no commands")
	}
}

// Every path of the admin API is in the README, and no other.
func TestReadmeAdminAPI(t *testing.T) {
	var said []string
	for _, b := range readReadme(t).of("http") {
		for line := range strings.Lines(b.text) {
			said = append(said, strings.Join(strings.Fields(line)[:2], " "))
		}
	}
	var routed []string
	for _, file := range packageFiles(t, "jwtauth/adminapi") {
		ast.Inspect(file, func(n ast.Node) bool {
			if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				if text, _ := strconv.Unquote(literal.Value); strings.Contains(text, " "+adminapi.Path+"{") {
					routed = append(routed, text)
				}
			}
			return true
		})
	}
	slices.Sort(said)
	slices.Sort(routed)
	if len(routed) == 0 || !slices.Equal(said, routed) {
		t.Errorf("README: %q\nroutes: %q", said, routed)
	}
}

// Every page is in the README, and no other, and so is every file of the theme
// that a folder may replace.
func TestReadmePages(t *testing.T) {
	r := readReadme(t)
	said := []string{"/login/style.css"} // said by its name, below
	for _, row := range regexp.MustCompile("(?m)^\\| `GET (/[^`]+)`|^\\| `POST (/account[^`]+)`").FindAllStringSubmatch(r.section(t, "### Pages"), -1) {
		said = append(said, row[1]+row[2])
	}
	served := append(pages.Paths(), pages.PathChangePassword)
	slices.Sort(said)
	slices.Sort(served)
	if !slices.Equal(said, served) {
		t.Errorf("README: %q\nserved: %q", said, served)
	}
	files, err := filepath.Glob(filepath.Join("jwtauth", "pages", "theme", "*.*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no theme: %v", err)
	}
	for _, file := range files {
		if !strings.Contains(r.section(t, "## Protect a static site"), "`"+filepath.Base(file)+"`") {
			t.Errorf("the README does not name %s", file)
		}
	}
}

// The README names the languages there are.
func TestReadmeLanguages(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("jwtauth", "pages", "theme", "lang", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(readReadme(t).section(t, "## Protect a static site"), "They speak ")
	list, _, _ = strings.Cut(list, ", as the browser asks")
	if said := strings.Count(list, ",") + 1 + strings.Count(list, " and ") + strings.Count(list, "\nand "); said != len(files) {
		t.Errorf("the README names %d languages, and there are %d: %s", said, len(files), list)
	}
}

// Every endpoint is in the README, and no other.
func TestReadmeEndpoints(t *testing.T) {
	section := readReadme(t).section(t, "### Endpoints")
	var said []string
	for _, row := range regexp.MustCompile("(?m)^\\| `[A-Z]+ (/[^`]+)` \\|").FindAllStringSubmatch(section, -1) {
		said = append(said, row[1])
		if !new(oauth2.Server).Match(row[1]) {
			t.Errorf("there is no %s", row[1])
		}
	}
	for _, file := range packageFiles(t, filepath.Join("jwtauth", "oauth2")) {
		ast.Inspect(file, func(n ast.Node) bool {
			literal, ok := n.(*ast.BasicLit)
			if !ok || literal.Kind != token.STRING {
				return true
			}
			path, _ := strconv.Unquote(literal.Value)
			if strings.HasPrefix(path, "/") && new(oauth2.Server).Match(path) && !slices.Contains(said, path) {
				t.Errorf("the README does not tell of %s", path)
			}
			return true
		})
	}
}

// Every placeholder is in the README, and no other.
func TestReadmePlaceholders(t *testing.T) {
	placeholder := regexp.MustCompile(`\{http\.auth\.[^}]+\}`)
	known := placeholder.FindAllString(readmeSource(t, filepath.Join("jwtauth", "placeholders.go")), -1)
	r := readReadme(t)
	table := r.section(t, "### Placeholders")
	for _, name := range known {
		if !strings.Contains(table, "| `"+name+"` |") {
			t.Errorf("the README does not tell of %s", name)
		}
	}
	for _, name := range placeholder.FindAllString(r.text, -1) {
		if !slices.Contains(known, name) {
			t.Errorf("there is no %s", name)
		}
	}
	if len(known) < 8 {
		t.Errorf("placeholders: %q", known)
	}
}

func TestReadmeModules(t *testing.T) {
	section := readReadme(t).section(t, "### Modules")
	var registered []string
	for _, id := range caddy.Modules() {
		if strings.Contains(id, "jwt") || strings.Contains(id, "token_server") {
			registered = append(registered, "`"+id+"`")
		}
	}
	said := regexp.MustCompile("`[^`]+`").FindAllString(section, -1)
	slices.Sort(said)
	slices.Sort(registered)
	if !slices.Equal(said, registered) {
		t.Errorf("README: %q\nregistered: %q", said, registered)
	}
}

// Each direct dependency has a line that says why, and no other module has one.
func TestReadmeDependencies(t *testing.T) {
	var direct []string
	required := regexp.MustCompile(`(?m)^(?:require )?\t?([a-z0-9.-]+\.[a-z]+/\S+) v\S+$`) // no // indirect
	for _, match := range required.FindAllStringSubmatch(readmeSource(t, "go.mod"), -1) {
		direct = append(direct, match[1])
	}
	var said []string
	section := readReadme(t).section(t, "## Dependencies")
	for _, match := range regexp.MustCompile("(?m)^- `([^`]+)`: ...").FindAllStringSubmatch(section, -1) {
		said = append(said, match[1])
	}
	slices.Sort(direct)
	slices.Sort(said)
	if len(direct) == 0 || !slices.Equal(said, direct) {
		t.Errorf("README: %q\ngo.mod: %q", said, direct)
	}
}

// The two commands are there, each as one line to copy, and what they name is too.
func TestReadmeTwoCommands(t *testing.T) {
	r := readReadme(t)
	for command, needs := range map[string]struct{ path, text string }{
		"go run ./cmd/caddy run --config examples/quickstart/Caddyfile": {filepath.Join("cmd", "caddy", "main.go"), "package main"},
		"make test": {"Makefile", "\ntest:"},
		"xcaddy build --with github.com/caddy-jwtauth/caddy-jwtauth": {"go.mod", "module github.com/caddy-jwtauth/caddy-jwtauth\n"},
	} {
		if !slices.ContainsFunc(r.of("sh"), func(b readmeBlock) bool { return b.text == command+"\n" }) {
			t.Errorf("the README has no block `%s`", command)
		}
		if !strings.Contains(readmeSource(t, needs.path), needs.text) {
			t.Errorf("%s has no %q", needs.path, needs.text)
		}
	}
	for _, link := range regexp.MustCompile(`\]\(([^)#]+)\)`).FindAllStringSubmatch(r.text, -1) {
		if _, err := os.Stat(link[1]); err != nil {
			t.Errorf("a link leads nowhere: %v", err)
		}
	}
}

// The README's curl lines, one after the other, against the quickstart. Only the
// port is another.
func TestReadmeCurl(t *testing.T) {
	r := readReadme(t)
	readmeMachine(t, r)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := fmt.Sprint(listener.Addr().(*net.TCPAddr).Port)
	_ = listener.Close()
	config, err := readmeAdapt(strings.ReplaceAll(readmeSource(t, filepath.Join("examples", "quickstart", "Caddyfile")), ":8000", ":"+port))
	if err != nil {
		t.Fatal(err)
	}
	if err := caddy.Run(readmeConfig(t, config)); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := caddy.Stop(); err != nil {
			t.Error(err)
		}
	}()
	var tokens struct {
		Access  string `json:"access_token"`
		Refresh string `json:"refresh_token"`
	}
	lines := 0
	for line := range strings.Lines(r.section(t, "## Try it")) {
		if !strings.HasPrefix(line, "curl ") {
			continue
		}
		lines++
		request := readmeCurl(t, strings.NewReplacer(
			":8000", ":"+port, "<access_token>", tokens.Access, "<refresh_token>", tokens.Refresh,
		).Replace(strings.TrimSpace(line)))
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s %s %v", line, response.Status, body, err)
		}
		if bytes.Contains(body, []byte("access_token")) {
			if err := json.Unmarshal(body, &tokens); err != nil {
				t.Fatal(err)
			}
		}
	}
	if lines < 5 {
		t.Errorf("%d lines of curl", lines)
	}
}

// readmeCurl is the request that a curl line sends.
func readmeCurl(t *testing.T, line string) *http.Request {
	t.Helper()
	method, address, body := http.MethodGet, "", ""
	header := make(http.Header)
	words := regexp.MustCompile(`"[^"]*"|\S+`).FindAllString(line, -1)[1:]
	for i := 0; i < len(words); i++ {
		value := strings.Trim(words[min(i+1, len(words)-1)], `"`)
		switch words[i] {
		case "-X":
			method = value
		case "-d":
			body = value
			header.Set("Content-Type", "application/x-www-form-urlencoded")
		case "-H":
			name, text, _ := strings.Cut(value, ": ")
			header.Set(name, text)
		default:
			address = words[i]
			continue
		}
		i++
	}
	request, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header = header
	return request
}
