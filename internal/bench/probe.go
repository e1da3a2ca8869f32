package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// probeConfig is a steady load of one request again and again.
type probeConfig struct {
	URL, Token string
	// Rate is in requests a second, whatever the server does: a request is
	// sent when it is due, on another connection where the others are busy.
	Rate int
	// Windows of Window each are looked at one by one.
	Windows int
	Window  time.Duration
}

// probeResult has the latencies of each window.
type probeResult struct {
	Windows []probeWindow
	// Wrong are answers that were not 200, or were none.
	Wrong int
	// Example is one of them.
	Example string
}

// probeWindow has latencies in µs: from the moment a request was due, so that
// none is forgiven for the delay of the one before it, and from the moment it
// was sent, which leaves out how late the generator itself was.
type probeWindow struct {
	P50, P99, Max    float64
	SentP50, SentP99 float64
	Requests         int
}

// probe sends a steady load.
func probe(ctx context.Context, c probeConfig) (r probeResult, err error) {
	const mostConnections = 1024
	client := &http.Client{
		Timeout:   20 * time.Second,
		Transport: &http.Transport{MaxIdleConnsPerHost: mostConnections, MaxConnsPerHost: mostConnections},
	}
	defer client.CloseIdleConnections()
	get := func() error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.URL, nil)
		if err != nil {
			return err
		}
		request.Header.Set("Authorization", "Bearer "+c.Token)
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		_, err = io.Copy(io.Discard, response.Body)
		if err == nil && response.StatusCode != http.StatusOK {
			err = fmt.Errorf("status %s", response.Status)
		}
		return err
	}
	// Some connections are open before it begins.
	var warming sync.WaitGroup
	for range 16 {
		warming.Go(func() {
			for range 20 {
				_ = get()
			}
		})
	}
	warming.Wait()

	var (
		mu        sync.Mutex
		sending   sync.WaitGroup
		perWindow = int(float64(c.Rate) * c.Window.Seconds())
		due, sent = make([][]float64, c.Windows), make([][]float64, c.Windows)
		interval  = time.Second / time.Duration(c.Rate)
		begin     = time.Now().Add(10 * time.Millisecond)
	)
	for i := range c.Windows * perWindow {
		moment := begin.Add(time.Duration(i) * interval)
		for left := time.Until(moment); left > 0; left = time.Until(moment) {
			pause(left) // a signal may cut it short
		}
		if ctx.Err() != nil {
			break
		}
		sending.Go(func() {
			began := time.Now()
			err := get()
			ended := time.Now()
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				r.Wrong++
				r.Example = err.Error()
				return
			}
			window := i / perWindow
			due[window] = append(due[window], micros(ended.Sub(moment)))
			sent[window] = append(sent[window], micros(ended.Sub(began)))
		})
	}
	sending.Wait()
	for i := range due {
		r.Windows = append(r.Windows, probeWindow{
			P50: quantile(due[i], 0.5), P99: quantile(due[i], 0.99), Max: quantile(due[i], 1),
			SentP50: quantile(sent[i], 0.5), SentP99: quantile(sent[i], 0.99), Requests: len(due[i]),
		})
	}
	return r, ctx.Err()
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
