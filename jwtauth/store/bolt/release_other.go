//go:build !unix || solaris || aix

package bolt

import "os"

// release closes a file that bbolt did not let go of.
func release(file *os.File) error { return file.Close() }
