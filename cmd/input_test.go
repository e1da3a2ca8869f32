package cmd

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// run runs a command in this process, as caddy would.
func run(input string, args ...string) (stdout, stderr string, err error) {
	root := &cobra.Command{Use: "caddy", SilenceUsage: true}
	command := &cobra.Command{Use: "jwtauth"}
	build(command)
	root.AddCommand(command)
	var out, talk bytes.Buffer
	root.SetArgs(append([]string{"jwtauth"}, args...))
	root.SetIn(strings.NewReader(input))
	root.SetOut(&out)
	root.SetErr(&talk)
	err = root.Execute()
	return out.String(), talk.String(), err
}

// None of these reaches a realm.
func TestRefusedAtOnce(t *testing.T) {
	for _, test := range []struct {
		name  string
		args  string
		input string
		want  string
	}{
		{"no such group", "users list", "", `unknown command "users"`},
		{"no such command", "user change", "", "add, list, show, passwd, roles, disable, enable, remove"},
		{"no such flag", "user list --all", "", "see `caddy jwtauth user list --help`"},
		{"argument like a flag", "session revoke -Xyz", "", "goes after --"},
		{"no name", "user add", "", "used as `caddy jwtauth user add <name>"},
		{"too many names", "user show a b", "", "used as `caddy jwtauth user show <name>`"},
		{"no terminal", "user add a", "", "give --password-stdin"},
		{"no terminal for passwd", "user passwd a", "", "give --password-stdin"},
		{"empty input", "user add a --password-stdin", "", "standard input is empty"},
		{"empty line", "user add a --password-stdin", "\n", "standard input is empty"},
		{"two lines", "user add a --password-stdin", "one\ntwo\n", "more than one line"},
		{"too long", "user add a --password-stdin", strings.Repeat("x", 1<<17), "too long"},
		{"not UTF-8", "user add a --password-stdin", "caf\xe9 au lait\n", "not UTF-8"},
		{"password and hash", "user add a --password-stdin --password-hash-stdin", "x\n", "not both"},
		{"config and password", "user add a --password-stdin -c -", "x\n", "cannot be the config and the password"},
		{"bad name", "user add a\nb --password-stdin", "correct horse\n", "control characters"},
		{"bad role", "user add a --role x,y --password-stdin", "correct horse\n", "one by one"},
		{"bad scope", "user add a --scope ü --password-stdin", "correct horse\n", "printable ASCII"},
		{"bad email", "user add a --email x --password-stdin", "correct horse\n", "name@domain"},
		{"claim without value", "user add a --claim x --password-stdin", "correct horse\n", "name=value"},
		{"claim without name", "user add a --claim =x --password-stdin", "correct horse\n", "name=value"},
		{"claim twice", "user add a --claim x=1 --claim x=2 --password-stdin", "correct horse\n", "given twice"},
		{"reserved claim", "user add a --claim sub=root --password-stdin", "correct horse\n", "reserved"},
		{"roles and --add", "user roles a x --add y", "", "--none"},
		{"--now alone", "user roles a --now", "", "session revoke --user"},
		{"session and user", "session revoke x --user y", "", "used as"},
		{"bad realm", "user list --realm UP", "", "lower-case"},
		{"empty token", "token inspect", "", "standard input is empty"},
		{"blank token", "token inspect", " \n", "the token is empty"},
	} {
		t.Run(test.name, func(t *testing.T) {
			stdout, stderr, err := run(test.input, strings.Split(test.args, " ")...)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("error %v, want %q in it", err, test.want)
			}
			if strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("not one line: %q", err)
			}
			if stdout != "" {
				t.Errorf("standard output: %q", stdout)
			}
			if !strings.HasSuffix(stderr, "Error: "+err.Error()+"\n") || strings.Count(stderr, "Error:") != 1 {
				t.Errorf("standard error: %q", stderr)
			}
			if test.input != "" && strings.Contains(stderr, strings.TrimSpace(test.input)) && len(test.input) > 2 {
				t.Errorf("the password is shown: %q", stderr)
			}
		})
	}
}

func TestReadLineCutsTheNewline(t *testing.T) {
	for input, want := range map[string]string{
		"correct horse": "correct horse", "correct horse\n": "correct horse", "correct horse\r\n": "correct horse",
		" with spaces \n": " with spaces ",
	} {
		cmd := new(cobra.Command)
		cmd.SetIn(strings.NewReader(input))
		if got, err := new(options).readLine(cmd, "password"); err != nil || got != want {
			t.Errorf("%q: %q, %v; want %q", input, got, err, want)
		}
	}
}

func TestHelp(t *testing.T) {
	for _, args := range [][]string{nil, {"user"}, {"session"}, {"key"}, {"token"}} {
		stdout, stderr, err := run("", args...)
		if err != nil || stderr != "" || !strings.Contains(stdout, "Available Commands:") {
			t.Errorf("caddy jwtauth %s: %v\n%s%s", strings.Join(args, " "), err, stdout, stderr)
		}
	}
}
