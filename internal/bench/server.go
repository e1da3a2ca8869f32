package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// startPatience bounds the wait for a server's first answer.
const startPatience = 60 * time.Second

// serverOptions are what differs between servers.
type serverOptions struct {
	// name is for messages.
	name string
	// config is a Caddyfile; {$PORT} is the port of the site.
	config string
	// data is Caddy's data folder. Default: one of its own.
	data string
	// core is the one it runs on, with GOMAXPROCS=1; or anyCore.
	core int
	// env are more variables.
	env []string
	// hurry leaves waiting for the first answer to the caller.
	hurry bool
}

// server is a running Caddy.
type server struct {
	*process
	port, admin int
	client      *http.Client
	log         *tail
}

func (l *lab) serve(ctx context.Context, o serverOptions) (*server, error) {
	binary, err := l.caddy(ctx)
	if err != nil {
		return nil, err
	}
	home, err := l.temp("home")
	if err != nil {
		return nil, err
	}
	config := filepath.Join(home, "Caddyfile")
	if err := os.WriteFile(config, []byte(o.config), 0o600); err != nil {
		return nil, err
	}
	if o.data == "" {
		o.data = filepath.Join(home, "data")
	}
	s := &server{log: new(tail), client: &http.Client{
		Timeout:       30 * time.Second,
		Transport:     &http.Transport{MaxIdleConnsPerHost: 64},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	for _, port := range []*int{&s.port, &s.admin} {
		if *port, err = freePort(); err != nil {
			return nil, err
		}
	}
	cmd := command(o.core, usual, binary, "run", "--config", config)
	cmd.Dir, cmd.Stdout, cmd.Stderr = home, s.log, s.log
	cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "XDG_DATA_HOME=" + o.data, "XDG_CONFIG_HOME=" + filepath.Join(home, "config"),
		"PORT=" + strconv.Itoa(s.port), fmt.Sprintf("CADDY_ADMIN=127.0.0.1:%d", s.admin), "NO_COLOR=1",
	}, o.env...)
	if o.core != anyCore {
		cmd.Env = append(cmd.Env, "GOMAXPROCS=1")
	}
	if s.process, err = l.start(ctx, o.name, cmd); err != nil {
		return nil, err
	}
	if o.hurry {
		return s, nil
	}
	err = s.until(startPatience, func() bool {
		response, err := s.client.Get(s.url("/"))
		if err == nil {
			_ = response.Body.Close()
		}
		return err == nil
	})
	if err != nil {
		_ = s.stop()
		return nil, err
	}
	return s, nil
}

// until waits for something that comes soon, or for the end of the server.
func (s *server) until(patience time.Duration, try func() bool) error {
	for deadline := time.Now().Add(patience); !try(); time.Sleep(time.Millisecond) {
		if s.ended() {
			return fmt.Errorf("%s ended: %v\n%s", s.name, s.err, s.log)
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s: not in %s\n%s", s.name, patience, s.log)
		}
	}
	return nil
}

func (s *server) stop() error {
	s.client.CloseIdleConnections()
	if err := s.process.stop(); err != nil {
		return fmt.Errorf("%w\n%s", err, s.log)
	}
	return nil
}

func (s *server) url(path string) string { return fmt.Sprintf("http://127.0.0.1:%d%s", s.port, path) }

// signIn gets an access token.
func (s *server) signIn(username, password string, headers ...string) (token string, err error) {
	request, err := http.NewRequest(http.MethodPost, s.url("/token"), strings.NewReader(url.Values{
		"username": {username}, "password": {password},
	}.Encode()))
	if err != nil {
		return "", err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		request.Header.Set(name, value)
	}
	response, err := s.client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: sign-in: %s: %s", s.name, response.Status, body)
	}
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	err = json.Unmarshal(body, &answer)
	return answer.AccessToken, err
}

// cookie signs in at the form and returns the session cookie.
func (s *server) cookie(username, password string) (string, error) {
	response, err := s.client.PostForm(s.url("/login"), url.Values{"username": {username}, "password": {password}})
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	for _, cookie := range response.Cookies() {
		if cookie.Name == "jwtauth" {
			return cookie.Name + "=" + cookie.Value, nil
		}
	}
	return "", fmt.Errorf("%s: the form gave no session cookie: %s", s.name, response.Status)
}

// rss is the resident memory in bytes, and the most it ever was.
func (s *server) rss() (now, highest float64, err error) {
	path := fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid)
	for _, f := range []struct {
		name string
		to   *float64
	}{{"VmRSS", &now}, {"VmHWM", &highest}} {
		kB, err := strconv.ParseFloat(strings.TrimSuffix(fieldOf(path, f.name), " kB"), 64)
		if err != nil {
			return 0, 0, fmt.Errorf("%s: its memory cannot be read: %w", s.name, err)
		}
		*f.to = kB * 1024
	}
	return now, highest, nil
}

// heap is what is in use on Go's heap after a collection, in bytes.
func (s *server) heap() (float64, error) {
	body, err := s.adminGet("/debug/pprof/heap?gc=1&debug=1")
	if err != nil {
		return 0, err
	}
	scanner := bufio.NewScanner(bytes.NewReader(body))
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		if value, ok := strings.CutPrefix(scanner.Text(), "# HeapAlloc = "); ok {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, fmt.Errorf("%s: its heap profile has no HeapAlloc", s.name)
}

// goroutines counts them.
func (s *server) goroutines() (n float64, err error) {
	body, err := s.adminGet("/debug/pprof/goroutine?debug=1")
	if err != nil {
		return 0, err
	}
	if _, err := fmt.Sscanf(string(body), "goroutine profile: total %g", &n); err != nil {
		return 0, fmt.Errorf("%s: its goroutine profile makes no sense: %w", s.name, err)
	}
	return n, nil
}

func (s *server) adminGet(path string) ([]byte, error) {
	response, err := s.client.Get(fmt.Sprintf("http://127.0.0.1:%d%s", s.admin, path))
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s: %s", s.name, path, response.Status)
	}
	return io.ReadAll(response.Body)
}

// freePort returns a port of 127.0.0.1 that nobody listens on.
func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// tail keeps the end of what a process writes.
type tail struct {
	mu   sync.Mutex
	text []byte
}

// Write implements [io.Writer].
func (t *tail) Write(p []byte) (int, error) {
	const most = 16 << 10
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if over := len(t.text) - most; over > 0 {
		t.text = append(t.text[:0], t.text[over:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}

// Interface guard
var _ io.Writer = (*tail)(nil)
