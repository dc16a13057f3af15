package design

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Round returns whole numbers of subjects, with the given sum, close to weights:
// the efficient apportionment of Pukelsheim and Rieder (Biometrika 79 (1992)),
// by which the worst ratio n_j/(n w_j) is as good as it can be. Candidates of
// weight 0 get nobody. It returns an error for fewer subjects than there are
// positive weights, which cannot be rounded without losing candidates.
func Round(weights []float64, n int) ([]int, error) {
	out := make([]int, len(weights))
	var support []int
	var sum float64
	for j, w := range weights {
		if !(w >= 0) || math.IsInf(w, 1) {
			return nil, fmt.Errorf("design: weight %d is %v, want a finite number of at least 0", j, w)
		}
		if w > 0 {
			support = append(support, j)
			sum += w
		}
	}
	if len(support) == 0 {
		return nil, fmt.Errorf("design: all weights are zero")
	}
	if n < len(support) {
		return nil, fmt.Errorf("design: %d subjects for %d sampling sequences of positive weight", n, len(support))
	}
	total := 0
	for _, j := range support {
		// Rounding error must not lift a whole number to the next.
		out[j] = int(math.Ceil((float64(n)-float64(len(support))/2)*weights[j]/sum - 1e-9))
		out[j] = max(1, out[j])
		total += out[j]
	}
	for total != n {
		best := -1
		var key float64
		for _, j := range support {
			if total < n {
				if k := float64(out[j]) / weights[j]; best < 0 || k < key {
					best, key = j, k
				}
			} else if k := float64(out[j]-1) / weights[j]; out[j] > 1 && (best < 0 || k > key) {
				best, key = j, k
			}
		}
		if total < n {
			out[best]++
			total++
		} else {
			out[best]--
			total--
		}
	}
	return out, nil
}

// A Times problem asks for the times of one sampling sequence, in continuous
// time.
type Times struct {
	Samples int
	Windows []Window // one for all samples, or one for each in order of time
	MinGap  float64
	// Value is the objective, such as ln det M, of an ascending sequence; −Inf
	// where it is singular. It is maximised.
	Value func(seq []float64) float64
	// Starts is the number of random starts; 0 means 24.
	Starts int
	// Resolution is the smallest step in time; 0 means 1e-6 of the longest
	// window.
	Resolution float64
}

func (p *Times) window(i int) Window {
	if len(p.Windows) == 1 {
		return p.Windows[0]
	}
	return p.Windows[i]
}

func (p *Times) rules() Rules {
	w := make([]Window, p.Samples)
	for i := range w {
		w[i] = p.window(i)
	}
	return Rules{MinGap: p.MinGap, Windows: w}
}

// Optimize returns the best sequence found. The objective has many local maxima
// and, at the ends of infusions, kinks: from every start it climbs by steps in
// one time or two at once, which shrink when none helps, with no derivatives,
// and no certificate exists. For one use the sequence as a candidate of a
// Problem. It returns an error for windows and gaps that cannot be met, or where
// every sequence that was tried is singular.
func (p *Times) Optimize(ctx context.Context, rng *rand.Rand) (seq []float64, value float64, err error) {
	if p.Samples < 1 || p.Value == nil || len(p.Windows) != 1 && len(p.Windows) != p.Samples {
		return nil, 0, fmt.Errorf("design: %d samples with %d windows: want one window, or one for each sample", p.Samples, len(p.Windows))
	}
	var span float64
	for _, w := range p.Windows {
		if !(w.Lo >= 0 && w.Hi >= w.Lo) || math.IsInf(w.Hi, 1) {
			return nil, 0, fmt.Errorf("design: window [%v, %v], want 0 ≤ lower ≤ upper", w.Lo, w.Hi)
		}
		span = max(span, w.Hi-w.Lo)
	}
	starts, res := p.Starts, p.Resolution
	if starts == 0 {
		starts = 24
	}
	if res == 0 {
		res = 1e-6 * span
	}
	rules := p.rules()
	value = math.Inf(-1)
	for range starts {
		s, ok := p.draw(rules, rng)
		if !ok {
			return nil, 0, fmt.Errorf("design: no sequence of %d samples at least %v apart was found in the windows", p.Samples, p.MinGap)
		}
		v, err := p.climb(ctx, s, rules, span, res)
		if err != nil {
			return nil, 0, err
		}
		if v > value {
			seq, value = s, v
		}
	}
	if seq == nil {
		return nil, 0, fmt.Errorf("design: every sequence of %d samples that was tried is singular: %w", p.Samples, ErrSingular)
	}
	return seq, value, nil
}

// draw returns an allowed sequence: half of the time evenly spread draws, else
// on a logarithmic scale, which fits early times.
func (p *Times) draw(rules Rules, rng *rand.Rand) ([]float64, bool) {
	s := make([]float64, p.Samples)
	for range 10_000 {
		log := rng.IntN(2) == 0
		for i := range s {
			w := p.window(i)
			u := rng.Float64()
			if log {
				u = (math.Exp(5*u) - 1) / (math.Exp(5) - 1)
			}
			s[i] = w.Lo + u*(w.Hi-w.Lo)
		}
		slices.Sort(s)
		if rules.allows(s) {
			return s, true
		}
	}
	return nil, false
}

// climb improves s in place.
func (p *Times) climb(ctx context.Context, s []float64, rules Rules, span, res float64) (float64, error) {
	best := p.Value(s)
	try := make([]float64, len(s))
	move := func(i, j int, a, b float64) bool {
		copy(try, s)
		for _, m := range [...]struct {
			at   int
			step float64
		}{{i, a}, {j, b}} {
			if m.at >= 0 {
				w := p.window(m.at)
				try[m.at] = min(max(try[m.at]+m.step, w.Lo), w.Hi)
			}
		}
		slices.Sort(try)
		if slices.Equal(try, s) || !rules.allows(try) {
			return false
		}
		if v := p.Value(try); v > best {
			best = v
			copy(s, try)
			return true
		}
		return false
	}
	for h := span / 8; h >= res; {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		moved := false
		for i := range s {
			for _, d := range [...]float64{h, -h} {
				for move(i, -1, d, 0) {
					moved = true
				}
			}
		}
		for i := 0; i < len(s) && !moved; i++ {
			for j := i + 1; j < len(s) && !moved; j++ {
				for _, d := range [...][2]float64{{h, h}, {h, -h}, {-h, h}, {-h, -h}} {
					moved = moved || move(i, j, d[0], d[1])
				}
			}
		}
		if !moved {
			h /= 2
		}
	}
	return best, nil
}
