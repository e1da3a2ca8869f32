package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/bbolt"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/store/internal/engine"
)

// The buckets of a file. Records are JSON; what an index needs is in its keys.
const (
	bucketFormat = "jwtauth"
	bucketMeta   = "meta"

	bucketUsers  = "users"
	bucketEpochs = "epochs" // user name → the stored form of an engine.Ledger

	bucketSessions         = "sessions"
	bucketSessionsByUser   = "sessions_by_user"   // ownedKey → timeKey of CreatedAt
	bucketSessionsByExpiry = "sessions_by_expiry" // timeKey, id

	bucketRevocations        = "revocations"          // position, 8 bytes big endian
	bucketRevocationsByUntil = "revocations_by_until" // timeKey, position

	bucketAttempts         = "attempts"
	bucketAttemptsByExpiry = "attempts_by_expiry" // timeKey, key

	bucketOnce         = "once"
	bucketOnceByExpiry = "once_by_expiry" // timeKey, key
)

var buckets = []string{
	bucketFormat, bucketMeta, bucketUsers, bucketEpochs,
	bucketSessions, bucketSessionsByUser, bucketSessionsByExpiry,
	bucketRevocations, bucketRevocationsByUntil,
	bucketAttempts, bucketAttemptsByExpiry, bucketOnce, bucketOnceByExpiry,
}

// tx is a transaction as one operation sees it. Values it returns belong to
// the transaction: they are decoded or copied before it ends.
type tx struct {
	*bbolt.Tx
	// wrote tells the writer that the operation changed something, appended
	// that it changed the revocation log.
	wrote, appended bool
}

// bucket returns a bucket. Open has seen that all are there.
func (t *tx) bucket(name string) *bbolt.Bucket { return t.Tx.Bucket([]byte(name)) }

func (t *tx) get(bucket string, key []byte) []byte { return t.bucket(bucket).Get(key) }

func (t *tx) put(bucket string, key, value []byte) error {
	t.wrote = true
	if err := t.bucket(bucket).Put(key, value); err != nil {
		return fmt.Errorf("write to %s: %w", bucket, err)
	}
	return nil
}

func (t *tx) remove(bucket string, key []byte) error {
	t.wrote = true
	if err := t.bucket(bucket).Delete(key); err != nil {
		return fmt.Errorf("remove from %s: %w", bucket, err)
	}
	return nil
}

// move files a record's index entry under another time. A zero from or to
// stands for none.
func (t *tx) move(index string, from, to []byte) error {
	if bytes.Equal(from, to) {
		return nil
	}
	if from != nil {
		if err := t.remove(index, from); err != nil {
			return err
		}
	}
	if to != nil {
		return t.put(index, to, nil)
	}
	return nil
}

// past returns what the entries of an index that are due at now point to, at
// most limit.
func (t *tx) past(index string, now time.Time, limit int) (keys [][]byte, err error) {
	bound := timeKey(now)
	c := t.bucket(index).Cursor()
	for k, _ := c.First(); k != nil && len(keys) < limit; k, _ = c.Next() {
		if len(k) <= len(bound) {
			return nil, engine.Corrupt(index, errIndex)
		}
		if bytes.Compare(k[:len(bound)], bound) > 0 {
			break
		}
		keys = append(keys, bytes.Clone(k[len(bound):]))
	}
	return keys, nil
}

var errIndex = errors.New("an index does not fit its records")

// timeKey orders moments as bytes.
func timeKey(at time.Time) []byte {
	k := binary.BigEndian.AppendUint64(nil, uint64(at.Unix())^1<<63)
	return binary.BigEndian.AppendUint32(k, uint32(at.Nanosecond()))
}

// dueKey files a key under the moment at which its record may go.
func dueKey(at time.Time, key []byte) []byte { return append(timeKey(at), key...) }

// ownedKey files an id under its user. The length in front keeps one name from
// being the beginning of another.
func ownedKey(username, id string) []byte {
	k := binary.BigEndian.AppendUint32(nil, uint32(len(username)))
	return append(append(k, username...), id...)
}

func positionKey(position uint64) []byte { return binary.BigEndian.AppendUint64(nil, position) }

// locate adds the file's name to errors that mean the file is at fault.
func (s *Store) locate(err error) error {
	if err != nil && errors.Is(err, store.ErrCorrupt) {
		return s.fault("read", err)
	}
	return err
}
