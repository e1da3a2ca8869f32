package testcaddy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait for a process.
const patience = 60 * time.Second

// Options are what a test may want to be different.
type Options struct {
	// Dir is the working folder. Default: a temporary one.
	Dir string
	// Data is the folder that $XDG_DATA_HOME names. Default: a temporary one.
	// Two that have it in common share Caddy's storage and the stores.
	Data string
	// Env are more variables, as NAME=value. They win over the ones below.
	Env []string
	// NoAdmin is for a config whose admin API is off: Reload cannot be used.
	NoAdmin bool
}

// Caddy is one server: its config, its folders, and the process while it runs.
// Processes that the test leaves running are killed at its end. Its methods are
// for the test's goroutine, but for URL, Logs and Run, which any may call.
type Caddy struct {
	// Port is free for the site: {$PORT} in a Caddyfile, {env.PORT} in JSON.
	// PORT2 and PORT3 are two more.
	Port int
	// Admin is the address of the admin API, which Caddy takes from the
	// environment: a config says nothing about it.
	Admin string
	// Dir is the working folder. A config that is given as text is the file
	// Caddyfile (or caddy.json) in it, so that commands find it.
	Dir string
	// Data is Caddy's data folder, ending in "caddy".
	Data string
	// Config is the path of the config file.
	Config string

	t    testing.TB
	opts Options
	bin  string
	env  []string
	cmd  *exec.Cmd
	logs logs
	done chan error
}

// New prepares a server and does not start it. config is the text of a Caddyfile,
// or of a JSON config, or the path of either.
func New(t testing.TB, config string, opts ...Options) *Caddy {
	t.Helper()
	c := &Caddy{t: t, bin: Build(t), Port: FreePort(t)}
	if len(opts) > 0 {
		c.opts = opts[0]
	}
	c.Admin = fmt.Sprintf("127.0.0.1:%d", FreePort(t))
	home := t.TempDir()
	data := c.opts.Data
	if data == "" {
		data = filepath.Join(home, "data")
	}
	c.Data = filepath.Join(data, "caddy")
	if c.Dir = c.opts.Dir; c.Dir == "" {
		c.Dir = filepath.Join(home, "work")
		c.check(os.Mkdir(c.Dir, 0o700))
	}
	for _, name := range []string{"PATH", "TMPDIR", "SYSTEMROOT"} {
		if value, ok := os.LookupEnv(name); ok {
			c.env = append(c.env, name+"="+value)
		}
	}
	c.env = append(c.env,
		"HOME="+home, "XDG_DATA_HOME="+data, "XDG_CONFIG_HOME="+filepath.Join(home, "config"),
		"CADDY_ADMIN="+c.Admin, "NO_COLOR=1",
		// A binary that looks for data races would else sleep before it ends.
		"GORACE=atexit_sleep_ms=0",
		"PORT="+strconv.Itoa(c.Port), "PORT2="+strconv.Itoa(FreePort(t)), "PORT3="+strconv.Itoa(FreePort(t)),
	)
	c.env = append(c.env, c.opts.Env...)
	c.SetConfig(config)
	t.Cleanup(func() {
		c.Kill()
		if strings.Contains(c.Logs(), "WARNING: DATA RACE") {
			t.Error("Caddy reported a data race")
		}
		if t.Failed() && c.Logs() != "" {
			t.Logf("log of Caddy:\n%s", c.Logs())
		}
	})
	return c
}

// Start prepares a server and starts it, as New and [Caddy.Start].
func Start(t testing.TB, config string, opts ...Options) *Caddy {
	t.Helper()
	c := New(t, config, opts...)
	c.Start()
	return c
}

// SetConfig writes another config, or names another file, for the next start.
func (c *Caddy) SetConfig(config string) {
	c.t.Helper()
	if !strings.ContainsAny(config, "\n{") {
		path, err := filepath.Abs(config)
		c.check(err)
		_, err = os.Stat(path)
		c.check(err)
		c.Config = path
		return
	}
	c.Config = filepath.Join(c.Dir, "Caddyfile")
	if json.Valid([]byte(config)) {
		c.Config = filepath.Join(c.Dir, "caddy.json")
	}
	c.check(os.WriteFile(c.Config, []byte(config), 0o600))
}

// Start starts the server and waits until its config is in force.
func (c *Caddy) Start() {
	c.t.Helper()
	if err := c.TryStart(); err != nil {
		c.t.Fatal(err)
	}
}

// TryStart is Start for a config that may be refused. The error has the log of
// this start.
func (c *Caddy) TryStart() error {
	c.t.Helper()
	if c.cmd != nil {
		c.t.Fatal("testcaddy: it runs already")
	}
	from := c.logs.len()
	ready := c.logs.watch("serving initial configuration")
	cmd := exec.Command(c.bin, "run", "--config", c.Config)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = c.Dir, c.env, &c.logs, &c.logs
	c.check(cmd.Start())
	done := make(chan error, 1)
	go func() {
		done <- cmd.Wait()
		close(done) // a second waiter must not wait for ever
	}()
	c.cmd, c.done = cmd, done
	select {
	case <-ready:
		return nil
	case err := <-done:
		c.cmd = nil
		return fmt.Errorf("testcaddy: Caddy ended while it started: %v\n%s", err, c.Logs()[from:])
	case <-time.After(patience):
		c.Kill()
		return fmt.Errorf("testcaddy: Caddy was not ready in %s\n%s", patience, c.Logs()[from:])
	}
}

// Running reports whether the process was started and not ended by this test.
func (c *Caddy) Running() bool { return c.cmd != nil }

// PID is the id of the running process.
func (c *Caddy) PID() int { return c.cmd.Process.Pid }

// Stop ends the server as a service manager does, with SIGTERM, and waits.
func (c *Caddy) Stop() {
	c.t.Helper()
	if c.cmd == nil {
		return
	}
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-c.done:
		c.cmd = nil
	case <-time.After(patience):
		c.Kill()
		c.t.Fatalf("testcaddy: Caddy did not stop in %s", patience)
	}
}

// Kill ends the server as a crash does, with SIGKILL, and waits.
func (c *Caddy) Kill() {
	if c.cmd == nil {
		return
	}
	_ = c.cmd.Process.Kill()
	<-c.done
	c.cmd = nil
}

// Reload puts another config in force, even if it is the same again.
func (c *Caddy) Reload(config string) {
	c.t.Helper()
	if err := c.TryReload(config); err != nil {
		c.t.Fatal(err)
	}
}

// TryReload is Reload for a config that may be refused. The old one is then in
// force still, and the error says why.
func (c *Caddy) TryReload(config string) error {
	c.t.Helper()
	if c.opts.NoAdmin {
		c.t.Fatal("testcaddy: a reload needs the admin API")
	}
	c.SetConfig(config)
	body, err := os.ReadFile(c.Config)
	c.check(err)
	request, err := http.NewRequest(http.MethodPost, "http://"+c.Admin+"/load", bytes.NewReader(body))
	c.check(err)
	request.Header.Set("Content-Type", "text/caddyfile")
	if json.Valid(body) {
		request.Header.Set("Content-Type", "application/json")
	}
	request.Header.Set("Cache-Control", "must-revalidate")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("testcaddy: reload: %s: %s", response.Status, answer)
	}
	if err == nil {
		// Caddy closes its old listener just after that, and what connects to it
		// in between is cut off, whatever modules there are.
		Eventually(c.t, "one listener", func() bool { return listeners(c.Port) <= 1 })
	}
	return err
}

// URL is the address of a path of the site on {$PORT}.
func (c *Caddy) URL(path string) string {
	return fmt.Sprintf("http://127.0.0.1:%d%s", c.Port, path)
}

// Logs is everything that the processes have written, of all starts.
func (c *Caddy) Logs() string { return c.logs.String() }

func (c *Caddy) check(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

// logs keeps what a process writes and tells when a text has appeared.
type logs struct {
	mu     sync.Mutex
	buffer bytes.Buffer
	want   string
	from   int
	seen   chan struct{}
}

// Write implements [io.Writer].
func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buffer.Write(p)
	if l.seen != nil && bytes.Contains(l.buffer.Bytes()[l.from:], []byte(l.want)) {
		close(l.seen)
		l.seen = nil
	}
	return len(p), nil
}

// watch returns what is closed when a text has been written from now on.
func (l *logs) watch(text string) <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.want, l.from, l.seen = text, l.buffer.Len(), make(chan struct{})
	return l.seen
}

func (l *logs) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.Len()
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buffer.String()
}

// Interface guards
var _ io.Writer = (*logs)(nil)
