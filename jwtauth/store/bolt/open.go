package bolt

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/internal/engine"
)

// formatVersion is the layout of the buckets that this package writes. It reads
// format 1 too, in which [bucketEpochs] held epochs alone, no log had entries of
// kind User, and no session id had a stamp: a former version would let pass what
// such an entry denies.
const formatVersion = 2

const (
	defaultTimeout = time.Second
	// smallest is the size of the smallest bbolt file: four pages of 4 KiB.
	smallest = 4 * 4096
)

// Errors of [Open], wrapped with the file and the way out.
var (
	// ErrLocked means that another process has the file open.
	ErrLocked = errors.New("another Caddy or command has it open")
	// ErrForeign means that the file is damaged or was never a store.
	ErrForeign = errors.New("not a readable store")
	// ErrVersion means that a newer version wrote the file.
	ErrVersion = errors.New("written by a newer version")
)

// format is the record that marks a file as a store.
type format struct {
	Version int    `json:"version"`
	ID      string `json:"id"`
}

var formatKey = []byte("format")

// Open opens the store in the file at path, or makes one where no file is. Folders that are missing are made for the owner alone (0700),
// and so is the file (0600). A file that is anything else is left as it is.
func Open(path string, opts Options) (*Store, error) {
	if opts.Timeout == 0 {
		opts.Timeout = defaultTimeout
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of store file %s: %w", path, err)
	}
	if err := checkSize(path); err != nil {
		return nil, err
	}
	db, file, err := openFile(path, opts)
	if err != nil {
		return nil, explain(path, err)
	}
	s := &Store{path: path, db: db, file: file}
	if err := guard(s.identify); err != nil {
		if panicked := new(panicError); errors.As(err, &panicked) {
			_ = release(file) // bbolt may hold locks that closing it waits for
		} else {
			_ = db.Close()
		}
		return nil, explain(path, err)
	}
	s.writer = newWriter(s)
	return s, nil
}

// checkSize refuses what is too short to be a bbolt file before anything maps
// it into memory.
func checkSize(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("open store file: %w", err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("store file %s is not a file; give the store another path", path)
	case info.Size() == 0:
		return fmt.Errorf("store file %s: %w: it is empty, as after a copy that has failed or on a full disk; put a backup in its place, or remove it to begin a store without its users and sessions", path, ErrForeign)
	case info.Size() < smallest:
		return explain(path, bolterrors.ErrInvalid)
	}
	return nil
}

// openFile opens the file with bbolt. Where bbolt panics the file is closed,
// which gives its lock back.
func openFile(path string, opts Options) (db *bbolt.DB, file *os.File, err error) {
	err = guard(func() error {
		var err error
		db, err = bbolt.Open(path, 0o600, &bbolt.Options{
			Timeout:      opts.Timeout,
			NoSync:       opts.NoSync,
			MaxSize:      opts.maxSize,
			NoStatistics: true,
			FreelistType: bbolt.FreelistMapType,
			OpenFile: func(name string, flag int, mode os.FileMode) (*os.File, error) {
				var err error
				file, err = os.OpenFile(name, flag, mode)
				return file, err
			},
		})
		return err
	})
	if err != nil {
		if panicked := new(panicError); errors.As(err, &panicked) && file != nil {
			_ = release(file)
		}
		return nil, nil, err
	}
	return db, file, nil
}

// identify reads which store the file holds, and makes one in an empty file.
func (s *Store) identify() error {
	var empty, former bool
	err := s.db.View(func(btx *bbolt.Tx) error {
		info, err := os.Stat(s.path)
		if err != nil {
			return err
		}
		if info.Size() < btx.Size() {
			return fmt.Errorf("%w: the file is cut off", ErrForeign)
		}
		if name, _ := btx.Cursor().First(); name == nil {
			empty = true
			return nil
		}
		former, err = s.readFormat(btx)
		return err
	})
	switch {
	case err != nil:
		return err
	case empty:
		return s.make()
	case former:
		return s.db.Update(func(btx *bbolt.Tx) error { return writeFormat(btx, s.id) })
	}
	return nil
}

// readFormat reads which store it is; former says that its format is a former one.
func (s *Store) readFormat(btx *bbolt.Tx) (former bool, err error) {
	b := btx.Bucket([]byte(bucketFormat))
	if b == nil {
		return false, fmt.Errorf("%w: another program's bbolt file", ErrForeign)
	}
	var f format
	if err := engine.Decode("format", b.Get(formatKey), &f); err != nil {
		return false, err
	}
	if f.Version > formatVersion {
		return false, fmt.Errorf("%w (format %d, this one reads %d)", ErrVersion, f.Version, formatVersion)
	}
	if f.Version < 1 || !engine.ValidID(f.ID) {
		return false, fmt.Errorf("%w: its format record makes no sense", ErrForeign)
	}
	for _, name := range buckets {
		if btx.Bucket([]byte(name)) == nil {
			return false, fmt.Errorf("%w: bucket %s is missing", ErrForeign, name)
		}
	}
	s.id = f.ID
	return f.Version < formatVersion, nil
}

func writeFormat(btx *bbolt.Tx, id string) error {
	b, err := engine.Encode("format", format{Version: formatVersion, ID: id})
	if err != nil {
		return err
	}
	return btx.Bucket([]byte(bucketFormat)).Put(formatKey, b)
}

// make writes a new store in one transaction.
func (s *Store) make() error {
	id, err := engine.NewID(rand.Reader)
	if err != nil {
		return err
	}
	err = s.db.Update(func(btx *bbolt.Tx) error {
		for _, name := range buckets {
			if _, err := btx.CreateBucket([]byte(name)); err != nil {
				return err
			}
		}
		return writeFormat(btx, id)
	})
	if err != nil {
		return err
	}
	s.id = id
	syncFolder(filepath.Dir(s.path))
	return nil
}

// syncFolder makes a new file's name durable, on systems that can.
func syncFolder(path string) {
	if folder, err := os.Open(path); err == nil {
		_ = folder.Sync()
		_ = folder.Close()
	}
}

// explain says what to do about a file that cannot be opened.
func explain(path string, err error) error {
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return fmt.Errorf("store file %s: %w: stop that one, or give this one a file of its own", path, ErrLocked)
	case errors.Is(err, ErrVersion):
		return fmt.Errorf("store file %s: %w: update this program, or restore a backup made before the update", path, err)
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrChecksum), errors.Is(err, bolterrors.ErrVersionMismatch), errors.Is(err, store.ErrCorrupt):
		err = fmt.Errorf("%w: %w", ErrForeign, err)
	}
	switch {
	case errors.Is(err, ErrForeign):
		return fmt.Errorf("store file %s: %w: restore a backup of it, or move it away to begin with an empty store; it was left as it is", path, err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("store file %s: %w: run this as the user who owns the file, or give that user the folder", path, err)
	}
	return fmt.Errorf("open store file %s: %w", path, err)
}
