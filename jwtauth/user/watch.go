package user

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// DefaultInterval is how often a users file is looked at.
	DefaultInterval = time.Second

	// coarsest is longer than the step of any file system's clock: a file
	// written that shortly before it was read may change and look the same.
	coarsest = 3 * time.Second
)

// File is a users file that is read again when it changes. A version that is
// broken, or gone, leaves the last good one in force. It is safe for concurrent
// use.
type File struct {
	path  string
	users atomic.Pointer[[]User]
	// accept is asked before new users come into force. [NewDirectory] sets it.
	accept func([]User) error
	now    func() time.Time

	mu sync.Mutex // guards what follows, and is held while reading
	// info is the file last read; nil makes the next look read it again.
	info fs.FileInfo
	// sum is of the content in force.
	sum [sha256.Size]byte
	// bad is what is wrong with the file since then, told the one that a
	// caller already knows.
	bad, told failure
}

// failure is an error and the content it is about, zero where none was read.
type failure struct {
	err error
	sum [sha256.Size]byte
}

// is reports whether two failures are the same news.
func (a failure) is(b failure) bool {
	if a.err == nil || b.err == nil {
		return a.err == nil && b.err == nil
	}
	return a.sum == b.sum && a.err.Error() == b.err.Error()
}

// NewFile returns the users file at path, which is not opened yet.
func NewFile(path string) *File {
	return &File{path: path, now: time.Now}
}

// Path is the path given to [NewFile].
func (f *File) Path() string { return f.path }

// Users returns the users in force, nil before the first [File.Load] that
// succeeded. They are shared: do not write to them.
func (f *File) Users() []User {
	if users := f.users.Load(); users != nil {
		return *users
	}
	return nil
}

// Load reads the file now and puts its users into force, or returns why not.
func (f *File) Load() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.info = nil
	f.look()
	f.told = f.bad
	return f.bad.err
}

// Watch looks at the file every interval (0: [DefaultInterval]) until ctx ends,
// and only then returns. It follows the path each time, so a file replaced by a
// rename and a link that moves are seen.
//
// onChange is called, never twice at once, with the users that came into force,
// or with an error that leaves the last good ones in force: once for each
// distinct error, and not for one that is gone at the next look, as that of a
// file half written. When a broken file is good again it is called with the users,
// also where they are the same as before.
func (f *File) Watch(ctx context.Context, interval time.Duration, onChange func(users []User, err error)) {
	if interval <= 0 {
		interval = DefaultInterval
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			f.poll(onChange)
		}
	}
}

// poll is one look of Watch.
func (f *File) poll(onChange func([]User, error)) {
	f.mu.Lock()
	before, repaired := f.bad, f.told.err != nil
	changed := f.look()
	bad := f.bad
	report := changed || repaired
	if bad.err != nil {
		report = bad.is(before) && !bad.is(f.told)
	}
	if report {
		f.told = bad
	}
	f.mu.Unlock()
	switch {
	case !report:
	case bad.err != nil:
		onChange(nil, bad.err)
	default:
		onChange(f.Users(), nil)
	}
}

// look reads the file if it may have changed, sets bad, and returns whether
// other users came into force.
func (f *File) look() (changed bool) {
	if info, err := os.Stat(f.path); err == nil && f.info != nil && same(info, f.info) {
		return false
	}
	text, info, err := readFile(f.path)
	if f.info = info; err != nil {
		f.bad = failure{err: err}
		return false
	}
	if f.now().Sub(info.ModTime()).Abs() < coarsest {
		f.info = nil
	}
	sum := sha256.Sum256(text)
	if f.users.Load() != nil && sum == f.sum {
		f.bad = failure{}
		return false
	}
	users, err := parseFile(f.path, text)
	if err == nil && f.accept != nil {
		if err = f.accept(users); err != nil {
			err = fmt.Errorf("users file %s: %w", f.path, err)
			// The cause lies outside and may go away while the file stays as it is.
			f.info = nil
		}
	}
	if err != nil {
		f.bad = failure{err: err, sum: sum}
		return false
	}
	f.users.Store(&users)
	f.sum, f.bad = sum, failure{}
	return true
}

// same reports whether two looks at a path saw one unchanged file.
func same(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}
