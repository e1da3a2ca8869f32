package repo_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

const (
	modulePath = "github.com/caddy-jwtauth/caddy-jwtauth"
	// buildTags are those of Caddy's own builds, and of xcaddy's.
	buildTags = "nobadger,nomysql,nopgx"
)

// goPackage is what `go list` says of a package.
type goPackage struct {
	ImportPath    string
	Imports, Deps []string
}

// name is the path below the module, "." for its root.
func (p goPackage) name() string { return localName(p.ImportPath) }

func localName(path string) string {
	return strings.TrimPrefix(strings.Replace(path, modulePath, ".", 1), "./")
}

func ours(path string) bool { return path == modulePath || strings.HasPrefix(path, modulePath+"/") }

func core(name string) bool {
	// These two look at Caddy's routes.
	return strings.HasPrefix(name, "jwtauth/") && name != "jwtauth/lint" && name != "jwtauth/explain"
}

// layer is how far up a package stands: it may import what stands below it, and
// core packages each other.
func layer(name string) int {
	switch {
	case core(name):
		return 0
	case name == "jwtauth/lint":
		return 1
	case name == "jwtauth/explain":
		return 2
	case name == "jwtauth":
		return 3
	case name == "caddyfile", name == "cmd":
		return 4
	case name == ".":
		return 5
	default: // the binary, test helpers, examples: nothing imports them
		return 6
	}
}

// engine is the engine of the store a package belongs to, "" for none.
func engine(name string) string {
	rest, found := strings.CutPrefix(name, "jwtauth/store/")
	first, _, _ := strings.Cut(rest, "/")
	if !found || first == "storetest" || first == "internal" {
		return ""
	}
	return first
}

// goList asks the go command for every package of the module.
func goList(t *testing.T) []goPackage {
	t.Helper()
	out := run(t, ".", nil, "go", "list", "-tags", buildTags, "-deps", "-json=ImportPath,Imports,Deps", "./...")
	var all []goPackage
	for dec := json.NewDecoder(strings.NewReader(out)); ; {
		var p goPackage
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if ours(p.ImportPath) {
			all = append(all, p)
		}
	}
	for _, name := range []string{
		".", "caddyfile", "cmd", "cmd/caddy", "jwtauth", "jwtauth/realm", "jwtauth/keyring", "jwtauth/guard", "jwtauth/cookie",
		"jwtauth/adminapi", "jwtauth/audit", "jwtauth/accesstoken", "jwtauth/session", "jwtauth/revocation",
		"jwtauth/user", "jwtauth/password", "jwtauth/throttle", "jwtauth/policy", "jwtauth/oauth2", "jwtauth/store",
		"jwtauth/store/bolt", "jwtauth/store/memory", "jwtauth/store/storetest",
	} {
		if !slices.ContainsFunc(all, func(p goPackage) bool { return p.name() == name }) {
			t.Errorf("there is no package %s: has the house another plan?", name)
		}
	}
	return all
}

// Imports point one way: plugin → {caddyfile, cmd} → jwtauth → core.
func TestImportsPointDown(t *testing.T) {
	for _, p := range goList(t) {
		for _, imported := range p.Imports {
			if !ours(imported) {
				continue
			}
			from, to := p.name(), localName(imported)
			if layer(to) >= layer(from) && !(core(from) && core(to)) {
				t.Errorf("%s imports %s, which does not stand below it", from, to)
			}
		}
	}
}

// Core packages work without Caddy, reach no engine of a store, and nothing that stands
// above them. The contracts that a store fulfils do not reach the store.
func TestCoreReachesNeitherCaddyNorUpward(t *testing.T) {
	all := goList(t)
	var contracts []string
	for _, p := range all {
		if p.name() == "jwtauth/store" {
			contracts = p.Deps
		}
	}
	for _, p := range all {
		from := p.name()
		if !core(from) {
			continue
		}
		contract := slices.Contains(contracts, p.ImportPath)
		for _, dep := range p.Deps {
			to := localName(dep)
			switch {
			case strings.HasPrefix(dep, "github.com/caddyserver/"):
				t.Errorf("%s reaches %s", from, dep)
			case !ours(dep):
			case !core(to):
				t.Errorf("%s reaches upward to %s", from, to)
			case engine(to) != "" && engine(to) != engine(from):
				t.Errorf("%s reaches the engine %s", from, to)
			case contract && (to == "jwtauth/store" || strings.HasPrefix(to, "jwtauth/store/")):
				t.Errorf("%s reaches %s: the store imports the contracts, never the reverse", from, to)
			}
		}
	}
}

// What packages rely on everywhere imports no package of ours.
func TestLeaves(t *testing.T) {
	leaves := []string{"jwtauth/policy", "jwtauth/audit", "jwtauth/host", "jwtauth/clientip", "jwtauth/strictjson", "jwtauth/outdated"}
	for _, p := range goList(t) {
		if slices.Contains(leaves, p.name()) && slices.ContainsFunc(p.Imports, ours) {
			t.Errorf("%s imports a package of the module", p.name())
		}
	}
}

// What `xcaddy build --with <module>` writes builds, and has every module, the
// directives and the commands in it.
func TestXcaddyBuild(t *testing.T) {
	binary := xcaddyBuild(t)
	home := t.TempDir()
	env := []string{"HOME=" + home, "XDG_DATA_HOME=" + home, "XDG_CONFIG_HOME=" + home}

	modules := strings.Fields(run(t, home, env, binary, "list-modules"))
	for _, id := range []string{
		"jwtauth",
		"http.handlers.token_server",
		"http.handlers.jwt_auth",
		"http.handlers.jwt_auth_strip",
		"http.matchers.jwt_role",
		"http.matchers.jwt_claim",
		"http.authentication.providers.jwtauth",
		"admin.api.jwtauth",
		"jwtauth.stores.bolt",
		"jwtauth.stores.memory",
	} {
		if !slices.Contains(modules, id) {
			t.Errorf("list-modules has no %s", id)
		}
	}
	help := run(t, home, env, binary, "jwtauth", "--help")
	for _, command := range []string{"user", "session", "key", "token"} {
		if !strings.Contains(help, "\n  "+command+" ") {
			t.Errorf("caddy jwtauth --help does not tell of %s:\n%s", command, help)
		}
	}
	config := filepath.Join(home, "Caddyfile")
	write(t, config, "{\n\tjwtauth\n}\n\n:8080 {\n\ttoken_server\n\tjwt_auth /private/*\n}\n")
	run(t, home, env, binary, "validate", "--config", config)
}

// xcaddyBuild builds the main package of xcaddy against this checkout.
func xcaddyBuild(t *testing.T) (binary string) {
	t.Helper()
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "main.go"), `package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	// plug in Caddy modules here
	_ "github.com/caddyserver/caddy/v2/modules/standard"
	_ "`+modulePath+`"
)

func main() {
	caddycmd.Main()
}
`)
	// xcaddy asks the network for versions. These are the ones that this
	// checkout was tested with.
	requirements := strings.Replace(read(t, "go.mod"), "module "+modulePath+"\n", "module caddy\n", 1)
	write(t, filepath.Join(dir, "go.mod"), requirements+fmt.Sprintf(`
require %[1]s v0.0.0-00010101000000-000000000000

replace %[1]s => %[2]q
`, modulePath, root))
	write(t, filepath.Join(dir, "go.sum"), read(t, "go.sum"))

	binary = filepath.Join(dir, "caddy")
	env := []string{"GOFLAGS=-mod=mod -buildvcs=false", "GOWORK=off"}
	run(t, dir, env, "go", "build", "-o", binary, "-ldflags", "-w -s", "-tags", buildTags, ".")
	return binary
}

// Caddy's documentation of the JSON config is made of the doc comments of the
// config types: each type that a module is made of, and each field of it, has
// one.
func TestConfigTypesAreDocumented(t *testing.T) {
	source := parseConfigTypes(t)
	var queue []string
	for name := range source.modules {
		queue = append(queue, name)
	}
	visited := make(map[string]bool)
	for len(queue) > 0 {
		name := queue[0]
		queue = queue[1:]
		spec, found := source.types[name]
		if visited[name] || !found {
			continue
		}
		visited[name] = true
		if source.docs[name] == "" {
			t.Errorf("type %s has no doc comment", name)
		}
		structure, ok := spec.Type.(*ast.StructType)
		if !ok {
			continue
		}
		for _, field := range structure.Fields.List {
			if !inConfig(field) {
				continue
			}
			if strings.TrimSpace(field.Doc.Text()) == "" {
				t.Errorf("%s.%s has no doc comment", name, field.Names[0])
			}
			ast.Inspect(field.Type, func(n ast.Node) bool {
				if id, ok := n.(*ast.Ident); ok && ast.IsExported(id.Name) {
					queue = append(queue, id.Name)
				}
				return true
			})
		}
	}
	for _, name := range []string{
		"App", "Realm", "SigningKey", "User", "Client", "PasswordHash", "Throttle", "JWTAuth", "RoleRule", "ClaimRule",
		"CredentialSource", "IdentityHeader", "TokenServer", "Provider", "MatchRole", "MatchClaim", "BoltStore", "MemoryStore",
	} {
		if !visited[name] {
			t.Errorf("type %s is not part of any module's config", name)
		}
	}
}

// inConfig reports an exported field with a name in JSON.
func inConfig(field *ast.Field) bool {
	if len(field.Names) == 0 || !field.Names[0].IsExported() || field.Tag == nil {
		return false
	}
	name, _, _ := strings.Cut(reflect.StructTag(strings.Trim(field.Tag.Value, "`")).Get("json"), ",")
	return name != "" && name != "-"
}

// configTypes are the types of package jwtauth, their doc comments, and which of
// them are Caddy modules.
type configTypes struct {
	types   map[string]*ast.TypeSpec
	docs    map[string]string
	modules map[string]bool
}

func parseConfigTypes(t *testing.T) configTypes {
	t.Helper()
	c := configTypes{make(map[string]*ast.TypeSpec), make(map[string]string), make(map[string]bool)}
	for _, file := range packageFiles(t, "jwtauth") {
		for _, decl := range file.Decls {
			switch decl := decl.(type) {
			case *ast.GenDecl:
				for _, spec := range decl.Specs {
					if spec, ok := spec.(*ast.TypeSpec); ok {
						c.types[spec.Name.Name] = spec
						c.docs[spec.Name.Name] = strings.TrimSpace(decl.Doc.Text() + spec.Doc.Text())
					}
				}
			case *ast.FuncDecl:
				if decl.Name.Name == "CaddyModule" && decl.Recv != nil {
					receiver := decl.Recv.List[0].Type
					if star, ok := receiver.(*ast.StarExpr); ok {
						receiver = star.X
					}
					c.modules[receiver.(*ast.Ident).Name] = true
				}
			}
		}
	}
	return c
}

// packageFiles are the Go files of a package without its tests.
func packageFiles(t *testing.T, folder string) []*ast.File {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

// run runs a command, which has to succeed, and returns its standard output.
func run(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, stdout.String(), stderr.String())
	}
	return stdout.String()
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
