package user

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Source says where a user comes from.
type Source string

// The sources of users.
const (
	SourceConfig Source = "config"
	SourceFile   Source = "file"
	SourceStore  Source = "store"
)

// ErrAmbiguous is returned for a name that is in the store and in the
// configuration or a users file as well, or that a client has. No user can sign in under it until one of
// the two is gone.
var ErrAmbiguous = errors.New("the name has two owners; remove or rename one of them")

// Entry is a user and where it comes from. Version and times are zero for a
// user who is not in the store.
type Entry struct {
	Record
	Source Source
	// Path is the users file, "" for the other sources.
	Path string
	// Ambiguous marks a user of the configuration or a users file whose name
	// the store has too. Only [Directory.List] returns such entries.
	Ambiguous bool
}

// Directory finds the users of a realm in all their sources, and changes those
// in the store. It is safe for concurrent use.
type Directory struct {
	store    Store
	files    []*File
	now      func() time.Time
	readOnly atomic.Pointer[readOnly]

	mu    sync.Mutex // guards parts and is held while readOnly is replaced
	parts []part
}

// part is what one read-only source contributes.
type part struct {
	source Source
	path   string
	users  []User
}

func (p part) String() string {
	if p.source == SourceFile {
		return "users file " + p.path
	}
	return "the configuration"
}

// readOnly is a snapshot of all read-only users. It is never written to.
type readOnly struct {
	byName map[string]Entry
	names  []string // ascending
}

// NewDirectory returns the directory of the users given in the configuration,
// those of files and those of store. It checks the former, opens no file, and
// becomes the only owner of each [File]: call [Directory.Load] before use, and
// [File.Watch] for as long as it is in use. A file that brings a name which
// another read-only source has is broken, in the sense of File.
func NewDirectory(static []User, files []*File, store Store) (*Directory, error) {
	var errs []error
	for _, u := range static {
		errs = append(errs, CheckNew(u))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	d := &Directory{store: store, files: files, now: time.Now}
	d.parts = make([]part, 1+len(files))
	d.parts[0] = part{source: SourceConfig, users: slices.Clone(static)}
	for i, f := range files {
		p := part{source: SourceFile, path: f.Path()}
		d.parts[i+1] = p
		f.accept = func(users []User) error {
			p := p
			p.users = users
			return d.replace(i+1, p)
		}
	}
	if err := d.replace(0, d.parts[0]); err != nil {
		return nil, err
	}
	return d, nil
}

// Load reads all files. Every one that cannot be used is part of the error.
func (d *Directory) Load() error {
	var errs []error
	for _, f := range d.files {
		errs = append(errs, f.Load())
	}
	return errors.Join(errs...)
}

// replace puts p in the place of a part, or returns which name it shares with
// another part.
func (d *Directory) replace(i int, p part) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	parts := slices.Clone(d.parts)
	parts[i] = p
	next := &readOnly{byName: make(map[string]Entry)}
	in := make(map[string]part)
	for _, p := range parts {
		for _, u := range p.users {
			if other, taken := in[u.Username]; taken {
				return fmt.Errorf("user %s is in %s and in %s; a name may have one source only", quote(u.Username), other, p)
			}
			in[u.Username] = p
			next.byName[u.Username] = Entry{Record: Record{User: u}, Source: p.source, Path: p.path}
		}
	}
	next.names = slices.Sorted(maps.Keys(next.byName))
	d.parts = parts
	d.readOnly.Store(next)
	return nil
}

// Lookup returns a user, [ErrNotFound], or [ErrAmbiguous]. An error of the store
// is returned for every name: no user is let in while it cannot be asked. Sign-in
// reads the user's epoch before it calls Lookup.
func (d *Directory) Lookup(ctx context.Context, username string) (Entry, error) {
	if CheckUsername(username) != nil {
		return Entry{}, ErrNotFound
	}
	fixed, isFixed := d.readOnly.Load().byName[username]
	rec, err := d.store.User(ctx, username)
	switch {
	case errors.Is(err, ErrNotFound) && isFixed:
		return fixed.clone(), nil
	case err != nil:
		return Entry{}, err
	case isFixed:
		return Entry{}, fmt.Errorf("%w: %s", ErrAmbiguous, quote(username))
	}
	return Entry{Record: rec, Source: SourceStore}, nil
}

// ReadOnly returns the users of the configuration and of the users files, in
// the order of their names. They are shared: do not write to them.
func (d *Directory) ReadOnly() []User {
	all := d.readOnly.Load()
	users := make([]User, 0, len(all.names))
	for _, name := range all.names {
		users = append(users, all.byName[name].User)
	}
	return users
}

// List returns at most limit users of all sources, ordered by name (bytewise),
// beginning after the name after; "" begins at the start. limit is at least 1.
func (d *Directory) List(ctx context.Context, after string, limit int) ([]Entry, error) {
	limit = max(limit, 1)
	records, err := d.store.Users(ctx, after, limit)
	if err != nil {
		return nil, err
	}
	all := d.readOnly.Load()
	next, found := slices.BinarySearch(all.names, after)
	if found {
		next++
	}
	fixed := all.names[next:]
	var list []Entry
	for len(list) < limit && (len(fixed) > 0 || len(records) > 0) {
		order := -1 // of the next read-only name to the next record
		if len(fixed) == 0 {
			order = 1
		} else if len(records) > 0 {
			order = cmp.Compare(fixed[0], records[0].Username)
		}
		if order > 0 {
			list = append(list, Entry{Record: records[0], Source: SourceStore})
			records = records[1:]
			continue
		}
		e := all.byName[fixed[0]].clone()
		if fixed = fixed[1:]; order == 0 {
			e.Ambiguous = true
			records = records[1:]
		}
		list = append(list, e)
	}
	return list, nil
}

// clone returns a copy whose roles, scopes and claims are the caller's own.
func (e Entry) clone() Entry {
	e.Roles = slices.Clone(e.Roles)
	e.Scopes = slices.Clone(e.Scopes)
	e.Claims = maps.Clone(e.Claims)
	return e
}
