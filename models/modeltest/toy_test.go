package modeltest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync/atomic"

	"gonum.org/v1/gonum/integrate/quad"
	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
)

// toy is the smallest family that exercises the whole contract:
// y = a b² x + a b⁴ x² + e, e ~ N(0, v), x ~ N(0, 1), with θ = (a, b, v).
// It is singular at a = 0 and at b = 0, where one coordinate has no effect, and
// b and −b have the same law. det F ∝ a²b¹⁰ off both. fault names one thing
// that it does wrong, to show that the contract sees it.
type toy struct{ fault string }

func (m toy) bad(fault string) bool { return m.fault == fault }

// off returns 1.02 if the fault is the named one, else 1: a planted 2 % error.
func (m toy) off(fault string) float64 {
	if m.bad(fault) {
		return 1.02
	}
	return 1
}

func (m toy) String() string { return "toy" }

func (m toy) Params() []models.Param {
	inf := math.Inf(1)
	ps := []models.Param{{Name: "a", Lo: -inf, Hi: inf}, {Name: "b", Lo: -inf, Hi: inf}, {Name: "v", Lo: 0, Hi: inf}}
	if m.bad("params") {
		ps[1].Name = "a"
	}
	return ps
}

func (m toy) Shape() models.Shape  { return models.Shape{P: 1, Q: 1} }
func (m toy) InputLaw() models.Law { return models.NormalLaw{P: 1, SD: 1} }

func (m toy) Inputs(z *models.Data, rng *rand.Rand) { models.DrawInputs(z, m.InputLaw(), rng) }

func (m toy) CheckDomain(theta []float64) error {
	if !(theta[2] > 0) {
		return fmt.Errorf("v = %v must be above 0", theta[2])
	}
	return nil
}

// mean returns f and its derivatives by a and b.
func mean(x float64, theta []float64) (f, fa, fb float64) {
	a, b := theta[0], theta[1]
	return a*b*b*x + a*b*b*b*b*x*x, b*b*x + b*b*b*b*x*x, 2*a*b*x + 4*a*b*b*b*x*x
}

func (m toy) Sample(z *models.Data, theta []float64, rng *rand.Rand) {
	if m.bad("sample-random") {
		rng = rand.New(rand.NewPCG(rand.Uint64(), 1))
	}
	if m.bad("sample-theta") {
		theta[0] += 1e-3
	}
	for i := range z.N {
		if m.bad("sample-x") {
			z.X(i)[0] = rng.NormFloat64()
		}
		f, _, _ := mean(z.X(i)[0], theta)
		z.Y(i)[0] = f + math.Sqrt(theta[2]*m.off("sample-law"))*rng.NormFloat64()
	}
}

func (m toy) Bind(z *models.Data) (models.Likelihood, error) {
	if z == nil || z.P != 1 || z.Q != 1 || z.N < 1 {
		return nil, fmt.Errorf("toy takes one x and one y")
	}
	if err := z.Check(); err != nil && !m.bad("bind") {
		return nil, err
	}
	return m.bind(z, nil), nil
}

// Two faults have what no model may have: a global.
var (
	shared = make([]float64, 1) // "memory" keeps a value from one evaluation to the next
	binds  atomic.Int64         // "twins" tells one Likelihood from the other
)

func (m toy) bind(z *models.Data, w []float64) models.Likelihood {
	twin := float64(binds.Add(1))
	return &toyLik{twin: twin, toy: m, z: z, w: w, s: make([]float64, 3), h: mat.NewSymDense(3, nil), x: make([]float64, 3), x2: make([]float64, 3)}
}

func (m toy) Fisher() (func(dst *mat.SymDense, theta []float64) float64, models.Route) {
	return func(dst *mat.SymDense, theta []float64) float64 {
		a, b, v := theta[0], theta[1], theta[2]
		b2 := b * b
		b4 := b2 * b2
		dst.Zero()
		dst.SetSym(0, 0, (b4+3*b4*b4)/v*m.off("fisher"))
		dst.SetSym(0, 1, (2*a*b*b2+12*a*b*b2*b4)/v)
		dst.SetSym(1, 1, (4*a*a*b2+48*a*a*b2*b4)/v)
		dst.SetSym(2, 2, 1/(2*v*v)*m.off("fisher-v"))
		if m.bad("singular") {
			dst.SetSym(0, 0, dst.At(0, 0)+1e-4)
			dst.SetSym(1, 1, dst.At(1, 1)+1e-4)
		}
		if m.bad("regular") {
			dst.SetSym(0, 1, math.Sqrt(dst.At(0, 0)*dst.At(1, 1)))
		}
		return 0
	}, models.Exact
}

// FisherFactor has one row for each of x, 1 and (x²−1)/√2, which are
// orthonormal under N(0, 1), and one for v.
func (m toy) FisherFactor() (func(theta []float64) *mat.Dense, models.Route) {
	r := mat.NewDense(4, 3, nil)
	return func(theta []float64) *mat.Dense {
		a, b, s := theta[0], theta[1], math.Sqrt(theta[2])
		r.SetRow(0, []float64{b * b / s, 2 * a * b / s, 0})
		r.SetRow(1, []float64{b * b * b * b / s * m.off("fisher-factor"), 4 * a * b * b * b / s, 0})
		r.SetRow(2, []float64{math.Sqrt2 * b * b * b * b / s, math.Sqrt2 * 4 * a * b * b * b / s, 0})
		r.SetRow(3, []float64{0, 0, 1 / (math.Sqrt2 * theta[2])})
		return r
	}, models.Exact
}

func (m toy) FisherAt(dst *mat.SymDense, theta, x []float64) {
	_, fa, fb := mean(x[0], theta)
	v := theta[2]
	dst.Zero()
	dst.SetSym(0, 0, fa*fa/v)
	dst.SetSym(0, 1, fa*fb/v)
	dst.SetSym(1, 1, fb*fb/v*m.off("fisher-point"))
	dst.SetSym(2, 2, 1/(2*v*v))
}

func (m toy) Nodes(theta []float64, _ models.Rule) (*models.Data, []float64, error) {
	const k = 14
	t, w := make([]float64, k), make([]float64, k)
	quad.Hermite{}.FixedLocations(t, w, math.Inf(-1), math.Inf(1))
	for i := range t { // from the weight exp(−t²) to the density of N(0, 1)
		t[i] *= math.Sqrt2
		w[i] /= math.Sqrt(math.Pi)
	}
	z, weights := models.NewData(k*k, 1, 1), make([]float64, k*k)
	for i := range k {
		for j := range k {
			f, _, _ := mean(t[i], theta)
			z.X(i*k + j)[0] = t[i]
			z.Y(i*k + j)[0] = f + math.Sqrt(theta[2])*t[j]*m.off("nodes")
			weights[i*k+j] = w[i] * w[j]
		}
	}
	return z, weights, nil
}

func (m toy) Canonicalize(theta []float64) {
	if m.bad("canonical-twice") {
		theta[1] = -theta[1]
		return
	}
	theta[1] = math.Abs(theta[1])
	if m.bad("canonical-law") {
		theta[0] = math.Abs(theta[0])
	}
}

func (m toy) Strata() []models.Stratum {
	piece := func(name string, i int) models.Stratum {
		return models.Stratum{
			Name: name, Codim: 1, Doc: "one coordinate is 0, and the other of a and b has no effect",
			Distance: func(theta []float64) float64 { return math.Abs(theta[i]) },
			Project: func(dst, theta []float64) {
				copy(dst, theta)
				dst[i] = 0
				if m.bad("project") {
					dst[i] = 1e-6
				}
			},
			Tangent: func(theta []float64) *mat.Dense {
				v := mat.NewDense(3, 1, nil)
				v.Set(1-i, 0, 1)
				if m.bad("tangent") {
					v.Set(2, 0, 0.1)
				}
				return v
			},
		}
	}
	return []models.Stratum{piece("elimination", 0), piece("silence", 1)}
}

func (m toy) ToFree(dst, theta []float64) {
	copy(dst, theta)
	dst[2] = math.Log(theta[2])
	if m.bad("free") {
		dst[2] = math.Log1p(theta[2])
	}
}

func (m toy) FromFree(dst, free []float64) {
	copy(dst, free)
	dst[2] = math.Exp(free[2])
}

func (m toy) PullScore(dst, free, score []float64) {
	copy(dst, score)
	dst[2] = score[2] * math.Exp(free[2]) * m.off("pull")
}

func (m toy) Embed(dst []float64, sub models.Model, theta []float64) bool {
	if _, ok := sub.(toy); !ok {
		return false
	}
	copy(dst, theta)
	dst[1] = -dst[1]
	if m.bad("embed") {
		dst[0] = -dst[0]
	}
	return true
}

// toyLik is the likelihood of toy.
type toyLik struct {
	toy
	z *models.Data
	w []float64
	s []float64
	h *mat.SymDense

	x, x2 []float64

	twin float64
}

func (l *toyLik) Model() models.Model                    { return l.toy }
func (l *toyLik) N() int                                 { return l.z.N }
func (l *toyLik) Reweight(w []float64) models.Likelihood { return l.bind(l.z, w) }
func (l *toyLik) Start(dst []float64, rng *rand.Rand)    { l.start(dst, rng) }
func (l *toyLik) Terms(dst, theta []float64) {
	l.each(theta, func(t int, ll float64, _ []float64) { dst[t] = ll }, len(dst))
}

func (l *toyLik) weight(t int) float64 {
	if l.w == nil {
		return 1
	}
	return l.w[t]
}

func (l *toyLik) Weight() float64 {
	var s float64
	for t := range l.z.N {
		s += l.weight(t) * l.off("weight")
	}
	return s
}

func (l *toyLik) inside(theta []float64) bool {
	if len(theta) != 3 {
		panic("toy: length")
	}
	for _, v := range theta {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return theta[2] > 0 || l.bad("domain")
}

func (l *toyLik) term(t int, theta, s []float64) float64 {
	f, fa, fb := mean(l.z.X(t)[0], theta)
	v, e := theta[2], l.z.Y(t)[0]-f
	s[0], s[1], s[2] = e*fa/v, e*fb/v, (e*e/v-1)/(2*v)
	ll := -0.5 * (math.Log(2*math.Pi*v) + e*e/v)
	if math.IsNaN(ll) && !l.bad("domain") { // f overflows
		return math.Inf(-1)
	}
	return ll
}

// each visits the terms in order.
func (l *toyLik) each(theta []float64, f func(t int, ll float64, s []float64), n int) {
	if n != l.z.N {
		panic("toy: length")
	}
	in := l.inside(theta)
	for t := range l.z.N {
		if in {
			f(t, l.term(t, theta, l.s), l.s)
		} else {
			f(t, math.Inf(-1), l.s)
		}
	}
}

func (l *toyLik) LogLik(theta []float64) float64 {
	if !l.inside(theta) {
		return math.Inf(-1)
	}
	if l.bad("allocs") {
		l.s = make([]float64, 3)
	}
	if l.bad("theta") {
		theta[0] *= 1 + 1e-12
	}
	if l.bad("data") {
		l.z.V[0] += 1e-9
	}
	var sum float64
	for t := range l.z.N {
		if w := l.weight(t); w != 0 {
			sum += w * l.term(t, theta, l.s)
		}
	}
	if l.bad("memory") {
		sum += 1e-9 * shared[0]
		shared[0] = theta[0]
	}
	if l.bad("twins") {
		sum += 1e-9 * l.twin
	}
	return sum * l.off("loglik")
}

func (l *toyLik) Score(dst, theta []float64) float64 {
	ll := l.LogLik(theta)
	if math.IsInf(ll, -1) {
		return ll
	}
	clear(dst)
	for t := range l.z.N {
		l.term(t, theta, l.s)
		for i := range dst {
			dst[i] += l.weight(t) * l.s[i]
		}
	}
	if l.w != nil {
		dst[1] *= l.off("weighted-score")
	}
	dst[1] *= l.off("score")
	return ll * l.off("score-loglik")
}

func (l *toyLik) ScoreTerms(dst *mat.Dense, theta []float64) {
	l.each(theta, func(t int, _ float64, s []float64) {
		dst.SetRow(t, s)
		if l.bad("score-terms") && t == 7 {
			dst.Set(7, 0, -s[0])
		}
	}, l.z.N)
}

func (l *toyLik) Hess(dst *mat.SymDense, theta []float64) {
	dst.Zero()
	a, b, v := theta[0], theta[1], theta[2]
	for t := range l.z.N {
		x := l.z.X(t)[0]
		f, fa, fb := mean(x, theta)
		e, w := l.z.Y(t)[0]-f, l.weight(t)
		fab, fbb := 2*b*x+4*b*b*b*x*x, 2*a*x+12*a*b*b*x*x
		dst.SetSym(0, 0, dst.At(0, 0)-w*fa*fa/v)
		dst.SetSym(0, 1, dst.At(0, 1)+w*(e*fab-fa*fb)/v)
		dst.SetSym(1, 1, dst.At(1, 1)+w*(e*fbb-fb*fb)/v)
		dst.SetSym(0, 2, dst.At(0, 2)-w*e*fa/(v*v))
		dst.SetSym(1, 2, dst.At(1, 2)-w*e*fb/(v*v))
		dst.SetSym(2, 2, dst.At(2, 2)+w*(0.5-e*e/v)/(v*v))
	}
	dst.SetSym(0, 1, dst.At(0, 1)*l.off("hess"))
}

// ScoreFree and Curve are Score and Hess and the chain rule: v = e^u.
func (l *toyLik) ScoreFree(g, u []float64) float64 {
	l.FromFree(l.x, u)
	ll := l.Score(l.x2, l.x)
	l.PullScore(g, u, l.x2)
	g[0] *= l.off("score-free")
	return ll * l.off("score-free-loglik")
}

func (l *toyLik) Curve(h *mat.SymDense, g, u []float64) float64 {
	ll := l.ScoreFree(g, u)
	l.Hess(h, l.x)
	v := l.x[2]
	h.SetSym(0, 2, h.At(0, 2)*v*l.off("curve"))
	h.SetSym(1, 2, h.At(1, 2)*v)
	h.SetSym(2, 2, h.At(2, 2)*v*v+g[2])
	g[1] *= l.off("curve-score")
	return ll
}

// EMStep sets v to its best value given a and b.
func (l *toyLik) EMStep(dst, theta []float64) float64 {
	ll := l.LogLik(theta)
	copy(dst, theta)
	var sum float64
	for t := range l.z.N {
		f, _, _ := mean(l.z.X(t)[0], theta)
		e := l.z.Y(t)[0] - f
		sum += l.weight(t) * e * e
	}
	if dst[2] = sum / l.Weight(); l.bad("em") {
		dst[2] *= 1.02
	}
	return ll
}

func (l *toyLik) BatchScore(dst, theta []float64, rows []int) (sum float64) {
	if !l.inside(theta) {
		return math.Inf(-1)
	}
	clear(dst)
	if l.bad("batch") {
		rows = slices.Compact(slices.Sorted(slices.Values(rows)))
	}
	for _, t := range rows {
		sum += l.weight(t) * l.term(t, theta, l.s)
		for i := range dst {
			dst[i] += l.weight(t) * l.s[i]
		}
	}
	return sum
}

func (l *toyLik) LogLiks(dst []float64, thetas *mat.Dense) {
	for i := range dst {
		dst[i] = l.LogLik(thetas.RawRowView(i))
	}
	dst[0] *= l.off("logliks")
}

func (l *toyLik) start(dst []float64, rng *rand.Rand) {
	for i := range dst {
		dst[i] = math.Exp(rng.NormFloat64())
	}
	if l.bad("start") {
		dst[2] = -1
	}
}

// Maximum is not that of a family of this kind; it is here to be wrong.
type maximized struct{ *toyLik }

func (l maximized) Maximum(dst []float64) float64 {
	copy(dst, []float64{1, 1, 1})
	return l.LogLik(dst)
}
