package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// tags are those of Caddy's own builds.
const tags = "nobadger,nomysql,nopgx"

// readmePath is where the tables are, seen from the module's folder.
const readmePath = "internal/bench/README.md"

// stopPatience bounds the wait for a process that was told to end.
const stopPatience = 20 * time.Second

// lab is what the parts share: a folder, the binary, and every process that was
// started.
type lab struct {
	quick bool
	// dir is temporary.
	dir string

	building sync.Once
	binary   string
	failed   error

	mu      sync.Mutex
	running map[*process]bool
}

func newLab(quick bool) (*lab, error) {
	if _, err := os.Stat("go.mod"); err != nil {
		return nil, errors.New("run it in the folder of the module: go run ./internal/bench")
	}
	dir, err := os.MkdirTemp("", "jwtauth-bench")
	if err != nil {
		return nil, err
	}
	return &lab{quick: quick, dir: dir, running: make(map[*process]bool)}, nil
}

// close removes the folder. A process that still runs is a mistake of a part: it
// is ended and reported.
func (l *lab) close() error {
	l.mu.Lock()
	var left []*process
	for p := range l.running {
		left = append(left, p)
	}
	l.mu.Unlock()
	var errs []error
	for _, p := range left {
		errs = append(errs, fmt.Errorf("%s was left running", p.name), p.stop())
	}
	return errors.Join(append(errs, os.RemoveAll(l.dir))...)
}

// temp makes a folder that goes with the lab's.
func (l *lab) temp(name string) (string, error) { return os.MkdirTemp(l.dir, name) }

// pick returns full, or with -quick the other.
func pick[T any](l *lab, full, quick T) T {
	if l.quick {
		return quick
	}
	return full
}

// caddy returns the binary of this module, built as a user would for production.
func (l *lab) caddy(ctx context.Context) (string, error) {
	l.building.Do(func() {
		l.binary = filepath.Join(l.dir, "caddy")
		l.failed = goBuild(ctx, l.binary, "./cmd/caddy")
	})
	return l.binary, l.failed
}

func goBuild(ctx context.Context, output, pkg string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-tags", tags, "-o", output, pkg)
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w\n%s", pkg, err, text)
	}
	return nil
}

// Priorities of processes.
const (
	usual = 0
	// humble is for what in life runs on other machines.
	humble = 19
)

// anyCore leaves a process on all cores.
const anyCore = -1

// command is a command on one core, if it can be had, at a priority.
func command(core, nice int, name string, args ...string) *exec.Cmd {
	if core != anyCore && canPin() {
		name, args = "taskset", append([]string{"-c", fmt.Sprint(core), name}, args...)
	}
	if nice != usual {
		name, args = "nice", append([]string{"-n", fmt.Sprint(nice), name}, args...)
	}
	return exec.Command(name, args...)
}

// canPin reports whether a process can be given a core of its own.
var canPin = sync.OnceValue(func() bool {
	_, err := exec.LookPath("taskset")
	return err == nil && runtime.NumCPU() >= 2
})

// process is one that was started here. It is ended by its id.
type process struct {
	name string
	cmd  *exec.Cmd
	lab  *lab
	done chan struct{}
	err  error // set when done is closed
}

// start starts a command. It ends at the latest with ctx, or with the lab.
func (l *lab) start(ctx context.Context, name string, cmd *exec.Cmd) (*process, error) {
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	p := &process{name: name, cmd: cmd, lab: l, done: make(chan struct{})}
	l.mu.Lock()
	l.running[p] = true
	l.mu.Unlock()
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	context.AfterFunc(ctx, func() { _ = p.stop() })
	return p, nil
}

// wait waits until the process ends by itself.
func (p *process) wait() error {
	<-p.done
	p.forget()
	if p.err != nil {
		return fmt.Errorf("%s: %w", p.name, p.err)
	}
	return nil
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

func (p *process) forget() {
	p.lab.mu.Lock()
	defer p.lab.mu.Unlock()
	delete(p.lab.running, p)
}

// stop ends the process as a service manager does. One that had ended already,
// or does not end, is an error.
func (p *process) stop() error {
	defer p.forget()
	if p.ended() {
		return fmt.Errorf("%s had ended: %v", p.name, p.err)
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
		return nil
	case <-time.After(stopPatience):
		_ = p.cmd.Process.Kill()
		<-p.done
		return fmt.Errorf("%s did not end in %s and was killed", p.name, stopPatience)
	}
}
