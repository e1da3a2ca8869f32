package main

import "testing"

// BenchmarkSession is what people and programs do with their sessions, through
// the endpoints, in each store. The password's hash is the cheapest there is, so
// that the store shows.
func BenchmarkSession(b *testing.B) {
	for _, store := range []string{"memory", "bolt"} {
		b.Run("SignIn/"+store, func(b *testing.B) {
			r := openRealm(b, "HS256", store)
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				r.signIn()
			}
		})
		b.Run("Refresh/"+store, func(b *testing.B) {
			r := openRealm(b, "HS256", store)
			t := r.signIn()
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				t = r.refresh(t.Refresh)
			}
		})
		b.Run("Revoke/"+store, func(b *testing.B) {
			r := openRealm(b, "HS256", store)
			b.ReportAllocs()
			for range b.N {
				b.StopTimer() // a session for each: nothing else can be revoked twice
				t := r.signIn()
				b.StartTimer()
				r.revoke(t.Refresh)
			}
		})
	}
}
