//go:build unix

package cmd

import (
	"os"
	"syscall"
)

// owner returns the id of the user that a file belongs to.
func owner(info os.FileInfo) (uid int, ok bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return int(stat.Uid), true
}
