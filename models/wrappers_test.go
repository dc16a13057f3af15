package models

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// halfLine is y = θ + e with e exponential(1), e > 0: a family that offers
// nothing but the interface, and whose terms are -Inf at θ > y.
type halfLine struct{ series bool }

func (halfLine) Params() []Param { return []Param{{Name: "θ", Lo: -100, Hi: 100}} }
func (m halfLine) Shape() Shape  { return Shape{Q: 1, Series: m.series} }
func (halfLine) String() string  { return "half-line" }

func (halfLine) Sample(z *Data, theta []float64, rng *rand.Rand) {
	for i := range z.N {
		z.Y(i)[0] = theta[0] + rng.ExpFloat64()
	}
}

func (m halfLine) Bind(z *Data) (Likelihood, error) {
	if err := checkBind(m, z); err != nil {
		return nil, err
	}
	return &halfLineLik{m, z}, nil
}

// Nodes are those of a law with three atoms, so that expectations are sums by hand.
func (halfLine) Nodes(theta []float64, rule Rule) (*Data, []float64, error) {
	if rule.Points == 99 {
		return nil, nil, errors.New("99 is too many")
	}
	w := []float64{0.5, 0.25, 0.25}
	if rule.Points == 98 {
		w[0] = 1
	}
	return &Data{N: 3, Q: 1, V: []float64{theta[0] + 1, theta[0] + 2, theta[0] + 4}}, w, nil
}

type halfLineLik struct {
	m halfLine
	z *Data
}

func (l *halfLineLik) Model() Model { return l.m }
func (l *halfLineLik) N() int       { return l.z.N }

func (l *halfLineLik) LogLik(theta []float64) float64 {
	terms := make([]float64, l.z.N)
	l.Terms(terms, theta)
	var s float64
	for _, t := range terms {
		s += t
	}
	return s
}

func (l *halfLineLik) Terms(dst, theta []float64) {
	for i := range dst {
		dst[i] = theta[0] - l.z.V[i]
		if l.z.V[i] < theta[0] {
			dst[i] = math.Inf(-1)
		}
	}
}

// scoredHalfLine adds per-term scores and starts, scored, batched and so on.
type scoredHalfLine struct{ *halfLineLik }

func (l scoredHalfLine) ScoreTerms(dst *mat.Dense, theta []float64) {
	for i := range l.z.N {
		dst.Set(i, 0, 1+l.z.V[i]) // the 1 of the true score, and something that tells rows apart
	}
}
func (l scoredHalfLine) Start(dst []float64, rng *rand.Rand) { dst[0] = -7 }

func TestWeighted(t *testing.T) {
	z := &Data{N: 3, Q: 1, V: []float64{1, 2, 5}}
	bare, err := halfLine{}.Bind(z)
	if err != nil {
		t.Fatal(err)
	}
	theta := []float64{1.5} // term 0 is -Inf
	for _, l := range []Likelihood{bare, scoredHalfLine{bare.(*halfLineLik)}} {
		w := []float64{0, 2, 0.5}
		b := Weighted(l, w)
		if got, want := b.LogLik(theta), 2*(1.5-2)+0.5*(1.5-5); got != want {
			t.Errorf("weight 0 on a term of -Inf: ℓ = %v, want %v", got, want)
		}
		if got := Weight(b); got != 2.5 {
			t.Errorf("Weight = %v, want 2.5", got)
		}
		terms := make([]float64, 3)
		if b.Terms(terms, theta); !slices.Equal(terms, []float64{math.Inf(-1), -0.5, -3.5}) {
			t.Errorf("Terms of a weighted likelihood are %v: they must not be weighted", terms)
		}
		score, route := Score(b)
		g := make([]float64, 1)
		score(g, theta)
		if _, scored := l.(TermScorer); scored {
			if _, starts := b.(Starter); route != Exact || !starts || g[0] != 2*3+0.5*6 {
				t.Errorf("with term scores: route %v, starts %v, score %v, want exact, true, 9", route, starts, g)
			}
		} else if route != Differences || math.Abs(g[0]-2.5) > 1e-8 {
			t.Errorf("without term scores: route %v, score %v, want differences, 2.5", route, g)
		}
		w[0] = 1 // kept, not copied
		if got := b.LogLik(theta); !math.IsInf(got, -1) {
			t.Errorf("positive weight on a term of -Inf: ℓ = %v", got)
		}
		w[0] = -1 // as in some quadrature rules
		if got := b.LogLik(theta); !math.IsInf(got, -1) {
			t.Errorf("negative weight on a term of -Inf: ℓ = %v", got)
		}
		again := Weighted(b, []float64{0, 1, 0})
		if got := again.LogLik(theta); got != -0.5 {
			t.Errorf("weights over weights: ℓ = %v, want those that came last to count, -0.5", got)
		}
	}
	for _, w := range [][]float64{{1, 1}, {1, 1, math.NaN()}, {1, 1, math.Inf(1)}} {
		mustPanic(t, func() { Weighted(bare, w) })
	}
}

func TestBatch(t *testing.T) {
	z := &Data{N: 4, Q: 1, V: []float64{1, 2, 5, -9}}
	bare, _ := halfLine{}.Bind(z)
	theta := []float64{0.5} // row 3 has -Inf
	for _, l := range []Likelihood{
		bare, scoredHalfLine{bare.(*halfLineLik)},
		Weighted(scoredHalfLine{bare.(*halfLineLik)}, []float64{4, 0, 0, 0}), // whose weights sum to n
	} {
		b, err := Batch(l, []int{2, 0, 2})
		if err != nil {
			t.Fatal(err)
		}
		if got := b.LogLik(theta); got != -4.5-0.5-4.5 || b.N() != 3 || Weight(b) != 3 {
			t.Errorf("ℓ = %v, N = %d, weight %v; want -9.5, 3, 3", got, b.N(), Weight(b))
		}
		terms := make([]float64, 3)
		if b.Terms(terms, theta); !slices.Equal(terms, []float64{-4.5, -0.5, -4.5}) {
			t.Errorf("Terms = %v", terms)
		}
		if _, ok := l.(TermScorer); ok {
			g, s := make([]float64, 1), mat.NewDense(3, 1, nil)
			score, route := Score(b)
			score(g, theta)
			b.(TermScorer).ScoreTerms(s, theta)
			if route != Exact || g[0] != 14 || !slices.Equal(s.RawMatrix().Data, []float64{6, 2, 6}) {
				t.Errorf("score %v by route %v, term scores %v; want 14, exact, [6 2 6]", g, route, s.RawMatrix().Data)
			}
			if b.(Starter).Start(g, nil); g[0] != -7 {
				t.Error("the starts of the likelihood are lost")
			}
		}
		b.SetRows([]int{3, 1})
		if got := b.LogLik(theta); !math.IsInf(got, -1) || b.N() != 2 {
			t.Errorf("after SetRows: ℓ = %v, N = %d", got, b.N())
		}
		mustPanic(t, func() { b.SetRows([]int{4}) })
		mustPanic(t, func() { b.SetRows([]int{-1}) })
	}
	series, _ := halfLine{series: true}.Bind(z)
	if _, err := Batch(series, []int{0}); err == nil || !strings.Contains(err.Error(), "exchangeable") {
		t.Errorf("a batch of a series: %v", err)
	}
}

func TestPopulation(t *testing.T) {
	l, err := Population(halfLine{}, halfLine{}, []float64{3}, Rule{})
	if err != nil {
		t.Fatal(err)
	}
	// E (θ − y) at θ = 2.5: y is 4, 5, 7 with weights ½, ¼, ¼.
	if got, want := l.LogLik([]float64{2.5}), 2.5-(2+1.25+1.75); math.Abs(got-want) > 1e-15 || Weight(l) != 1 {
		t.Errorf("ℓ = %v with weight %v, want %v with 1", got, Weight(l), want)
	}
	bad := []struct {
		m, truth Model
		at       []float64
		rule     Rule
		want     string
	}{
		{halfLine{}, halfLine{series: true}, []float64{3}, Rule{}, "series"},
		{halfLine{series: true}, halfLine{series: true}, []float64{3}, Rule{}, "series"},
		{halfLine{}, twoColumns{}, []float64{3}, Rule{}, "columns"},
		{twoColumns{}, twoColumns{}, []float64{3}, Rule{}, "cannot discretise"},
		{halfLine{}, halfLine{}, []float64{3, 4}, Rule{}, "2 values"},
		{halfLine{}, halfLine{}, []float64{300}, Rule{}, "outside the domain"},
		{halfLine{}, halfLine{}, []float64{3}, Rule{Points: -1}, "-1 points"},
		{halfLine{}, halfLine{}, []float64{3}, Rule{Points: 98}, "sum to 1.5"},
		{halfLine{}, halfLine{}, []float64{3}, Rule{Points: 99}, "99 is too many"},
	}
	for _, tt := range bad {
		if _, err := Population(tt.m, tt.truth, tt.at, tt.rule); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("want an error with %q, got %v", tt.want, err)
		}
	}
}

// twoColumns is a model of two columns without nodes.
type twoColumns struct{}

func (twoColumns) Params() []Param                     { return []Param{{Name: "θ", Lo: -100, Hi: 100}} }
func (twoColumns) Shape() Shape                        { return Shape{Q: 2} }
func (twoColumns) Sample(*Data, []float64, *rand.Rand) {}
func (twoColumns) Bind(*Data) (Likelihood, error)      { return nil, errors.New("not bound") }
func (twoColumns) String() string                      { return "two-columns" }

func mustPanic(t *testing.T, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Error("no panic on a caller's bug")
		}
	}()
	f()
}
