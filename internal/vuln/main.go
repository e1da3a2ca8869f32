// Command vuln runs govulncheck over this module where the database of known
// vulnerabilities can be reached, and says so where it cannot. It fails where a
// vulnerable function is called.
//
//	go run ./internal/vuln [-db https://vuln.go.dev] [-- arguments of govulncheck]
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"
)

const (
	// tool is what is run; the module proxy has it.
	tool = "golang.org/x/vuln/cmd/govulncheck@v1.9.0"
	// probeTimeout bounds the question whether the database is there, and
	// runTimeout everything after it, the first compilation included.
	probeTimeout = 10 * time.Second
	runTimeout   = 15 * time.Minute
)

func main() {
	db := flag.String("db", "https://vuln.go.dev", "the address of the database")
	flag.Parse()
	if err := reach(context.Background(), *db, probeTimeout); err != nil {
		fmt.Printf("vuln: known vulnerabilities were not looked for, since %s cannot be reached: %v\n", *db, err)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), runTimeout)
	defer cancel()
	command := exec.CommandContext(ctx, "go", append([]string{"run", tool, "-db", *db}, flag.Args()...)...)
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	if err := command.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "vuln: govulncheck:", err)
		os.Exit(1)
	}
}

// reach reports why the database does not answer within timeout (its form: see
// https://go.dev/doc/security/vuln/database), nil where it does.
func reach(ctx context.Context, db string, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(db, "/")+"/index/db.json", nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("it answers %s", res.Status)
	}
	_, err = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20))
	return err
}
