package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// childCommand, as the first argument, makes this program one of its own load
// generators: wrk knows no constant rate, and a generator in the process that
// measures would share its garbage collector.
const childCommand = "child"

// childWork is what children do: JSON in, JSON out.
var childWork = map[string]func(context.Context, []byte) (any, error){
	"probe":   childOf(probe),
	"signins": childOf(floodSignIns),
}

func childOf[Config, Result any](work func(context.Context, Config) (Result, error)) func(context.Context, []byte) (any, error) {
	return func(ctx context.Context, text []byte) (any, error) {
		var c Config
		if err := json.Unmarshal(text, &c); err != nil {
			return nil, err
		}
		return work(ctx, c)
	}
}

// runChild is main of a child.
func runChild(args []string) (code int) {
	fail := func(err error) int {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if len(args) != 2 || childWork[args[0]] == nil {
		return fail(fmt.Errorf("a child takes what to do and how, not %d arguments", len(args)))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	result, err := childWork[args[0]](ctx, []byte(args[1]))
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(result)
	}
	if err != nil {
		return fail(err)
	}
	return 0
}

// child is a running load generator whose answer is a Result.
type child[Result any] struct {
	*process
	stdout, stderr bytes.Buffer
}

func startChild[Result any](ctx context.Context, l *lab, nice int, work string, config any) (*child[Result], error) {
	text, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := new(child[Result])
	cmd := command(anyCore, nice, self, childCommand, work, string(text))
	cmd.Stdout, cmd.Stderr = &c.stdout, &c.stderr
	c.process, err = l.start(ctx, work, cmd)
	return c, err
}

func (c *child[Result]) result() (r Result, err error) {
	if err := c.wait(); err != nil {
		return r, fmt.Errorf("%w\n%s", err, c.stderr.Bytes())
	}
	err = json.Unmarshal(c.stdout.Bytes(), &r)
	return r, err
}
