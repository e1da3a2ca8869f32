package main

import (
	"cmp"
	"math"
	"slices"
)

// spread is what is told of a figure that was taken in several rounds.
type spread struct{ median, low, high float64 }

func spreadOf(values []float64) spread {
	if len(values) == 0 {
		return spread{math.NaN(), math.NaN(), math.NaN()}
	}
	return spread{quantile(values, 0.5), slices.Min(values), slices.Max(values)}
}

// quantile returns the q-th quantile, between neighbours by proportion. It sorts
// a copy.
func quantile(values []float64, q float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	at := q * float64(len(sorted)-1)
	below := int(at)
	if below+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[below] + (at-float64(below))*(sorted[below+1]-sorted[below])
}

// ratios divides round by round.
func ratios(of, by []float64) []float64 {
	var all []float64
	for i := range min(len(of), len(by)) {
		all = append(all, of[i]/by[i])
	}
	return all
}

// differences subtracts round by round.
func differences(of, by []float64) []float64 {
	var all []float64
	for i := range min(len(of), len(by)) {
		all = append(all, of[i]-by[i])
	}
	return all
}

// comparison is the outcome of a Mann–Whitney U test of two samples.
type comparison struct {
	// u is the U of the first sample: how many pairs it wins, ties half.
	u float64
	// p is the two-sided p-value, by the normal approximation with correction
	// for ties and for continuity.
	p float64
	// superiority is the probability that a value of the first sample is above
	// one of the second, ties half: 0.5 is no difference. low and high bound it
	// with 95 % confidence.
	superiority, low, high float64
}

// mannWhitney compares two samples.
func mannWhitney(first, second []float64) comparison {
	type value struct {
		v     float64
		first bool
	}
	var all []value
	for _, v := range first {
		all = append(all, value{v, true})
	}
	for _, v := range second {
		all = append(all, value{v, false})
	}
	slices.SortFunc(all, func(a, b value) int { return cmp.Compare(a.v, b.v) })

	n1, n2 := float64(len(first)), float64(len(second))
	n := n1 + n2
	rankSum, ties := 0.0, 0.0
	for i := 0; i < len(all); {
		end := i + 1
		for end < len(all) && all[end].v == all[i].v {
			end++
		}
		// Ranks i+1 … end are shared.
		rank, t := float64(i+1+end)/2, float64(end-i)
		ties += t*t*t - t
		for ; i < end; i++ {
			if all[i].first {
				rankSum += rank
			}
		}
	}
	c := comparison{u: rankSum - n1*(n1+1)/2}
	mean := n1 * n2 / 2
	deviation := math.Sqrt(n1 * n2 / 12 * (n + 1 - ties/(n*(n-1))))
	c.p = 1
	if deviation > 0 {
		z := max(0, math.Abs(c.u-mean)-0.5) / deviation
		c.p = math.Erfc(z / math.Sqrt2)
	}
	c.superiority = c.u / (n1 * n2)
	c.low, c.high = superiorityInterval(c.superiority, n1, n2)
	return c
}

// superiorityInterval is the 95 % interval by Hanley and McNeil (1982).
func superiorityInterval(a, n1, n2 float64) (low, high float64) {
	q1, q2 := a/(2-a), 2*a*a/(1+a)
	variance := (a*(1-a) + (n1-1)*(q1-a*a) + (n2-1)*(q2-a*a)) / (n1 * n2)
	half := 1.959963985 * math.Sqrt(max(0, variance))
	return max(0, a-half), min(1, a+half)
}
