// Package testcaddy lets tests build and run the real Caddy binary of this
// module, each with folders and ports of its own.
//
// A package that uses it says so once:
//
//	func TestMain(m *testing.M) { testcaddy.Main(m) }
//
// and then:
//
//	c := testcaddy.Start(t, `
//		http://127.0.0.1:{$PORT} {
//			token_server
//		}
//	`)
//	c.MustRun("jwtauth", "user", "list")
//	http.Get(c.URL("/users/me"))
package testcaddy

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// EnvBinary names a binary that is already built; tests then build none. It lets
// the packages of one `go test ./...` share a build.
const EnvBinary = "JWTAUTH_TEST_CADDY"

// tags leave out the storage of Caddy's certificate authority that nothing here uses,
// as Caddy's own builds do.
const tags = "nobadger,nomysql,nopgx"

// built is the binary of this process.
var built struct {
	dir  string // made by Main, "" without it
	race bool   // asked for by MainRace
	seen sync.Once
	once sync.Once
	path string
	err  error
}

// Main runs the tests of a package and removes the binary that they have built.
// TestMain calls it and returns.
func Main(m *testing.M) {
	dir, err := os.MkdirTemp("", "testcaddy")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	built.dir = dir
	m.Run() // the testing package keeps the exit code
}

// MainRace is Main with a binary that reports data races, where the tests are
// themselves run with -race. A server that has reported one fails its test.
func MainRace(m *testing.M) {
	built.race = raceEnabled
	Main(m)
}

// Build returns the path of the full binary, cmd/caddy. The first call of a
// process builds it.
func Build(t testing.TB) string {
	t.Helper()
	built.seen.Do(lookAtSources)
	if path := os.Getenv(EnvBinary); path != "" {
		return path
	}
	if built.dir == "" {
		t.Fatal("testcaddy: the package's tests need func TestMain(m *testing.M) { testcaddy.Main(m) }")
	}
	built.once.Do(func() { built.path, built.err = build(built.dir, built.race) })
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.path
}

// lookAtSources tells `go test` what the binary is made of: a test that has
// looked at a file is not answered from the cache when the file has changed.
func lookAtSources() {
	root, err := Root()
	if err != nil {
		return // build says so
	}
	_ = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil
		case entry.IsDir() && path != root && strings.HasPrefix(entry.Name(), "."):
			return filepath.SkipDir
		case !entry.IsDir():
			_, _ = os.Stat(path)
		}
		return nil
	})
}

func build(dir string, race bool) (string, error) {
	path := filepath.Join(dir, "caddy")
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	root, err := Root()
	if err != nil {
		return "", err
	}
	args := []string{"build", "-tags", tags, "-o", path}
	if race {
		args = append(args, "-race")
	}
	cmd := exec.Command("go", append(args, "./cmd/caddy")...)
	cmd.Dir = root
	if output, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("testcaddy: go build ./cmd/caddy: %w\n%s", err, output)
	}
	return path, nil
}

// module begins the go.mod of the module. The tests of other modules, which lie in folders
// of this one, build its binary too.
const module = "module github.com/caddy-jwtauth/caddy-jwtauth\n"

// Root returns the folder of the module: the first above the working folder that has
// its go.mod.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if text, err := os.ReadFile(filepath.Join(dir, "go.mod")); err == nil && strings.HasPrefix(string(text), module) {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("testcaddy: no go.mod of the module above the working folder")
		}
		dir = parent
	}
}
