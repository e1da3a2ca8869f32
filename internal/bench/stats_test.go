package main

import (
	"math"
	"testing"
)

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if math.IsNaN(got) || math.Abs(got-want) > tolerance {
		t.Errorf("%s = %.6g, want %.6g", what, got, want)
	}
}

func TestQuantile(t *testing.T) {
	values := []float64{15, 20, 35, 40, 50}
	for _, c := range []struct{ q, want float64 }{{0, 15}, {0.25, 20}, {0.4, 29}, {0.5, 35}, {1, 50}} {
		near(t, "quantile", quantile(values, c.q), c.want, 1e-12)
	}
	if s := spreadOf([]float64{3, 1, 2, 10}); s != (spread{2.5, 1, 10}) {
		t.Errorf("spread %+v", s)
	}
	if values[0] != 15 || !math.IsNaN(quantile(nil, 0.5)) {
		t.Error("the caller's values were changed, or none have a median")
	}
}

func TestRatios(t *testing.T) {
	got := ratios([]float64{1, 6}, []float64{2, 3})
	if len(got) != 2 || got[0] != 0.5 || got[1] != 2 {
		t.Error(got)
	}
}

// Published values, where the samples are told with them.
func TestMannWhitney(t *testing.T) {
	for _, c := range []struct {
		name          string
		first, second []float64
		u, p          float64
	}{
		// Hollander and Wolfe (1973), permeability of the human chorioamnion,
		// as in the help of R's wilcox.test, which says W = 35. By hand:
		// z = (35−25−½)/√(10·5·16/12) = 1.1635.
		{
			"Hollander and Wolfe",
			[]float64{0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46},
			[]float64{1.15, 0.88, 0.90, 0.74, 1.21}, 35, 0.244624,
		},
		// The documentation of scipy.stats.mannwhitneyu: ages at diagnosis of
		// diabetes, U = 17, p = 0.1113 with continuity, without exactness.
		{"scipy", []float64{19, 22, 16, 29, 24}, []float64{20, 11, 17, 12}, 17, 0.11134688653314041},
		{"the same, turned", []float64{20, 11, 17, 12}, []float64{19, 22, 16, 29, 24}, 3, 0.11134688653314041},
		// Ties, reckoned by hand: ranks 1, 3, 3 | 3, 5.5, 5.5; U = 1; the ties
		// make (27−3)+(8−2) = 30, the variance 9/12·(7−30/30) = 4.5;
		// z = 3/√4.5, which is √2.
		{"ties", []float64{1, 2, 2}, []float64{2, 3, 3}, 1, 0.15729920705028513},
		{"all the same", []float64{5, 5, 5}, []float64{5, 5}, 3, 1},
	} {
		got := mannWhitney(c.first, c.second)
		near(t, c.name+": U", got.u, c.u, 1e-9)
		near(t, c.name+": p", got.p, c.p, 1e-6)
		near(t, c.name+": superiority", got.superiority, c.u/float64(len(c.first)*len(c.second)), 1e-12)
		if got.low > got.superiority || got.high < got.superiority {
			t.Errorf("%s: interval %.3f – %.3f around %.3f", c.name, got.low, got.high, got.superiority)
		}
	}
}

// Hanley and McNeil (1982), table II: an area of 0.893 with 58 and 51 cases has
// the standard error 0.032.
func TestSuperiorityInterval(t *testing.T) {
	low, high := superiorityInterval(0.893, 51, 58)
	near(t, "standard error", (high-low)/2/1.96, 0.032, 0.001)
}

func TestThousands(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", -1234567: "-1,234,567"} {
		if got := thousands(n); got != want {
			t.Errorf("thousands(%d) = %s", n, got)
		}
	}
}

func TestReplaceSection(t *testing.T) {
	text := "a\n<!-- begin:x -->\nold\n<!-- end:x -->\nb\n"
	for range 2 { // a second time changes nothing
		var err error
		if text, err = replaceSection(text, "x", "new"); err != nil {
			t.Fatal(err)
		}
	}
	if want := "a\n<!-- begin:x -->\n\nnew\n\n<!-- end:x -->\nb\n"; text != want {
		t.Errorf("%q", text)
	}
	if _, err := replaceSection(text, "y", ""); err == nil {
		t.Error("a section that is not there was replaced")
	}
}

func TestParseWrk(t *testing.T) {
	got, err := parseWrk("Running 1s test\nRESULT 5000 2000000 3 1 7\nLATENCY 900 2500\n")
	want := wrkResult{requests: 5000, rate: 2500, p50: 900, p99: 2500, refused: 3, broken: 1, repeated: 7}
	if err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	for _, output := range []string{"", "RESULT 5000 2000000 3 1 7\n", "RESULT 0 2000000 0 0 0\nLATENCY 0 0\n"} {
		if _, err := parseWrk(output); err == nil {
			t.Errorf("%q was read", output)
		}
	}
}

func TestParseBenchmarks(t *testing.T) {
	all := parseBenchmarks(`goos: linux
BenchmarkHit/Unguarded 	  100	  50.5 ns/op	  16 B/op	  1 allocs/op
BenchmarkHit/Guarded   	  100	  101 ns/op	  12.0 MB/s	  32 B/op	  2 allocs/op
BenchmarkHit/Guarded   	  100	  103 ns/op	  32 B/op	  2 allocs/op
PASS
`)
	if len(all) != 2 || all[0].name != "Hit/Unguarded" || !all[0].baseline() || all[1].baseline() || all[1].group() != "Hit" ||
		len(all[1].nanos) != 2 || all[1].nanos[1] != 103 || all[1].bytes[0] != 32 || all[1].allocs[1] != 2 {
		t.Errorf("%+v", all)
	}
}
