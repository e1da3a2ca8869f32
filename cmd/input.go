package cmd

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

const (
	// shortPassword is what a warning is given below.
	shortPassword = 8
	maxInput      = 64 << 10
)

// secret is where a command takes a password from: a prompt unless a flag says
// standard input.
type secret struct {
	password bool // --password-stdin
	hash     bool // --password-hash-stdin
}

func (s *secret) addFlags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&s.password, "password-stdin", false, "Read the password from standard input, one line")
	cmd.Flags().BoolVar(&s.hash, "password-hash-stdin", false, "Read a hash of the password from standard input, one line")
}

// read returns a new password or its hash, and the other one empty.
func (s *secret) read(cmd *cobra.Command, o *options) (password, hash string, err error) {
	switch {
	case s.password && s.hash:
		return "", "", errors.New("give --password-stdin or --password-hash-stdin, not both")
	case s.hash:
		hash, err = o.readLine(cmd, "hash")
		return "", hash, err
	case s.password:
		password, err = o.readLine(cmd, "password")
	default:
		password, err = askTwice(cmd)
	}
	if err != nil {
		return "", "", err
	}
	if !utf8.ValidString(password) {
		return "", "", errors.New("the password is not UTF-8 text: set the terminal, or the program that writes it, to UTF-8")
	}
	if utf8.RuneCountInString(password) < shortPassword {
		warn(cmd, fmt.Sprintf("the password is shorter than %d characters, which is easy to guess", shortPassword))
	}
	return password, "", nil
}

// readLine reads the only line of standard input.
func (o *options) readLine(cmd *cobra.Command, what string) (string, error) {
	if o.config == "-" {
		return "", fmt.Errorf("standard input cannot be the config and the %s: give the config as a file", what)
	}
	text, err := io.ReadAll(io.LimitReader(cmd.InOrStdin(), maxInput+1))
	if err != nil {
		return "", fmt.Errorf("reading standard input: %w", err)
	}
	line := strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r")
	switch {
	case line == "":
		return "", fmt.Errorf("standard input is empty: write the %s to it, as one line", what)
	case len(text) > maxInput:
		return "", fmt.Errorf("standard input is too long for a %s", what)
	case strings.ContainsAny(line, "\r\n"):
		return "", fmt.Errorf("standard input has more than one line: write the %s to it and nothing else", what)
	}
	return line, nil
}

// askTwice asks for a new password at the terminal.
func askTwice(cmd *cobra.Command) (string, error) {
	file, ok := cmd.InOrStdin().(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return "", errors.New("there is no terminal to ask for the password: write it to standard input and give --password-stdin")
	}
	first, err := ask(cmd, file, "New password: ")
	if err != nil {
		return "", err
	}
	if first == "" {
		return "", errors.New("the password is empty: run the command again and type one")
	}
	second, err := ask(cmd, file, "The same again: ")
	if err != nil {
		return "", err
	}
	if first != second {
		return "", errors.New("the two passwords differ: run the command again")
	}
	return first, nil
}

// ask reads a line without echo. An interrupt gives the terminal its echo back.
func ask(cmd *cobra.Command, file *os.File, prompt string) (string, error) {
	state, err := term.GetState(int(file.Fd()))
	if err != nil {
		return "", fmt.Errorf("asking for the password: %w", err)
	}
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt)
	defer signal.Stop(interrupted)

	talk := cmd.ErrOrStderr()
	_, _ = fmt.Fprint(talk, prompt)
	type line struct {
		text []byte
		err  error
	}
	read := make(chan line, 1)
	go func() {
		text, err := term.ReadPassword(int(file.Fd()))
		read <- line{text, err}
	}()
	select {
	case got := <-read:
		_, _ = fmt.Fprintln(talk)
		if got.err != nil {
			return "", fmt.Errorf("no password was typed: %w", got.err)
		}
		return string(got.text), nil
	case <-interrupted:
		_ = term.Restore(int(file.Fd()), state)
		_, _ = fmt.Fprintln(talk)
		return "", errors.New("interrupted: nothing was done")
	}
}
