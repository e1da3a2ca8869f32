package jwtauth

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/guard"
)

// stream is an answer that may last: an upgraded connection, or one that is sent bit by
// bit. Its realm ends it when its session has ended.
type stream struct {
	ended atomic.Bool
	stop  func()
}

var errStreamEnded = errors.New("the session of this answer has ended")

// watch has the realm watch an answer to a user; conn is that of an upgraded connection.
func (w *guardedWriter) watch(conn net.Conn) {
	in, who := w.Found()
	if who == nil || w.IsStream() && conn == nil {
		return
	}
	w.StopStream() // one that was flushed before it was upgraded has no deadlines any more
	s := new(stream)
	s.stop = in.Watch(who, func() {
		s.ended.Store(true)
		if conn != nil {
			_ = conn.Close()
			return
		}
		// Whatever waits for the client or the upstream fails now: the connection of
		// HTTP/1, or the stream of HTTP/2, is of no use any more.
		past := time.Unix(1, 0)
		control := http.NewResponseController(w.ResponseWriter)
		_ = control.SetReadDeadline(past)
		_ = control.SetWriteDeadline(past)
	})
	w.Stream(s)
}

// Over implements [guard.Stream].
func (s *stream) Over() bool { return s.ended.Load() }

// Stop implements [guard.Stream].
func (s *stream) Stop() { s.stop() }

// Hijack implements [http.Hijacker]: what an upgraded connection says after that does not
// come through the writer.
func (w *guardedWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil {
		w.watch(conn)
	}
	return conn, buffered, err
}

// Interface guards
var (
	_ http.Hijacker = (*guardedWriter)(nil)
	_ guard.Stream  = (*stream)(nil)
)
