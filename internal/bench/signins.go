package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// signInsConfig is a flood of sign-ins.
type signInsConfig struct {
	// Host is the address and port of the server, which believes what
	// X-Forwarded-For says where 127.0.0.1 asks.
	Host string
	// Rate is in sign-ins a second, whatever the server does.
	Rate int
	For  time.Duration
	// Users is how many there are; the second half is the one that is guessed at.
	Users    int
	Password string
	// Slow is how many connections send their bodies byte by byte.
	Slow int
}

// signInsResult counts what came back.
type signInsResult struct {
	// Kinds is by kind and answer.
	Kinds map[string]map[string]int
	// Wrong are answers that should not have been, with how often they were.
	Wrong map[string]int
	// Unsent is how many were not sent since too many had no answer yet.
	Unsent int
}

// signInKind is one kind of sign-in in the flood.
type signInKind struct {
	name string
	// share is in percent of all; slow senders are extra.
	share int
	// send makes the n-th request of the flood.
	send func(f *signInFlood, n int) (*http.Request, *http.Client, error)
	// expected are answers that it may get. 429 and 503 need a Retry-After.
	expected []string
}

// cutOff is for a body that the server did not want to read to its end: who sends
// on may see the connection reset before the answer is read.
const cutOff = "cut off"

const slowKind = "bodies sent byte by byte"

var signInKinds = []signInKind{
	{"right password, an address each", 30, (*signInFlood).right, []string{"200", "503"}},
	{"unknown user, an address each", 25, (*signInFlood).unknown, []string{"401", "503"}},
	{"wrong password, an address each", 20, (*signInFlood).wrong, []string{"401", "503"}},
	{"wrong password, all from one address", 15, (*signInFlood).sameAddress, []string{"401", "429", "503"}},
	{"bodies of 2 MB", 5, (*signInFlood).huge, []string{"413", cutOff}},
	{"broken forms", 5, (*signInFlood).broken, []string{"400"}},
	{slowKind, 0, nil, []string{"200", "408", "503", cutOff}},
}

// signInFlood is a flood that is under way.
type signInFlood struct {
	signInsConfig
	// forwarded says for whom it asks; direct comes from another address of the
	// loopback interface, whose word is not taken.
	forwarded, direct *http.Client

	mu sync.Mutex
	r  signInsResult
}

// floodSignIns floods a server with sign-ins.
func floodSignIns(ctx context.Context, c signInsConfig) (signInsResult, error) {
	const mostUnanswered = 4000
	f := &signInFlood{
		signInsConfig: c, forwarded: clientFrom("127.0.0.1"), direct: clientFrom("127.0.0.2"),
		r: signInsResult{Kinds: make(map[string]map[string]int), Wrong: make(map[string]int)},
	}
	defer f.forwarded.CloseIdleConnections()
	defer f.direct.CloseIdleConnections()
	ctx, stop := context.WithTimeout(ctx, c.For+30*time.Second)
	defer stop()
	var (
		begin      = time.Now()
		interval   = time.Second / time.Duration(c.Rate)
		unanswered atomic.Int64
		sending    sync.WaitGroup
	)
	slow, stopSlow := context.WithDeadline(ctx, begin.Add(c.For))
	defer stopSlow()
	for n := range c.Slow {
		sending.Go(func() { f.drip(slow, n) })
	}
	for n := range int(c.For / interval) {
		time.Sleep(time.Until(begin.Add(time.Duration(n) * interval)))
		if ctx.Err() != nil {
			break
		}
		if unanswered.Load() >= mostUnanswered {
			f.r.Unsent++
			continue
		}
		unanswered.Add(1)
		sending.Go(func() {
			defer unanswered.Add(-1)
			f.one(ctx, n)
		})
	}
	sending.Wait()
	return f.r, ctx.Err()
}

func clientFrom(address string) *http.Client {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}, Timeout: 10 * time.Second}
	return &http.Client{
		Timeout:   20 * time.Second,
		Transport: &http.Transport{DialContext: dialer.DialContext, MaxIdleConnsPerHost: 512},
	}
}

// one makes one sign-in of a kind that is drawn.
func (f *signInFlood) one(ctx context.Context, n int) {
	draw := rand.IntN(100)
	i := 0
	for ; draw >= signInKinds[i].share; i++ {
		draw -= signInKinds[i].share
	}
	kind := signInKinds[i]
	request, client, err := kind.send(f, n)
	if err != nil {
		f.count(kind, err.Error(), nil)
		return
	}
	response, err := client.Do(request.WithContext(ctx))
	if err != nil {
		f.count(kind, f.answerOf(err), nil)
		return
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	f.count(kind, strconv.Itoa(response.StatusCode), response.Header)
}

func (f *signInFlood) answerOf(err error) string {
	text := err.Error()
	switch {
	case strings.Contains(text, "reset"), strings.Contains(text, "broken pipe"), strings.Contains(text, "EOF"), strings.Contains(text, "closed"):
		return cutOff
	case strings.Contains(text, "imeout"), strings.Contains(text, "deadline"):
		return "no answer"
	}
	return text
}

func (f *signInFlood) count(kind signInKind, answer string, header http.Header) {
	f.mu.Lock()
	defer f.mu.Unlock()
	of := f.r.Kinds[kind.name]
	if of == nil {
		of = make(map[string]int)
		f.r.Kinds[kind.name] = of
	}
	of[answer]++
	if !slices.Contains(kind.expected, answer) {
		f.r.Wrong[kind.name+": "+answer]++
	}
	if answer == "429" || answer == "503" {
		if seconds, err := strconv.Atoi(header.Get("Retry-After")); err != nil || seconds < 1 {
			f.r.Wrong[kind.name+": "+answer+" without Retry-After"]++
		}
	}
}

// userName is the n-th user of the sites that are flooded.
func userName(n int) string { return fmt.Sprintf("user%06d", n) }

// newcomer is an address that nobody else has.
func newcomer(n int) string { return fmt.Sprintf("10.%d.%d.%d", n>>16&255, n>>8&255, n&255) }

func (f *signInFlood) right(n int) (*http.Request, *http.Client, error) {
	return f.form(userName(n%(f.Users/2)), f.Password, newcomer(n))
}

func (f *signInFlood) unknown(n int) (*http.Request, *http.Client, error) {
	return f.form(fmt.Sprintf("nobody%06d", n), "guess", newcomer(n))
}

func (f *signInFlood) wrong(n int) (*http.Request, *http.Client, error) {
	return f.form(userName(f.Users/2+n%(f.Users/2)), "guess", newcomer(n))
}

func (f *signInFlood) sameAddress(n int) (*http.Request, *http.Client, error) {
	request, _, err := f.form(userName(f.Users/2+n%(f.Users/2)), "guess", "")
	return request, f.direct, err
}

func (f *signInFlood) huge(n int) (*http.Request, *http.Client, error) {
	return f.post(bytes.Repeat([]byte("username=a&"), 190_000), newcomer(n))
}

func (f *signInFlood) broken(n int) (*http.Request, *http.Client, error) {
	return f.post([]byte("username=%zz&password=%"), newcomer(n))
}

func (f *signInFlood) form(username, password, from string) (*http.Request, *http.Client, error) {
	return f.post([]byte(url.Values{"username": {username}, "password": {password}}.Encode()), from)
}

func (f *signInFlood) post(body []byte, from string) (*http.Request, *http.Client, error) {
	request, err := http.NewRequest(http.MethodPost, "http://"+f.Host+"/token", bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if from != "" {
		request.Header.Set("X-Forwarded-For", from)
	}
	return request, f.forwarded, nil
}

// drip signs in again and again, with bodies that take ten seconds.
func (f *signInFlood) drip(ctx context.Context, n int) {
	kind := signInKinds[len(signInKinds)-1]
	body := url.Values{"username": {userName(n % (f.Users / 2))}, "password": {f.Password}}.Encode()
	// Not all at the same moment.
	if !sleep(ctx, time.Duration(rand.Int64N(int64(time.Second)))) {
		return
	}
	for times := 0; ctx.Err() == nil; times++ {
		answer, header := f.dripOnce(ctx, body, newcomer(1<<23+times<<12+n))
		if ctx.Err() != nil {
			f.count(signInKind{name: slowKind, expected: []string{stillSending}}, stillSending, nil)
			return
		}
		f.count(kind, answer, header)
	}
}

// stillSending is for bodies whose end the flood did not live to see.
const stillSending = "under way at the end"

func (f *signInFlood) dripOnce(ctx context.Context, body, from string) (answer string, header http.Header) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", f.Host)
	if err != nil {
		return err.Error(), nil
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	_, err = fmt.Fprintf(conn, "POST /token HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-www-form-urlencoded\r\n"+
		"X-Forwarded-For: %s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n", f.Host, from, len(body))
	for i := 0; err == nil && i < len(body); i++ {
		_, err = io.WriteString(conn, body[i:i+1])
		if !sleep(ctx, 10*time.Second/time.Duration(len(body))) {
			return stillSending, nil
		}
	}
	if err != nil {
		return f.answerOf(err), nil
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return f.answerOf(err), nil
	}
	_ = response.Body.Close()
	return strconv.Itoa(response.StatusCode), response.Header
}

// sleep reports whether ctx lasted as long.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
