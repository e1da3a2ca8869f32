package main

import (
	"syscall"
	"time"
)

// pause is time.Sleep to some 50 µs; that one wakes up to a millisecond late.
func pause(d time.Duration) {
	left := syscall.NsecToTimespec(int64(d))
	_ = syscall.Nanosleep(&left, nil) // the caller looks at the clock
}
