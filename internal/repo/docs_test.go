package repo_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/caddy-jwtauth/caddy-jwtauth"
	"github.com/caddy-jwtauth/caddy-jwtauth/internal/testcaddy/inprocess"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/user"
)

// The files of the documentation.
const (
	docFront      = "README.md"
	docCaddyfile  = "caddyfile/README.md"
	docWire       = "jwtauth/README.md"
	docCommands   = "cmd/README.md"
	docOperations = "cmd/OPERATIONS.md"
	docExamples   = "examples/README.md"
	docContribute = ".github/CONTRIBUTING.md"
	docSecurity   = ".github/SECURITY.md"
	docChanges    = ".github/CHANGELOG.md"
)

var docFiles = []string{
	docFront, docCaddyfile, docWire, docCommands, docOperations, docExamples, docContribute, docSecurity, docChanges,
	"examples/json/README.md", "internal/bench/README.md",
}

// doc is a file of the documentation.
type doc struct {
	name, text string
	blocks     []docBlock
}

// docBlock is the text between two fences.
type docBlock struct {
	at         string // the place of the first fence
	info, text string
}

func readDoc(t *testing.T, name string) doc {
	t.Helper()
	d := doc{name: name, text: read(t, name)}
	var open *docBlock
	for i, line := range strings.Split(d.text, "\n") {
		info, fence := strings.CutPrefix(line, "```")
		switch {
		case fence && open == nil:
			open = &docBlock{at: fmt.Sprintf("%s:%d", name, i+1), info: info}
		case fence:
			d.blocks, open = append(d.blocks, *open), nil
		case open != nil:
			open.text += line + "\n"
		}
	}
	if open != nil {
		t.Fatalf("%s is not closed", open.at)
	}
	return d
}

// docBlocks are the blocks of all files whose info begins with that word.
func docBlocks(t *testing.T, info string) (all []docBlock) {
	t.Helper()
	for _, name := range docFiles {
		for _, b := range readDoc(t, name).blocks {
			if word, _, _ := strings.Cut(b.info, " "); word == info {
				all = append(all, b)
			}
		}
	}
	return all
}

// section is the text below a heading, up to the next one of its level.
func (d doc) section(t *testing.T, heading string) string {
	t.Helper()
	_, rest, found := strings.Cut(d.text, "\n"+heading+"\n")
	if !found {
		t.Fatalf("%s has no %q", d.name, heading)
	}
	level, _, _ := strings.Cut(heading, " ")
	if end := regexp.MustCompile(fmt.Sprintf(`(?m)^#{2,%d} `, len(level))).FindStringIndex(rest); end != nil {
		rest = rest[:end[0]]
	}
	return rest
}

// docMachine makes what the configs of the documentation expect to find: variables,
// and files in a folder that stands in for those of a server.
func docMachine(t *testing.T) (rewrite *strings.Replacer) {
	t.Helper()
	folder := t.TempDir()
	t.Setenv("XDG_DATA_HOME", filepath.Join(folder, "data"))
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(folder, "config"))
	for _, name := range docFiles {
		for _, found := range regexp.MustCompile(`\{env\.(\w+)\}`).FindAllStringSubmatch(read(t, name), -1) {
			value := "$2a$10$a0NH7J4ZruhVFz.JFdv39.2ya8sf74YlCeLgGD04.sfm.uGeDN3eW"
			if !strings.HasSuffix(found[1], "HASH") {
				value = strings.Repeat("0123456789abcdef", 4)
			}
			t.Setenv(found[1], value)
		}
	}
	write(t, filepath.Join(folder, "users.json"), `{"users": []}`)
	write(t, filepath.Join(folder, "logo.svg"), `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"/>`)
	if err := os.Mkdir(filepath.Join(folder, "theme"), 0o700); err != nil {
		t.Fatal(err)
	}
	return strings.NewReplacer("/etc/caddy/", folder+"/", "/var/lib/caddy/", folder+"/")
}

// docValidate provisions a config that shares nothing with the machine's own Caddy.
func docValidate(t *testing.T, config []byte) error {
	t.Helper()
	var cfg caddy.Config
	if err := caddy.StrictUnmarshalJSON(config, &cfg); err != nil {
		return err
	}
	cfg.Admin = &caddy.AdminConfig{Disabled: true, Config: &caddy.ConfigSettings{Persist: new(bool)}}
	cfg.StorageRaw = caddyconfig.JSONModuleObject(map[string]string{"root": t.TempDir()}, "module", "file_system", nil)
	cfg.Logging = &caddy.Logging{Logs: map[string]*caddy.CustomLog{
		caddy.DefaultLoggerName: {BaseLog: caddy.BaseLog{WriterRaw: json.RawMessage(`{"output": "discard"}`)}},
	}}
	base, err := caddy.ProvisionContext(&cfg)
	if err != nil {
		return err
	}
	ctx, cancel := caddy.NewContext(base)
	defer cancel()
	app, err := ctx.AppIfConfigured(jwtauth.AppName)
	if err != nil {
		return nil // the realm that needs no app
	}
	result, _ := app.(*jwtauth.App).Lint()
	for _, f := range result.Findings {
		return fmt.Errorf("%s, %s: %s", f.Where, f.Rule, f.Text)
	}
	return nil
}

// Every Caddyfile of the documentation adapts and provisions, or is refused where it
// says so.
func TestDocCaddyfiles(t *testing.T) {
	rewrite := docMachine(t)
	for _, b := range docBlocks(t, "caddyfile") {
		config, err := inprocess.Adapt(rewrite.Replace(b.text))
		if b.info == "caddyfile error" {
			if err == nil || !strings.Contains(err.Error(), "Caddyfile:") {
				t.Errorf("%s: error %v, want one with file and line", b.at, err)
			}
			continue
		}
		if err == nil {
			err = docValidate(t, config)
		}
		if err != nil {
			t.Errorf("%s: %v\n%s", b.at, err, b.text)
		}
		// Comments may stand in a column.
		aligned := regexp.MustCompile(` +#`).ReplaceAllString(b.text, " #")
		if formatted := string(caddyfile.Format([]byte(b.text))); formatted != aligned {
			t.Errorf("%s is not as `caddy fmt` writes it:\n%s", b.at, formatted)
		}
	}
}

// Every JSON config of the documentation provisions, and is what a Caddyfile of the
// documentation adapts to, or a part of it.
func TestDocJSON(t *testing.T) {
	rewrite := docMachine(t)
	var adapted []any
	var apps []any
	for _, b := range docBlocks(t, "caddyfile") {
		config, err := inprocess.Adapt(b.text)
		if err != nil {
			continue // TestDocCaddyfiles says so
		}
		var value any
		if err := json.Unmarshal(config, &value); err != nil {
			t.Fatal(err)
		}
		adapted = append(adapted, value)
		if app := docApp(config); app != nil {
			apps = append(apps, app)
		}
	}
	for _, b := range docBlocks(t, "json") {
		var value map[string]any
		if err := json.Unmarshal([]byte(b.text), &value); err != nil {
			t.Errorf("%s: %v", b.at, err)
			continue
		}
		switch {
		case value["users"] != nil:
			file := filepath.Join(t.TempDir(), "users.json")
			write(t, file, b.text)
			if users, err := user.ReadFile(file); err != nil || len(users) == 0 {
				t.Errorf("%s: users %v, error %v", b.at, users, err)
			}
		case value["apps"] != nil:
			app := docApp([]byte(b.text))
			if !slices.ContainsFunc(apps, func(other any) bool { return reflect.DeepEqual(app, other) }) {
				t.Errorf("%s is not what a Caddyfile of the documentation adapts to", b.at)
			}
			if err := docValidate(t, []byte(rewrite.Replace(b.text))); err != nil {
				t.Errorf("%s: %v", b.at, err)
			}
		case docContains(adapted, value):
		case value["handler"] != nil:
			config := `{"apps": {"http": {"servers": {"site": {"routes": [{"handle": [` + rewrite.Replace(b.text) + `]}]}}}}}`
			if err := docValidate(t, []byte(config)); err != nil {
				t.Errorf("%s: %v", b.at, err)
			}
		default:
			t.Errorf("%s is part of nothing that a Caddyfile of the documentation adapts to", b.at)
		}
	}
}

// docApp is the app jwtauth of a config that has no other app, however its durations are
// written, and else nil.
func docApp(config []byte) (canonical any) {
	var cfg struct {
		Apps map[string]json.RawMessage `json:"apps"`
	}
	var app jwtauth.App
	if json.Unmarshal(config, &cfg) != nil || len(cfg.Apps) != 1 || caddy.StrictUnmarshalJSON(cfg.Apps[jwtauth.AppName], &app) != nil {
		return nil
	}
	text, err := json.Marshal(app)
	if err != nil || json.Unmarshal(text, &canonical) != nil {
		return nil
	}
	return canonical
}

func docContains(whole, part any) bool {
	if reflect.DeepEqual(whole, part) {
		return true
	}
	switch whole := whole.(type) {
	case map[string]any:
		for _, value := range whole {
			if docContains(value, part) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(whole, func(value any) bool { return docContains(value, part) })
	}
	return false
}

// Every link within the repository leads to a file, and to a heading of it.
func TestDocLinks(t *testing.T) {
	for _, name := range docFiles {
		for _, link := range regexp.MustCompile(`\]\(([^) ]+)\)`).FindAllStringSubmatch(read(t, name), -1) {
			to, anchor, _ := strings.Cut(link[1], "#")
			if strings.Contains(to, "://") {
				continue
			}
			target := name
			if to != "" {
				target = path.Join(path.Dir(name), to)
			}
			info, err := os.Stat(target)
			if err != nil {
				t.Errorf("%s: a link leads nowhere: %s", name, link[1])
				continue
			}
			if anchor != "" && (info.IsDir() || !slices.Contains(docAnchors(read(t, target)), anchor)) {
				t.Errorf("%s: %s has no heading %q", name, target, anchor)
			}
		}
	}
}

// docAnchors are the names that GitHub gives to the headings of a text.
func docAnchors(text string) (anchors []string) {
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(text, -1) {
		kept := regexp.MustCompile(`[^\p{L}\p{N}_ -]`).ReplaceAllString(strings.ToLower(heading[1]), "")
		anchors = append(anchors, strings.ReplaceAll(kept, " ", "-"))
	}
	return anchors
}

// The front page stays one, and has the commands that its readers copy.
func TestDocFrontPage(t *testing.T) {
	front := readDoc(t, docFront)
	if lines := strings.Count(front.text, "\n"); lines > 250 {
		t.Errorf("%d lines: a front page has 250 at most", lines)
	}
	for _, command := range []string{
		"go run ./cmd/caddy run --config examples/quickstart/Caddyfile", "make test",
		"xcaddy build --with " + modulePath,
	} {
		if !slices.ContainsFunc(front.blocks, func(b docBlock) bool { return b.info == "sh" && b.text == command+"\n" }) {
			t.Errorf("the front page has no block `%s`", command)
		}
	}
	// The tests of the examples run these lines, as they stand in the Caddyfile.
	curl := regexp.MustCompile(`(?m)^#?\t?(curl .*)$`)
	said := curl.FindAllStringSubmatch(front.text, -1)
	tested := curl.FindAllStringSubmatch(read(t, "examples/quickstart/Caddyfile"), -1)
	if len(said) < 5 || len(said) != len(tested) {
		t.Fatalf("%d lines of curl, and %d in the example", len(said), len(tested))
	}
	for i := range said {
		if said[i][1] != tested[i][1] {
			t.Errorf("%s\nis not a line of the example: %s", said[i][1], tested[i][1])
		}
	}
}
