//go:build !linux

package main

import "time"

// pause is time.Sleep.
func pause(d time.Duration) { time.Sleep(d) }
