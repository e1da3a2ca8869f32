package examples_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/internal/testcaddy"
)

// answer is what a command line of curl got.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) String() string { return fmt.Sprintf("%d %s", a.status, strings.TrimSpace(a.body)) }

// json is a member of the body that is a string, "" where there is none.
func (a answer) json(name string) string {
	var body map[string]any
	if json.Unmarshal([]byte(a.body), &body) != nil {
		return ""
	}
	text, _ := body[name].(string)
	return text
}

// A curl runs the words of a command line, the first of which is curl.
type curl func(t *testing.T, words []string) answer

// curls are the curl of this machine, if it has one, and that of this file.
func curls() map[string]curl {
	all := map[string]curl{"http": goCurl}
	if path, err := exec.LookPath("curl"); err == nil {
		all["curl"] = func(t *testing.T, words []string) answer { return realCurl(t, path, words) }
	}
	return all
}

// realCurl runs curl, with the headers in its output and without its settings.
func realCurl(t *testing.T, path string, words []string) answer {
	t.Helper()
	cmd := exec.Command(path, append([]string{"-q", "-sS", "-i", "--noproxy", "*", "--max-time", "60"}, words[1:]...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("%q: %v\n%s", words, err, stderr.String())
	}
	response, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(output)), nil)
	if err != nil {
		t.Fatalf("%q: %v in %q", words, err, output)
	}
	a, err := testcaddy.Read(response)
	if err != nil {
		t.Fatal(err)
	}
	return answer{a.StatusCode, a.Header, a.Body}
}

// goCurl sends the request that curl would, for machines without it.
func goCurl(t *testing.T, words []string) answer {
	t.Helper()
	method, url, data := "", "", ""
	header := http.Header{"User-Agent": {"curl/8.0"}, "Accept": {"*/*"}}
	for rest := words[1:]; len(rest) > 0; rest = rest[1:] {
		word := rest[0]
		if !strings.HasPrefix(word, "-") {
			url = word
			continue
		}
		if rest = rest[1:]; len(rest) == 0 {
			t.Fatalf("%q: nothing behind %s", words, word)
		}
		switch word {
		case "-X":
			method = rest[0]
		case "-d":
			data = rest[0]
			header.Set("Content-Type", "application/x-www-form-urlencoded")
		case "-H":
			name, value, _ := strings.Cut(rest[0], ":")
			header.Add(name, strings.TrimSpace(value))
		default:
			t.Fatalf("%q: unknown option %s", words, word)
		}
	}
	if method == "" && data != "" {
		method = http.MethodPost
	}
	r, err := http.NewRequest(method, url, strings.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = header
	a, err := testcaddy.Do(testcaddy.Client, r)
	if err != nil {
		t.Fatal(err)
	}
	return answer{a.StatusCode, a.Header, a.Body}
}

// shellWords splits a command line as a shell does that has quotes and nothing
// else.
func shellWords(t *testing.T, line string) []string {
	t.Helper()
	var words []string
	var word strings.Builder
	quote, inWord := rune(0), false
	for _, c := range line {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote, inWord = c, true
		case quote == 0 && c == ' ':
			if inWord {
				words = append(words, word.String())
			}
			word.Reset()
			inWord = false
		case c == '\\' || c == '$' || c == '`':
			t.Fatalf("%s: the line means more to a shell than this test understands", line)
		default:
			word.WriteRune(c)
			inWord = true
		}
	}
	if quote != 0 {
		t.Fatalf("%s: a quote is open", line)
	}
	if inWord {
		words = append(words, word.String())
	}
	if len(words) == 0 || words[0] != "curl" {
		t.Fatalf("%s: no line of curl", line)
	}
	return words
}
