package models

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"
)

// LogLik is never NaN or +Inf: data of any finite size, coefficients anywhere,
// n = 1, n < p, constant and zero series.
func TestARMALogLikNeverNaN(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 1))
	series := [][]float64{
		{0}, {3}, {1e308}, {1e200, -1e200, 1e200}, {math.MaxFloat64, -math.MaxFloat64, 1, 2, 3, 4},
		{0, 0, 0, 0, 0, 0, 0}, {5, 5, 5, 5, 5, 5}, {5e-324, 0, 1e-310, 1},
	}
	long := make([]float64, 400)
	for i := range long {
		long[i] = 1e160 * rng.NormFloat64()
	}
	series = append(series, long)
	values := []float64{0, 0.5, -0.999999, 1, -1, 1 - 1e-16, 2, 1e300, math.NaN(), math.Inf(1), 5e-324, 1.9999999, -0.99999999}
	for _, o := range [][2]int{{0, 0}, {1, 1}, {0, 1}, {2, 1}, {2, 2}, {3, 0}, {4, 5}} {
		for _, set := range []ARMASettings{{}, {Mean: true}, {CSS: true}, {Var: 1e-300}} {
			m := mustARMA(t, o[0], o[1], set)
			d := Dim(m)
			theta, score := make([]float64, d), make([]float64, d)
			for _, y := range series {
				l := bindARMA(t, m, y)
				terms := make([]float64, len(y))
				for range 60 {
					for i := range theta {
						theta[i] = values[rng.IntN(len(values))]
					}
					f := l.LogLik(theta)
					inside := CheckTheta(m, theta) == nil
					if math.IsNaN(f) || math.IsInf(f, 1) || !inside && !math.IsInf(f, -1) {
						t.Fatalf("%v: ℓ(%v) = %v on %v…", m, theta, f, y[0])
					}
					l.Terms(terms, theta)
					for _, x := range terms {
						if math.IsNaN(x) || math.IsInf(x, 1) {
							t.Fatalf("%v: a term at %v is %v", m, theta, x)
						}
					}
					if s := l.Score(score, theta); math.IsNaN(s) || math.IsInf(s, 1) {
						t.Fatalf("%v: Score at %v returns %v", m, theta, s)
					}
					if s := l.Profile(append([]float64{}, theta...)); math.IsNaN(s) || math.IsInf(s, 1) {
						t.Fatalf("%v: Profile of %v returns %v on %v…", m, theta, s, y[0])
					}
				}
			}
		}
	}
}

func TestARMANoAllocation(t *testing.T) {
	for _, o := range [][2]int{{1, 1}, {2, 2}, {3, 1}} {
		m := mustARMA(t, o[0], o[1], ARMASettings{Mean: true})
		rng := rand.New(rand.NewPCG(1, 1))
		theta := randomARMA(m, 0.9, rng)
		y := sampleARMA(m, theta, 100, 1)
		l := bindARMA(t, m, y)
		d := len(theta)
		dst, terms, st, x := make([]float64, d), make([]float64, 100), mat.NewDense(100, d, nil), make([]float64, d)
		pts := mat.NewDense(3, d, nil)
		for i := range 3 {
			pts.SetRow(i, theta)
		}
		f := mat.NewSymDense(d, nil)
		fisher, _ := m.Fisher()
		factor, _ := m.FisherFactor()
		l.Start(x, rng)
		for name, run := range map[string]func(){
			"LogLik": func() { l.LogLik(theta) }, "Terms": func() { l.Terms(terms, theta) },
			"Score": func() { l.Score(dst, theta) }, "ScoreTerms": func() { l.ScoreTerms(st, theta) },
			"LogLiks": func() { l.LogLiks(terms[:3], pts) }, "Profile": func() { l.Profile(x) },
			"Fisher": func() { fisher(f, theta) }, "FisherFactor": func() { factor(theta) },
			"Start": func() { l.Start(x, rng) }, "ToFree": func() { m.ToFree(dst, theta) },
			"FromFree": func() { m.FromFree(x, dst) }, "PullScore": func() { m.PullScore(x, dst, theta) },
		} {
			if n := testing.AllocsPerRun(20, run); n != 0 {
				t.Errorf("%v: %s allocates %v times", m, name, n)
			}
		}
	}
}

func TestARMALogLiks(t *testing.T) {
	rng := rand.New(rand.NewPCG(12, 1))
	for _, o := range [][2]int{{1, 1}, {1, 0}, {2, 3}} {
		m := mustARMA(t, o[0], o[1], ARMASettings{})
		l := bindARMA(t, m, seriesLH)
		pts := mat.NewDense(40, Dim(m), nil)
		for i := range 40 {
			pts.SetRow(i, randomARMA(m, 0.99, rng))
		}
		pts.Set(7, 0, 1.5) // outside
		got := make([]float64, 40)
		l.LogLiks(got, pts)
		for i, g := range got {
			if want := l.LogLik(pts.RawRowView(i)); g != want {
				t.Errorf("%v point %d: %v, LogLik %v", m, i, g, want)
			}
		}
	}
}

// The short cut for r = 1 against the filter, over the square.
func TestARMAShortCut(t *testing.T) {
	m := mustARMA(t, 1, 1, ARMASettings{})
	for _, n := range []int{1, 2, 3, 4, 5, 6, 50, 301} {
		l := bindARMA(t, m, sampleARMA(m, []float64{0.4, 0.3, 1}, n, 4))
		terms := make([]float64, n)
		for _, phi := range []float64{-0.99, -0.5, 0, 0.3, 0.97, 0.9999} {
			for _, th := range []float64{-0.9999, -0.97, -0.3, 0, 1e-9, 0.5, 0.9, 0.999999} {
				theta := []float64{phi, th, 1}
				got := l.LogLik(theta)
				l.Terms(terms, theta) // by the filter
				want := 0.0
				for _, x := range terms {
					want += x
				}
				if relDiff(got, want) > 1e-11 {
					t.Errorf("n=%d φ=%g θ=%g: %.15g, filter %.15g", n, phi, th, got, want)
				}
			}
		}
	}
}

// The conditional likelihood is the recursion from zero pre-sample values.
func TestARMAConditional(t *testing.T) {
	m := mustARMA(t, 2, 1, ARMASettings{Mean: true, CSS: true})
	phi1, phi2, th, mean, s2 := 0.5, -0.2, 0.3, 2.4, 0.2
	var y1, y2, e, ss float64
	for _, x := range seriesLH {
		y := x - mean
		e = y - phi1*y1 - phi2*y2 - th*e
		ss += e * e
		y1, y2 = y, y1
	}
	want := -0.5 * (48*math.Log(2*math.Pi*s2) + ss/s2)
	if got := bindARMA(t, m, seriesLH).LogLik([]float64{phi1, phi2, th, mean, s2}); relDiff(got, want) > 1e-13 {
		t.Errorf("%.15g, want %.15g", got, want)
	}
}

// Starts lie in the domain, are profiled, reproduce, and reach within 0.5 of the
// maximum of lh as ARMA(1,1) (−28.762) among 60.
func TestARMAStart(t *testing.T) {
	for _, o := range [][2]int{{0, 0}, {1, 1}, {2, 2}, {9, 0}, {3, 4}} {
		m := mustARMA(t, o[0], o[1], ARMASettings{Mean: true})
		for _, y := range [][]float64{seriesLH, seriesSunspots, {1}, {1, 2, 3}, {4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4}} {
			l := bindARMA(t, m, y)
			a, b := rand.New(rand.NewPCG(1, 9)), rand.New(rand.NewPCG(1, 9))
			x, again := make([]float64, Dim(m)), make([]float64, Dim(m))
			best := math.Inf(-1)
			for range 60 {
				l.Start(x, a)
				l.Start(again, b)
				for i := range x {
					if x[i] != again[i] {
						t.Fatal("the same stream gave another start")
					}
				}
				if err := CheckTheta(m, x); err != nil {
					t.Fatalf("%v: %v", m, err)
				}
				best = max(best, l.LogLik(x))
			}
			if o == [2]int{1, 1} && len(y) == 48 && best < -29.262 {
				t.Errorf("best of 60 starts is %.4f", best)
			}
		}
	}
}

// Second moments of samples against the autocovariances, the first value
// included (exact stationary start): 20 000 series of 4, fixed seed, 5 standard
// errors (false alarm below 1e-5).
func TestARMASample(t *testing.T) {
	m := mustARMA(t, 2, 2, ARMASettings{})
	theta := []float64{1.1, -0.5, 0.4, 0.3, 2}
	g := armaAutocov(theta[:2], theta[2:4], 4)
	const reps = 20000
	rng := rand.New(rand.NewPCG(21, 1))
	z := NewData(4, 0, 1)
	var sum, sq [4][4]float64
	for range reps {
		m.Sample(z, theta, rng)
		for i := range 4 {
			for j := range 4 {
				x := z.V[i] * z.V[j]
				sum[i][j] += x / reps
				sq[i][j] += x * x / reps
			}
		}
	}
	for i := range 4 {
		for j := i; j < 4; j++ {
			se := math.Sqrt((sq[i][j] - sum[i][j]*sum[i][j]) / reps)
			if zz := (sum[i][j] - 2*g[j-i]) / se; math.Abs(zz) > 5 {
				t.Errorf("E x_%d x_%d = %.4f ± %.4f, want %.4f", i, j, sum[i][j], se, 2*g[j-i])
			}
		}
	}
}

// E s = 0 exactly at any n, for both laws: z-test over 4000 series of 12, fixed
// seed, 5 standard errors (false alarm below 1e-5).
func TestARMAScoreMeanZero(t *testing.T) {
	for _, css := range []bool{false, true} {
		m := mustARMA(t, 2, 1, ARMASettings{Mean: true, CSS: css})
		theta := []float64{0.5, 0.2, 0.6, 1, 2}
		rng := rand.New(rand.NewPCG(31, 1))
		z := NewData(12, 0, 1)
		l := bindARMA(t, m, z.V)
		var sum, sq, s [5]float64
		const reps = 4000
		for range reps {
			m.Sample(z, theta, rng)
			l.Score(s[:], theta)
			for i, x := range s {
				sum[i] += x / reps
				sq[i] += x * x / reps
			}
		}
		for i := range sum {
			if zz := sum[i] / math.Sqrt(sq[i]/reps); math.Abs(zz) > 5 {
				t.Errorf("css=%v: mean score %d is %.1f standard errors from 0", css, i, zz)
			}
		}
	}
}

func TestARMAEmbed(t *testing.T) {
	sub, big := mustARMA(t, 1, 1, ARMASettings{Var: 0.3}), mustARMA(t, 3, 2, ARMASettings{Mean: true})
	theta, dst := []float64{0.6, -0.2}, make([]float64, Dim(big))
	want := bindARMA(t, sub, seriesLH).LogLik(theta)
	l := bindARMA(t, big, seriesLH)
	if !big.Embed(dst, sub, theta) || relDiff(l.LogLik(dst), want) > 1e-12 {
		t.Errorf("embedded as %v: ℓ %.12g, want %.12g", dst, l.LogLik(dst), want)
	}
	if !big.EmbedFactor(dst, sub, theta, []float64{0.7}) || relDiff(l.LogLik(dst), want) > 1e-10 {
		t.Errorf("with a factor %v: ℓ %.12g, want %.12g", dst, l.LogLik(dst), want)
	}
	css := mustARMA(t, 3, 2, ARMASettings{Mean: true, CSS: true})
	for _, no := range []struct{ m, sub Model }{
		{sub, mustARMA(t, 1, 1, ARMASettings{Var: 0.4})}, {mustARMA(t, 0, 3, ARMASettings{}), sub}, {css, sub},
	} {
		if no.m.(Nester).Embed(make([]float64, Dim(no.m)), no.sub, theta) {
			t.Errorf("%v embedded in %v", no.sub, no.m)
		}
	}
	if white := mustARMA(t, 0, 0, ARMASettings{Var: 1}); !css.Embed(dst, white, nil) {
		t.Error("white noise has one law")
	}
}

// Very near the unit circle. An AR density is the product of its conditional
// densities by Durbin and Levinson's predictors, which need no matrix; a dense
// MA covariance has entries of order 1, exact to rounding, and eigenvalues above
// 1/n² times a constant.
func TestARMAVeryNearBoundary(t *testing.T) {
	rng := rand.New(rand.NewPCG(41, 1))
	for _, gap := range []float64{1e-3, 1e-6, 1e-9} {
		for order := 1; order <= 3; order++ {
			kappa := make([]float64, order)
			for i := range kappa {
				kappa[i] = 0.8 * (2*rng.Float64() - 1)
			}
			for at := range kappa {
				k := append([]float64{}, kappa...)
				k[at] = math.Copysign(1-gap, k[at])
				c := make([]float64, order)
				y := make([]float64, 80)
				for i := range y {
					y[i] = rng.NormFloat64()
				}

				coefficientsOf(c, k, 1)
				m := mustARMA(t, order, 0, ARMASettings{Var: 1})
				got, want := bindARMA(t, m, y).LogLik(c), levinsonAR(y, k)
				// ℓ moves by about |y|²·eps/gap when φ moves by its rounding error.
				if relDiff(got, want) > 1e-11+1e-15/gap {
					t.Errorf("AR κ=%v: %.14g, want %.14g (%.1g)", k, got, want, relDiff(got, want))
				}

				coefficientsOf(c, k, -1)
				m = mustARMA(t, 0, order, ARMASettings{Var: 1})
				got, want = bindARMA(t, m, y).LogLik(c), denseARMA(y, nil, c, 0, 1)
				if relDiff(got, want) > 1e-9 {
					t.Errorf("MA κ=%v: %.14g, dense %.14g (%.1g)", k, got, want, relDiff(got, want))
				}
			}
		}
	}
}

// levinsonAR is the log-density of an autoregression with unit noise from its
// partial autocorrelations.
func levinsonAR(y, kappa []float64) float64 {
	p := len(kappa)
	v := 1.0
	for _, k := range kappa {
		v /= (1 - k) * (1 + k)
	}
	f := 0.0
	a := make([]float64, p)
	for t, x := range y {
		pred := 0.0
		for i := range min(t, p) {
			pred += a[i] * y[t-1-i]
		}
		f -= 0.5 * (math.Log(2*math.Pi*v) + (x-pred)*(x-pred)/v)
		if t < p {
			prev := append([]float64{}, a[:t]...)
			for i := range prev {
				a[i] = prev[i] - kappa[t]*prev[t-1-i]
			}
			a[t] = kappa[t]
			v *= (1 - kappa[t]) * (1 + kappa[t])
		}
	}
	return f
}
