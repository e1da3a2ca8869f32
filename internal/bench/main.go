// Command bench measures this module side by side with a Caddy that does without
// it. README.md says what is measured and how to read it.
//
//	go run ./internal/bench [-quick] [-write] [part...]
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A part is one thing to measure.
type part struct {
	name string
	run  func(context.Context, *lab) (*report, error)
}

// parts are all parts, in the order in which they run. Those that want a quiet
// machine come first.
var parts = []part{
	{"guard", measureGuard},
	{"memory", measureMemory},
	{"flood", measureFlood},
	{"size", measureSize},
	{"times", measureTimes},
	{"micro", measureMicro},
	{"binary", measureBinary},
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == childCommand {
		os.Exit(runChild(os.Args[2:]))
	}
	var names []string
	for _, p := range parts {
		names = append(names, p.name)
	}
	quick := flag.Bool("quick", false, "measure briefly, to see that everything works; no figure is worth anything")
	write := flag.Bool("write", false, "write the tables of the parts that run into internal/bench/README.md; without parts it is so, but with -quick")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), "go run ./internal/bench [-quick] [-write] [part...]\nparts:", strings.Join(names, " "))
		flag.PrintDefaults()
	}
	flag.Parse()
	chosen := parts
	if flag.NArg() > 0 {
		chosen = nil
		for _, name := range flag.Args() {
			i := slices.Index(names, name)
			if i < 0 {
				fmt.Fprintf(os.Stderr, "there is no part %s; there are: %s\n", name, strings.Join(names, " "))
				os.Exit(2)
			}
			chosen = append(chosen, parts[i])
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if !measure(ctx, chosen, *quick, *write || flag.NArg() == 0 && !*quick) {
		os.Exit(1)
	}
}

// measure runs parts and reports whether everything worked.
func measure(ctx context.Context, chosen []part, quick, write bool) (worked bool) {
	l, err := newLab(quick)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return false
	}
	defer func() {
		if err := l.close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			worked = false
		}
	}()
	worked = true
	sections := map[string]string{"machine": machine(ctx)}
	fmt.Printf("%s\n\n", sections["machine"])
	for _, p := range chosen {
		began := time.Now()
		r, err := p.run(ctx, l)
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", p.name, err)
			worked = false
		}
		if r != nil {
			fmt.Printf("## %s (%s)\n\n%s\n\n", p.name, time.Since(began).Round(time.Second), r)
			for _, failure := range r.failures {
				fmt.Fprintf(os.Stderr, "%s: %s\n", p.name, failure)
				worked = false
			}
		}
		if err == nil {
			sections[p.name] = r.String()
		}
		if ctx.Err() != nil {
			return false
		}
	}
	if write {
		if err := writeSections(readmePath, sections); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return false
		}
	}
	return worked
}
