package singular

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
)

// termScores returns a function that fills dst (n×d) with the score of every
// term of l: its own method, or central differences of Terms, one-sided at a
// bound of a coordinate.
func termScores(l models.Likelihood) func(dst *mat.Dense, theta []float64) {
	if s, ok := l.(models.TermScorer); ok {
		return s.ScoreTerms
	}
	ps := l.Model().Params()
	n := l.N()
	up, dn := make([]float64, n), make([]float64, n)
	x := make([]float64, len(ps))
	return func(dst *mat.Dense, theta []float64) {
		copy(x, theta)
		for j, p := range ps {
			h := 1e-5 * (1 + math.Abs(theta[j]))
			hi, lo := min(theta[j]+h, p.Hi), max(theta[j]-h, p.Lo)
			x[j] = hi
			l.Terms(up, x)
			x[j] = lo
			l.Terms(dn, x)
			x[j] = theta[j]
			for t := range n {
				dst.Set(t, j, (up[t]-dn[t])/(hi-lo))
			}
		}
	}
}

// chooseNodes averages squared scores over the model's own discretisation of
// the law of one observation.
func (f *Fisher) chooseNodes(opts FisherOptions) bool {
	nd, ok := f.m.(models.Noder)
	if !ok || opts.Data != nil || f.m.Shape().Series {
		return false
	}
	// Families with elemental information have product rules of one or two inputs:
	// with more, Monte Carlo over the inputs is left.
	if _, byInput := f.m.(models.PointInformer); byInput && f.m.Shape().P > 2 {
		return false
	}
	f.route = models.Quadrature
	rows := func(theta []float64, rule models.Rule) (*mat.Dense, error) {
		z, w, err := nd.Nodes(theta, rule)
		if err != nil {
			return nil, fmt.Errorf("%v: %w", f.m, err)
		}
		l, err := f.m.Bind(z)
		if err != nil {
			return nil, err
		}
		r := mat.NewDense(z.N, f.d, nil)
		termScores(l)(r, theta)
		for t, wt := range w {
			row := r.RawRowView(t)
			for j := range row {
				row[j] *= math.Sqrt(max(wt, 0))
			}
		}
		return r, nil
	}
	rough := mat.NewSymDense(f.d, nil)
	f.factor = func(theta []float64) (*mat.Dense, error) { return rows(theta, models.Rule{}) }
	f.eval = func(dst *Information, theta []float64) error {
		r, err := rows(theta, models.Rule{})
		if err != nil {
			return err
		}
		gram(dst.F, r)
		// The same with 3/5 of the nodes per dimension: the difference is about
		// the error of the coarser rule, so it errs on the safe side.
		n, _ := r.Dims()
		s := f.m.Shape()
		perDim := math.Pow(float64(n), 1/float64(s.P+s.Q))
		r, err = rows(theta, models.Rule{Points: max(4, int(0.6*perDim))})
		if err != nil {
			return err
		}
		gram(rough, r)
		dst.ErrBound = maxDiffSym(dst.F, rough)
		return nil
	}
	return true
}

// gram sets dst = RᵀR.
func gram(dst *mat.SymDense, r *mat.Dense) { dst.SymOuterK(1, r.T()) }

// chooseMonteCarlo averages over random draws: elemental information over drawn
// inputs where the model has it (no noise from y), else products of scores of
// simulated observations. A series is simulated once, and the sum of squared
// one-step scores is divided by its length: the scores of the terms are
// martingale differences, so no cross terms are needed, and the standard error
// allows for dependence by batch means.
func (f *Fisher) chooseMonteCarlo(opts FisherOptions) error {
	s := f.m.Shape()
	if opts.Rng == nil {
		return fmt.Errorf("%v: %w without random numbers: the Monte Carlo route needs a generator", f.m, ErrNoRoute)
	}
	in, hasInputs := f.m.(models.Inputter)
	if s.P > 0 && opts.Data == nil && !hasInputs {
		return fmt.Errorf("%v: %w: the model does not know the law of its inputs, and no data was given", f.m, ErrNoRoute)
	}
	n, rng := opts.Draws, opts.Rng
	f.route = models.MonteCarlo
	if pi, ok := f.m.(models.PointInformer); ok && s.P > 0 && opts.Data == nil && !opts.MonteCarlo {
		law := in.InputLaw()
		x := make([]float64, law.Dim())
		one, square := mat.NewSymDense(f.d, nil), mat.NewSymDense(f.d, nil)
		f.note = fmt.Sprintf("elemental information at %d inputs drawn from %v", n, law)
		f.eval = func(dst *Information, theta []float64) error {
			dst.F.Zero()
			square.Zero()
			for range n {
				law.Draw(x, rng)
				pi.FisherAt(one, theta, x)
				for i := range f.d {
					for j := i; j < f.d; j++ {
						v := one.At(i, j)
						dst.F.SetSym(i, j, dst.F.At(i, j)+v)
						square.SetSym(i, j, square.At(i, j)+v*v)
					}
				}
			}
			finishMoments(dst, square, n)
			return nil
		}
		return nil
	}
	scores := func(theta []float64) (*mat.Dense, error) {
		z := models.NewData(n, s.P, s.Q)
		switch {
		case opts.Data != nil:
			for i := range n {
				copy(z.X(i), opts.Data.X(i%opts.Data.N))
			}
		case s.P > 0:
			in.Inputs(z, rng)
		}
		f.m.Sample(z, theta, rng)
		l, err := f.m.Bind(z)
		if err != nil {
			return nil, err
		}
		r := mat.NewDense(n, f.d, nil)
		termScores(l)(r, theta)
		return r, nil
	}
	batch := 1
	if s.Series {
		batch = max(1, int(math.Sqrt(float64(n))))
		f.note = fmt.Sprintf("one simulated series of length %d; per unit of time, start included", n)
	}
	square := mat.NewSymDense(f.d, nil)
	f.eval = func(dst *Information, theta []float64) error {
		r, err := scores(theta)
		if err != nil {
			return err
		}
		scoreMoments(dst, square, r, batch)
		return nil
	}
	return nil
}

// scoreMoments fills dst.F with the mean of s sᵀ over the rows s of r and dst.SE
// with standard errors from means of batches of consecutive rows.
func scoreMoments(dst *Information, square *mat.SymDense, r *mat.Dense, batch int) {
	n, d := r.Dims()
	batches := n / batch
	dst.F.Zero()
	square.Zero()
	for i := range d {
		for j := i; j < d; j++ {
			sum, sq := 0.0, 0.0
			for b := range batches {
				v := 0.0
				for t := b * batch; t < (b+1)*batch; t++ {
					row := r.RawRowView(t)
					v += row[i] * row[j]
				}
				v /= float64(batch)
				sum += v
				sq += v * v
			}
			dst.F.SetSym(i, j, sum)
			square.SetSym(i, j, sq)
		}
	}
	finishMoments(dst, square, batches)
	dst.Draws = n
}

// finishMoments turns the sum in dst.F and the sum of squares into a mean and
// its standard error.
func finishMoments(dst *Information, square *mat.SymDense, n int) {
	d := dst.F.SymmetricDim()
	fn := float64(n)
	for i := range d {
		for j := i; j < d; j++ {
			mean := dst.F.At(i, j) / fn
			variance := math.NaN()
			if n > 1 {
				variance = max(0, square.At(i, j)/fn-mean*mean) / (fn - 1)
			}
			dst.F.SetSym(i, j, mean)
			dst.SE.SetSym(i, j, math.Sqrt(variance))
		}
	}
	dst.Draws = n
}
