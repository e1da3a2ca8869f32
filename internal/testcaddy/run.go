package testcaddy

import (
	"bytes"
	"context"
	"errors"
	"os/exec"
	"strings"
)

// Result is how a command ended.
type Result struct {
	Stdout, Stderr string
	Code           int
}

// Run runs a command of the binary in the server's folder and environment,
// without standard input.
func (c *Caddy) Run(args ...string) Result {
	c.t.Helper()
	return c.RunInput("", args...)
}

// RunInput is Run with a text on standard input.
func (c *Caddy) RunInput(input string, args ...string) Result {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.bin, args...)
	var stdout, stderr bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = c.Dir, c.env, strings.NewReader(input), &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		c.t.Errorf("testcaddy: caddy %s: %v", strings.Join(args, " "), err)
	}
	return Result{Stdout: stdout.String(), Stderr: stderr.String(), Code: cmd.ProcessState.ExitCode()}
}

// MustRun is Run for a command that has to succeed. It returns its standard
// output.
func (c *Caddy) MustRun(args ...string) string {
	c.t.Helper()
	return c.MustRunInput("", args...)
}

// MustRunInput is RunInput for a command that has to succeed.
func (c *Caddy) MustRunInput(input string, args ...string) string {
	c.t.Helper()
	result := c.RunInput(input, args...)
	if result.Code != 0 {
		c.t.Fatalf("caddy %s: exit code %d\n%s", strings.Join(args, " "), result.Code, result.Stderr)
	}
	return result.Stdout
}

// AddUser adds a user with that password to the store of the realm `default`.
// args are more flags of `caddy jwtauth user add`.
func (c *Caddy) AddUser(name, password string, args ...string) {
	c.t.Helper()
	c.MustRunInput(password+"\n", append([]string{"jwtauth", "user", "add", name, "--password-stdin"}, args...)...)
}
