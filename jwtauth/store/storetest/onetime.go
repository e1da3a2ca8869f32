package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/oauth2"
)

func testOneTime(t *testing.T, s *suite) {
	ctx := t.Context()
	v, err := s.TakeOnce(ctx, "none", s.now)
	wantErr(t, "take what was never put", err, oauth2.ErrCodeNotFound)
	if v != nil {
		t.Errorf("a value that was never put is %q", v)
	}
	value := []byte("value\x00\xff")
	must(t, s.PutOnce(ctx, "a", value, s.at(time.Minute)))
	value[0] = 'V' // the caller's own
	if s.PutOnce(ctx, "a", []byte("other"), s.at(time.Hour)) == nil {
		t.Error("a key in use was put again")
	}
	v, err = s.TakeOnce(ctx, "a", s.at(time.Second))
	if string(v) != "value\x00\xff" || err != nil {
		t.Errorf("took %q, %v", v, err)
	}
	for range 2 {
		v, err = s.TakeOnce(ctx, "a", s.at(2*time.Second))
		wantErr(t, "take again", err, oauth2.ErrCodeTaken)
		if string(v) != "value\x00\xff" {
			t.Errorf("a second use gets %q", v)
		}
	}
	if s.PutOnce(ctx, "a", []byte("other"), s.at(time.Hour)) == nil {
		t.Error("a key that was taken was put again")
	}
	for name, key := range map[string]string{"taken": "a", "not taken": "b"} {
		if key == "b" {
			must(t, s.PutOnce(ctx, "b", []byte("b"), s.at(time.Minute)))
		}
		v, err = s.TakeOnce(ctx, key, s.at(time.Minute))
		wantErr(t, "expired, "+name, err, oauth2.ErrCodeNotFound)
		if v != nil {
			t.Errorf("an expired value is %q", v)
		}
	}
}

func testOneTimeAtomic(t *testing.T, s *suite) {
	ctx := context.WithoutCancel(t.Context())
	put := atOnce(t, func(i int) error {
		if err := s.PutOnce(ctx, "a", fmt.Append(nil, i), s.at(time.Hour)); err != nil {
			return errInUse
		}
		return nil
	}, errInUse)
	if len(put) != 1 {
		t.Fatalf("%d callers put one key", len(put))
	}
	want := fmt.Sprint(put[0])
	taken := atOnce(t, func(int) error {
		v, err := s.TakeOnce(ctx, "a", s.now)
		if string(v) != want {
			return fmt.Errorf("got %q, want %q (%w)", v, want, err)
		}
		return err
	}, oauth2.ErrCodeTaken)
	if len(taken) != 1 {
		t.Errorf("%d callers took one value", len(taken))
	}
}

var errInUse = errors.New("key in use")
