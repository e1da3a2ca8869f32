package realm

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestRequestsWaitForStart fails without the waiting: http may serve first.
func TestRequestsWaitForStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f Future
		f.Init()
		realm := new(Realm)
		got := make(chan *Realm, 1)
		go func() {
			o, err := f.Await(t.Context())
			if err != nil {
				t.Error(err)
			}
			got <- o
		}()
		time.Sleep(StartTimeout / 2)
		select {
		case <-got:
			t.Fatal("a request was let on before the realm was open")
		default:
		}
		f.Resolve(realm)
		if o := <-got; o != realm {
			t.Error("the request got another realm")
		}
	})
}

func TestRequestsDoNotWaitForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f Future
		f.Init()
		began := time.Now()
		if _, err := f.Await(t.Context()); !errors.Is(err, ErrUnavailable) {
			t.Errorf("got %v, want %v", err, ErrUnavailable)
		}
		if waited := time.Since(began); waited != StartTimeout {
			t.Errorf("waited %s, want %s", waited, StartTimeout)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := f.Await(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
	})
}
