package singular

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"

	"github.com/neuromanifold/neuromanifold/models"
)

// DefaultDraws is the number of draws from which the quantiles of the tables are
// known to about 0.02.
const DefaultDraws = 40_000

// An Estimate is a number with its Monte Carlo standard error, 0 where the number
// is exact.
type Estimate struct{ Value, SE float64 }

// A Limit is the law of a likelihood-ratio statistic T = 2 log(max L / L₀) at a
// singular truth, exact or as sorted draws.
type Limit struct {
	Law   string // the law, with its parameters
	Exact bool

	// For simulated laws: the size of the grid, the rank of the factor of the
	// process, and the mean and largest error in T that the grid may cause
	// (difference between two orders of local interpolation, an upper estimate).
	Grid, Rank                int
	GridError, LargestGridErr float64

	draws []float64 // ascending
	exact distribution
}

// A distribution is a law of T ≥ 0 known without simulation.
type distribution interface {
	mean() float64
	atom() float64          // P(T = 0)
	tail(t float64) float64 // P(T > t), t ≥ 0
	quantile(p float64) float64
}

// Draws returns the sorted draws, nil for an exact law. The caller must not
// modify them.
func (l *Limit) Draws() []float64 { return l.draws }

// Mean returns E T.
func (l *Limit) Mean() Estimate {
	if l.Exact {
		return Estimate{Value: l.exact.mean()}
	}
	n := float64(len(l.draws))
	mean := 0.0
	for _, v := range l.draws {
		mean += v
	}
	mean /= n
	sq := 0.0
	for _, v := range l.draws {
		sq += (v - mean) * (v - mean)
	}
	return Estimate{mean, math.Sqrt(sq / (n * (n - 1)))}
}

// PZero returns P(T = 0).
func (l *Limit) PZero() Estimate {
	if l.Exact {
		return Estimate{Value: l.exact.atom()}
	}
	return l.share(sort.Search(len(l.draws), func(i int) bool { return l.draws[i] > 0 }))
}

// PValue returns P(T ≥ t), the p-value of a statistic: 1 for t ≤ 0. The standard
// error of a simulated one is binomial; at no exceedance it is the one of a
// single exceedance, since the value is then only known to be about 1/draws or
// less.
func (l *Limit) PValue(t float64) Estimate {
	switch {
	case math.IsNaN(t):
		return Estimate{math.NaN(), math.NaN()}
	case t <= 0:
		return Estimate{Value: 1}
	case l.Exact:
		return Estimate{Value: l.exact.tail(t)}
	}
	n := len(l.draws)
	return l.share(n - sort.SearchFloat64s(l.draws, t))
}

// CDF returns P(T ≤ t).
func (l *Limit) CDF(t float64) Estimate {
	switch {
	case math.IsNaN(t):
		return Estimate{math.NaN(), math.NaN()}
	case t < 0:
		return Estimate{}
	case l.Exact:
		return Estimate{Value: 1 - l.exact.tail(t)}
	}
	return l.share(sort.Search(len(l.draws), func(i int) bool { return l.draws[i] > t }))
}

func (l *Limit) share(count int) Estimate {
	n := float64(len(l.draws))
	p := float64(count) / n
	q := min(max(p, 1/n), 1-1/n)
	return Estimate{p, math.Sqrt(q * (1 - q) / n)}
}

// Quantile returns the p-quantile of T. The standard error of a simulated one is
// half the distance between the order statistics one binomial standard deviation
// to either side. It panics unless 0 ≤ p < 1.
func (l *Limit) Quantile(p float64) Estimate {
	if !(p >= 0 && p < 1) {
		panic(fmt.Sprintf("singular: quantile of order %v", p))
	}
	if l.Exact {
		return Estimate{Value: l.exact.quantile(p)}
	}
	n := len(l.draws)
	at := func(h float64) float64 {
		h = min(max(h, 0), float64(n-1))
		i := int(h)
		if i == n-1 {
			return l.draws[i]
		}
		return l.draws[i] + (h-float64(i))*(l.draws[i+1]-l.draws[i])
	}
	h := p * float64(n-1)
	sd := math.Sqrt(float64(n) * p * (1 - p))
	return Estimate{at(h), (at(h+sd) - at(h-sd)) / 2}
}

// A Law is a limit law with its parameters fixed, ready to run.
type Law struct {
	name  string
	sup   *supremum
	exact distribution
	naive int
}

// NaiveDF returns the degrees of freedom of the χ² law that regular theory gives
// the statistic, the number of parameters that the null hypothesis takes away; 0
// for a law of ProcessLaw, which says nothing of parameters.
func (l *Law) NaiveDF() int { return l.naive }

// ProcessLaw returns the law of the supremum of a process of the caller's own.
func ProcessLaw(name string, p Process) (*Law, error) {
	s, err := newSupremum(p)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &Law{name: name, sup: s}, nil
}

// String returns the name of the law with its parameters.
func (l *Law) String() string { return l.name }

// Exact reports whether the law is known without simulation.
func (l *Law) Exact() bool { return l.exact != nil }

// Run returns the law: from the given number of draws (0 means DefaultDraws) in
// blocks through each (nil: in order, on streams split from rng), or exactly
// where it is known, when it uses no random numbers and both may be nil. It
// returns an error for fewer than two draws, and what each returns.
func (l *Law) Run(draws int, each models.Each, rng *rand.Rand) (*Limit, error) {
	if l.exact != nil {
		return &Limit{Law: l.name, Exact: true, exact: l.exact}, nil
	}
	if draws == 0 {
		draws = DefaultDraws
	}
	if draws < 2 {
		return nil, fmt.Errorf("law %s: %d draws are too few", l.name, draws)
	}
	if each == nil {
		if rng == nil {
			panic("singular: a simulated law needs random numbers")
		}
		each = models.Serial(rng)
	}
	out := &Limit{Law: l.name, draws: make([]float64, draws)}
	out.Rank, out.Grid = l.sup.factor.Dims()
	var err error
	out.GridError, out.LargestGridErr, err = l.sup.run(out.draws, each)
	if err != nil {
		return nil, err
	}
	slices.Sort(out.draws)
	return out, nil
}
