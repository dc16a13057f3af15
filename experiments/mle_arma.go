package experiments

import (
	"context"
	"fmt"
	"math"

	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/singular"
)

type mleARMASpec struct {
	N     []int     `toml:"n" doc:"lengths of the series"`
	H     []float64 `toml:"h" doc:"distances of the truth from the line φ + θ = 0 in standard errors, φ + θ = h √((1−ρ²)/n); 0 is white noise"`
	Root  float64   `toml:"root" doc:"ρ₀, the root of the truth: θ = −ρ₀"`
	Bound float64   `toml:"bound" doc:"the moving-average coefficient is held to |θ| ≤ bound < 1"`
	Draws int       `toml:"draws" doc:"draws of the limit process"`
}

type mleARMARow struct {
	T      float64 `parquet:"t" doc:"likelihood-ratio statistic of ARMA(1,1) against white noise"`
	Phi    float64 `parquet:"phi" doc:"φ̂, the autoregressive coefficient"`
	Theta  float64 `parquet:"theta" doc:"θ̂, the moving-average coefficient; −φ̂ on the line of cancellation"`
	S      float64 `parquet:"s" doc:"ŝ = artanh(−θ̂), the place along the line where its limit process is stationary"`
	Across float64 `parquet:"across" doc:"√n (φ̂ + θ̂)/√(1 − θ̂²), the distance from the line in standard errors"`
	Gen    float64 `parquet:"gen" unit:"nats" doc:"2n × generalisation error, the divergence rate of the estimate from the truth; 2 by regular theory"`
	Train  float64 `parquet:"train" unit:"nats" doc:"2n × training error, mean log p_true/p_estimate over the series; −2 by regular theory"`
	Status string  `parquet:"status" doc:"boundary if |θ̂| = bound"`
}

var _ = register(Experiment[mleARMASpec, mleARMARow]{
	Name:    "mle-arma",
	Version: 2,
	Doc: `Where the estimate of ARMA(1,1) goes on white noise and near it.

On the line φ + θ = 0 pole and zero cancel and every point is white noise. The
estimate runs along the whole line however long the series is; only its distance
from the line shrinks like n^(−1/2), and even in units of its standard error it is
not normal. Along the line the natural coordinate is s = artanh ρ at φ = −θ = ρ, where
the limit process W has the correlation sech(s − s'): the place ŝ of its maximum
is then spread evenly but for the ends, which one estimate in several sits on. A
truth h standard errors off the line adds h sech(s − s₀) to W. The likelihood is
the exact one with σ² = 1 known, maximised on a grid in artanh θ that is refined
around every peak.`,
	Cite: []string{
		"S. Veres (1987), Asymptotic distributions of likelihood ratios for overparametrized ARMA processes, Journal of Time Series Analysis 8:345-357",
		"S. Amari, H. Park, T. Ozeki (2006), Singularities affect dynamics of learning in neuromanifolds, Neural Computation 18(5):1007-1065",
		"G. Samorodnitsky, Y. Shen (2013), Is the location of the supremum of a stationary process nearly uniformly distributed?, Annals of Probability 41:3494-3517",
	},
	Default:    mleARMASpec{N: []int{100, 300, 1000}, H: []float64{0, 1, 2, 4}, Root: 0.5, Bound: 0.95, Draws: 20000},
	Smoke:      mleARMASpec{N: []int{50}, H: []float64{0, 2}, Root: 0.5, Bound: 0.8, Draws: 500},
	Replicates: 1000,
	Check: func(s mleARMASpec) error {
		if err := checkSizes(s.N, 10); err != nil {
			return err
		}
		switch {
		case !(s.Bound > 0 && s.Bound < 1):
			return KeyError("bound", "%v: allowed is a number between 0 and 1", s.Bound)
		case !(math.Abs(s.Root) <= s.Bound):
			return KeyError("root", "%v: allowed is from −%v to %[2]v, the bound", s.Root, s.Bound)
		case len(s.H) == 0:
			return KeyError("h", "none given")
		}
		for _, h := range s.H {
			for _, n := range s.N {
				if truth := arma11Truth(s.Root, h, n); math.IsNaN(h) || math.Abs(truth[0]) >= 1 {
					return KeyError("h", "%v: with root %v and n = %d it gives φ = %.4g; allowed is |φ| < 1", h, s.Root, n, truth[0])
				}
			}
		}
		return checkDraws(s.Draws)
	},
	Cells: func(s mleARMASpec) []Cell { return Grid(Axis("h", s.H...), Axis("n", s.N...)) },
	Data:  mleARMAData,
	Replicate: func(_ context.Context, s mleARMASpec, c Cell, k mc.Key) ([]mleARMARow, error) {
		row, err := fitMLEARMA(s, c, k)
		return []mleARMARow{row}, err
	},
	Compare: compareMLEARMA,
	Figures: []Figure[mleARMASpec, mleARMARow]{
		{Name: "cloud", Doc: "Estimates of (φ, θ) at the largest n: they spread along the line of cancellation, on which every point is white noise.", Draw: drawMLEARMACloud},
		{Name: "canonical", Doc: "The same estimates along the line, s = artanh ρ, and across it in standard errors. The line is drawn at 0: on it s says nothing.", Draw: drawMLEARMACanonical},
		{Name: "place", Doc: "Where along the line the estimate lands on white noise, in the coordinate s, against the limit process and against the uniform law. The bars at the ends are the estimates on the bound.", Draw: drawMLEARMAPlace},
		{Name: "errors", Doc: "Generalisation and training error times 2n against the distance h of the truth from the line.", Draw: drawMLEARMAErrors},
	},
})

// arma11Truth is (φ, θ) with θ = −ρ and φ + θ = h √((1−ρ²)/n).
func arma11Truth(root, h float64, n int) []float64 {
	return []float64{root + h*math.Sqrt((1-root*root)/float64(n)), -root}
}

func mleARMAData(s mleARMASpec, c Cell, k mc.Key) (*models.Data, error) {
	m, err := models.NewARMA(1, 1, models.ARMASettings{Var: 1})
	if err != nil {
		return nil, err
	}
	z := models.NewData(c.Int("n"), 0, 1)
	m.Sample(z, arma11Truth(s.Root, c.Float("h"), z.N), k.Stream("data"))
	return z, nil
}

func fitMLEARMA(s mleARMASpec, c Cell, k mc.Key) (mleARMARow, error) {
	z, err := mleARMAData(s, c, k)
	if err != nil {
		return mleARMARow{}, err
	}
	f, err := fitARMA11(z, s.Bound, false)
	if err != nil {
		return mleARMARow{}, err
	}
	n := float64(z.N)
	row := mleARMARow{
		T: f.t, Phi: f.phi, Theta: f.theta, S: math.Atanh(-f.theta),
		Across: math.Sqrt(n/(1-f.theta*f.theta)) * (f.phi + f.theta),
		Status: f.status,
	}
	truth, theta := arma11Truth(s.Root, c.Float("h"), z.N), []float64{f.phi, f.theta}
	kl, err := singular.Divergence(f.model, truth, models.Rule{})
	if err != nil {
		return row, err
	}
	row.Gen = 2 * n * kl(theta)
	row.Train = -2 * (f.l.LogLik(theta) - f.l.LogLik(truth))
	return row, nil
}

// An armaPlace is one draw of the limit process: the maximum of W(s)², where it is,
// and the errors of the estimate there.
type armaPlace struct {
	t, s       float64
	edge       bool
	gen, train float64 // 2n times; gen is the squared distance from the truth
}

// armaPlaces draws W(s) = √(1−ρ²) Σ ρ^k g_k + h sech(s − s₀), ρ = tanh s, itself on a
// grid of |s| ≤ artanh bound. Its maximum is refined by a parabola.
func armaPlaces(s mleARMASpec, h float64) []armaPlace {
	reach := math.Atanh(s.Bound)
	half := int(math.Ceil(reach / 0.1))
	terms := 1 + int(math.Ceil(math.Log(1e-7)/math.Log(s.Bound)))
	at := func(i int) float64 { return reach * float64(i-half) / float64(half) }
	size := 2*half + 1
	s0 := math.Atanh(s.Root)
	place := make([]float64, size+1) // the grid and, last, the place of the truth
	for i := range size {
		place[i] = at(i)
	}
	place[size] = s0
	basis, drift := make([]float64, len(place)*terms), make([]float64, len(place))
	for i, x := range place {
		rho := math.Tanh(x)
		v := math.Sqrt(1 - rho*rho)
		for k := range terms {
			basis[i*terms+k] = v
			v *= rho
		}
		drift[i] = h / math.Cosh(x-s0)
	}
	// The same g for every h: the curves over h are smooth.
	rng := mc.Key{Experiment: "limit", Cell: fmt.Sprintf("arma11 places:bound=%g", s.Bound)}.Stream("draws")
	g, w := make([]float64, terms), make([]float64, len(place))
	out := make([]armaPlace, s.Draws)
	for d := range out {
		for k := range g {
			g[k] = rng.NormFloat64()
		}
		best := 0
		for i := range w {
			w[i] = drift[i]
			for k, v := range basis[i*terms : (i+1)*terms] {
				w[i] += v * g[k]
			}
			if i < size && math.Abs(w[i]) > math.Abs(w[best]) {
				best = i
			}
		}
		p := armaPlace{s: at(best), edge: best == 0 || best == size-1}
		top := w[best]
		if !p.edge {
			a, b := (w[best+1]-w[best-1])/2, (w[best+1]-2*top+w[best-1])/2
			x := -a / (2 * b)
			p.s += x * reach / float64(half)
			top += x * (a + x*b)
		}
		p.t = top * top
		// |W(ŝ) g_ŝ − h g_s₀|² with unit vectors whose product is sech(ŝ − s₀), and
		// twice the log-likelihood ratio of truth and estimate.
		p.gen = p.t - 2*top*h/math.Cosh(p.s-s0) + h*h
		p.train = 2*h*w[size] - h*h - p.t
		out[d] = p
	}
	return out
}

func compareMLEARMA(_ context.Context, s mleARMASpec, c Cell) ([]Line[mleARMARow], error) {
	h := c.Float("h")
	limit, err := runLocalLaw("arma11", map[string]float64{"bound": s.Bound}, math.Atanh(s.Root), h, s.Draws, 2)
	if err != nil {
		return nil, err
	}
	places := armaPlaces(s, h)
	x := Sample[armaPlace]{Rows: places, Replicates: make([]int, len(places))}
	for i := range x.Replicates {
		x.Replicates[i] = i
	}
	const source = "limit process of the score, drawn here"
	line := func(name string, m Measure[mleARMARow], theory Measure[armaPlace]) Line[mleARMARow] {
		v, se, _ := theory(x)
		return Line[mleARMARow]{Name: name, Measure: m, Theory: v, TheorySE: se, Limit: true, Route: models.MonteCarlo, Source: source}
	}
	reach := math.Atanh(s.Bound)
	lines := []Line[mleARMARow]{
		line("2n E_gen", Mean(func(r mleARMARow) float64 { return r.Gen }), Mean(func(p armaPlace) float64 { return p.gen })),
		line("2n E_train", Mean(func(r mleARMARow) float64 { return r.Train }), Mean(func(p armaPlace) float64 { return p.train })),
		line("P(|θ̂| = bound)", Fraction(func(r mleARMARow) bool { return r.Status == Boundary }), Fraction(func(p armaPlace) bool { return p.edge })),
		line("P(|ŝ| < half of artanh bound)", Fraction(func(r mleARMARow) bool { return math.Abs(r.S) < reach/2 }), Fraction(func(p armaPlace) bool { return math.Abs(p.s) < reach/2 })),
		line("mean ŝ", Mean(func(r mleARMARow) float64 { return r.S }), Mean(func(p armaPlace) float64 { return p.s })),
	}
	return append(lines, lrtBrief(func(r mleARMARow) float64 { return r.T }, limit, "sech process, derived here; Veres (1987)")...), nil
}
