package design

import (
	"context"
	"errors"
	"math"

	"gonum.org/v1/gonum/mat"
)

// An ElfvingDesign is a c-optimal design of a Regression, which may be singular.
type ElfvingDesign struct {
	Points   []Point
	Variance float64 // of the estimate of cᵀθ, for one observation
	// Dual is the vector q with |qᵀf(t)| ≤ 1 on the interval and (qᵀc)² =
	// Variance: the certificate (Elfving, Annals of Mathematical Statistics 23
	// (1952)). MaxDual is the largest |qᵀf(t)|.
	Dual    []float64
	MaxDual float64
	Rank    int // of the information; below Dim cᵀθ is estimable but not all of θ
	Iter    int
	Status  Status
}

// Elfving returns the design that minimises the variance of the estimate of cᵀθ
// over all designs on the interval, singular ones included, by the linear
// program of Elfving's theorem, min Σ|u_j| subject to Σ u_j f(t_j) = c, with new
// points from its dual until max |qᵀf| ≤ 1 + 1e-10. The variance is (Σ|u_j|)²
// and the weights are |u_j|/Σ|u|. It returns an error if c is 0 or not in the
// span of the gradients.
func (r *Regression) Elfving(ctx context.Context, c []float64) (*ElfvingDesign, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	if len(c) != r.Dim {
		panic("design: c has another length than the gradient")
	}
	lp, err := newElfvingLP(r, c)
	if err != nil {
		return nil, err
	}
	d := &ElfvingDesign{Status: IterationLimit}
	grid := r.grid()
	for d.Iter = 1; d.Iter <= 500; d.Iter++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		peaks, top := r.peaks(grid, func(f []float64) float64 { return math.Abs(dot(lp.q, f)) })
		d.MaxDual = top
		if top <= 1+1e-10 {
			d.Status = Optimal
			break
		}
		entered := false
		for _, p := range peaks {
			if p.value > 1+1e-13 && lp.enter(p.x) {
				entered = true
			}
		}
		if !entered {
			d.Status = Stalled
			break
		}
	}
	if lp.artificial() > 1e-9*lp.norm {
		return nil, errors.New("design: the combination is not in the span of the gradients: no design estimates it")
	}
	var sum float64
	for _, u := range lp.x {
		sum += u
	}
	for i, u := range lp.x {
		if u > 1e-9*sum && !math.IsNaN(lp.t[i]) {
			d.Points = append(d.Points, Point{lp.t[i], u / sum})
		}
	}
	sortPoints(d.Points)
	d.Points = merge(d.Points, 1e-4*(r.Hi-r.Lo))
	d.Variance, d.Dual, d.Rank = sum*sum, lp.q, len(d.Points)
	return d, nil
}

func sortPoints(p []Point) {
	for i := range p {
		for j := i; j > 0 && p[j].X < p[j-1].X; j-- {
			p[j], p[j-1] = p[j-1], p[j]
		}
	}
}

// elfvingLP is a revised simplex over columns ±f(t): a basis of p columns with
// x = B⁻¹c ≥ 0 and prices q = B⁻ᵀ·cost. It starts from p artificial columns of
// high cost.
type elfvingLP struct {
	r    *Regression
	b    *mat.Dense // p×p, columns of the basis
	cost []float64
	t    []float64 // NaN for artificial columns
	x, q []float64
	c    *mat.VecDense
	norm float64
	lu   mat.LU
}

func newElfvingLP(r *Regression, c []float64) (*elfvingLP, error) {
	p := r.Dim
	lp := &elfvingLP{r: r, b: mat.NewDense(p, p, nil), cost: make([]float64, p), t: make([]float64, p),
		x: make([]float64, p), q: make([]float64, p), c: mat.NewVecDense(p, append([]float64(nil), c...))}
	lp.norm = mat.Norm(lp.c, 1)
	if !(lp.norm > 0) || math.IsInf(lp.norm, 1) {
		return nil, errors.New("design: the combination is zero or not finite")
	}
	// An artificial column is as long as the largest entry of the gradient, and
	// costs so much that it leaves.
	f := make([]float64, p)
	scale := make([]float64, p)
	for _, t := range r.grid() {
		r.Gradient(f, t)
		for i, v := range f {
			scale[i] = max(scale[i], math.Abs(v))
		}
	}
	for i := range p {
		lp.t[i], lp.cost[i] = math.NaN(), 1e6
		if scale[i] == 0 {
			scale[i] = 1
		}
		lp.b.Set(i, i, math.Copysign(scale[i], c[i]))
	}
	return lp, lp.solve()
}

func (lp *elfvingLP) solve() error {
	lp.lu.Factorize(lp.b)
	var x, q mat.VecDense
	err := lp.lu.SolveVecTo(&x, false, lp.c)
	if err == nil || nearSingular(err) {
		err = lp.lu.SolveVecTo(&q, true, mat.NewVecDense(len(lp.cost), lp.cost))
	}
	if err != nil && !nearSingular(err) {
		return errors.New("design: a singular basis in Elfving's linear program")
	}
	for i := range lp.x {
		lp.x[i], lp.q[i] = max(0, x.AtVec(i)), q.AtVec(i)
	}
	return nil
}

// nearSingular says that a solution exists and is inaccurate: the points of a
// basis come close together at a design of fewer points.
func nearSingular(err error) bool {
	var c mat.Condition
	return errors.As(err, &c) && !math.IsInf(float64(c), 1)
}

// artificial returns what the artificial columns still carry.
func (lp *elfvingLP) artificial() float64 {
	var v float64
	for i, t := range lp.t {
		if math.IsNaN(t) {
			v += lp.x[i] * math.Abs(lp.b.At(i, i))
		}
	}
	return v
}

// enter brings the column at t into the basis if it still prices out, by the
// ratio test; it reports whether it did.
func (lp *elfvingLP) enter(t float64) bool {
	p := lp.r.Dim
	f := mat.NewVecDense(p, nil)
	lp.r.Gradient(f.RawVector().Data, t)
	price := dot(lp.q, f.RawVector().Data)
	if math.Abs(price) <= 1+1e-13 {
		return false
	}
	if price < 0 {
		f.ScaleVec(-1, f)
	}
	var y mat.VecDense
	if err := lp.lu.SolveVecTo(&y, false, f); err != nil && !nearSingular(err) {
		return false
	}
	out, ratio := -1, math.Inf(1)
	for i := range p {
		if v := y.AtVec(i); v > 1e-12 {
			if q := lp.x[i] / v; q < ratio || q == ratio && math.IsNaN(lp.t[i]) {
				out, ratio = i, q
			}
		}
	}
	if out < 0 {
		return false
	}
	old, cost, was := mat.Col(nil, out, lp.b), lp.cost[out], lp.t[out]
	lp.b.SetCol(out, f.RawVector().Data)
	lp.cost[out], lp.t[out] = 1, t
	if err := lp.solve(); err != nil {
		lp.b.SetCol(out, old)
		lp.cost[out], lp.t[out] = cost, was
		_ = lp.solve() // it was regular
		return false
	}
	return true
}
