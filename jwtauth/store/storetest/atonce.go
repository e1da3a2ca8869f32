package storetest

import (
	"errors"
	"sync"
	"testing"
)

// atOnce lets many callers do the same at once and returns the numbers of
// those who got no error. Errors other than refused fail the test.
func atOnce(t *testing.T, do func(i int) error, refused error) (done []int) {
	t.Helper()
	var (
		mu    sync.Mutex
		wg    sync.WaitGroup
		ready = make(chan struct{})
	)
	for i := range callers {
		wg.Go(func() {
			<-ready
			err := do(i)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				done = append(done, i)
			case refused == nil || !errors.Is(err, refused):
				t.Errorf("caller %d: %v", i, err)
			}
		})
	}
	close(ready)
	wg.Wait()
	return done
}
