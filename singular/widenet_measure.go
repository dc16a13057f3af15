package singular

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/neuromanifold/neuromanifold/models"
)

// A WideMeasurement is the spectrum of random networks, each number a mean over
// networks with its standard error.
type WideMeasurement struct {
	Mean, SecondMoment, LambdaMax, Rayleigh Estimate
	// Outliers are the C largest eigenvalues, descending, C − 1 for cross-entropy;
	// MeanOutlier is the mean of them in each network, Next the eigenvalue that
	// follows, Bulk the mean of all that follow but structural zeros; both NaN where none
	// do.
	Outliers                []Estimate
	MeanOutlier, Next, Bulk Estimate
	// StructuralZeros are the same for every network; NumericalZeros is a mean.
	StructuralZeros int
	NumericalZeros  Estimate
	// Edge is the largest Next of all networks: what theory puts below it cannot be
	// told from the bulk.
	Edge float64
	// Spectra are the eigenvalues of each network other than zeros, descending.
	Spectra [][]float64
}

// MeasureWide draws networks and measures their spectra, each network one task of
// each (nil: serially from rng) in at most limit bytes (0: no limit) per network.
// It is an error if there are fewer than two networks, or fewer than two outputs
// with the cross-entropy.
func MeasureWide(net WideNet, samples, nets int, loss Loss, limit float64, each models.Each, rng *rand.Rand) (*WideMeasurement, error) {
	outliers := net.outputs()
	if loss == CrossEntropyLoss {
		outliers--
	}
	if nets < 2 || outliers < 1 {
		return nil, fmt.Errorf("%d networks with %d outputs: allowed are 2 or more networks, and 2 or more outputs for cross-entropy", nets, net.outputs())
	}
	plan, err := planWide(net, samples, limit) // before any work
	if err != nil {
		return nil, err
	}
	if each == nil {
		each = models.Serial(rng)
	}
	type result struct {
		mean, second, rayleigh float64
		spectrum               *DualSpectrum
	}
	rs := make([]result, nets)
	// A sampler holds tens of megabytes, which the system clears page by page: one for
	// each task at work is kept for the next.
	var idle sync.Pool
	err = each(nets, func(i int, rng *rand.Rand) error {
		s, _ := idle.Get().(*WideSampler)
		if s == nil {
			var err error
			if s, err = NewWideSampler(net, samples, limit); err != nil {
				return err
			}
		}
		defer idle.Put(s)
		s.Draw(rng)
		d, f := s.Regression()
		if loss == CrossEntropyLoss {
			d = d.CrossEntropy(f)
		}
		spectrum, err := d.Spectrum()
		rs[i] = result{d.Mean(), d.SecondMoment(), d.Rayleigh(), spectrum}
		return err
	})
	if err != nil {
		return nil, err
	}
	var mean, second, rayleigh, top, next, bulk, zeros running
	tops := make([]running, outliers)
	dim := plan.deep.Dim()
	rest := dim - rs[0].spectrum.StructuralZeros - outliers
	m := &WideMeasurement{StructuralZeros: rs[0].spectrum.StructuralZeros}
	for _, r := range rs {
		mean.add(r.mean)
		second.add(r.second)
		rayleigh.add(r.rayleigh)
		out, after := r.spectrum.Outliers(outliers)
		sum := 0.0
		for k, v := range out {
			tops[k].add(v)
			sum += v
		}
		top.add(sum / float64(outliers))
		next.add(after)
		zeros.add(float64(r.spectrum.NumericalZeros))
		m.Edge = max(m.Edge, after)
		m.Spectra = append(m.Spectra, r.spectrum.NonZero())
		bulk.add((r.mean*float64(dim) - sum) / float64(rest))
	}
	for _, e := range tops {
		m.Outliers = append(m.Outliers, e.estimate())
	}
	m.Mean, m.SecondMoment, m.Rayleigh = mean.estimate(), second.estimate(), rayleigh.estimate()
	m.LambdaMax, m.MeanOutlier, m.Next, m.Bulk, m.NumericalZeros = m.Outliers[0], top.estimate(), next.estimate(), bulk.estimate(), zeros.estimate()
	if rest <= 0 {
		m.Next, m.Bulk = Estimate{math.NaN(), math.NaN()}, Estimate{math.NaN(), math.NaN()}
	}
	return m, nil
}

// A DensityBin counts the eigenvalues of a network in (From, To], From itself in the
// lowest bin.
type DensityBin struct {
	From, To float64
	Count    Estimate // mean over networks
}

// Density returns a histogram of the eigenvalues other than zeros in bins of equal
// ratio To/From, none where there are no such eigenvalues. It reaches as far as them
// and the values above zero in also.
func (m *WideMeasurement) Density(bins int, also ...float64) []DensityBin {
	lo, hi := math.Inf(1), 0.0
	for _, values := range m.Spectra {
		if n := len(values); n > 0 {
			lo, hi = min(lo, values[n-1]), max(hi, values[0])
		}
	}
	if hi == 0 || bins < 1 {
		return nil
	}
	for _, v := range also {
		if v > 0 {
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	if lo == hi {
		bins = 1
	}
	out := make([]DensityBin, bins)
	for b := range out {
		out[b] = DensityBin{From: lo * math.Pow(hi/lo, float64(b)/float64(bins)), To: lo * math.Pow(hi/lo, float64(b+1)/float64(bins))}
	}
	out[bins-1].To = hi
	counts := make([]running, bins)
	for _, values := range m.Spectra {
		in := make([]float64, bins)
		for _, v := range values {
			b := slices.IndexFunc(out, func(d DensityBin) bool { return v <= d.To })
			in[b]++
		}
		for b := range counts {
			counts[b].add(in[b])
		}
	}
	for b := range out {
		out[b].Count = counts[b].estimate()
	}
	return out
}
