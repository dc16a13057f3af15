package design

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/design/pkpd"
)

// infusion is the example of the PFIM 7 vignette 2: doses of 400 and four times
// 200 over one hour, every 24 h. Parameters V, CL there; CL, V here.
func infusion(t testing.TB) (*Population, pkpd.Curve) {
	t.Helper()
	p := &Population{
		Effects: []Effect{
			{Name: "CL", Value: 5, Law: LogNormal, Variance: .34},
			{Name: "V", Value: 50, Law: LogNormal, Variance: .26},
		},
		Residuals: []Residual{{Form: Deviations, Additive: .5, Proportional: math.Sqrt(.15)}},
	}
	reg := pkpd.Regimen{{Amount: 400, Duration: 1}, {Time: 24, Amount: 200, Duration: 1, Every: 24, Count: 4}}
	return p, linearCurve(t, pkpd.LinearSettings{}, reg)
}

// Printed by PFIM 7.0.3 (vignette 2), in its order V, CL, ω²V, ω²CL, σ_inter,
// σ_slope: mine is CL, V, ω²CL, ω²V, σ_prop, σ_add.
func TestT3PFIMInfusion(t *testing.T) {
	p, c := infusion(t)
	f := informer(t, p, c, FOReduced)
	m := information(t, f, 150, times(1, 12, 24, 44, 72, 120))
	near(t, "M", entries(m, 22, 12, 11, 44, 34, 46, 45, 33, 36, 35, 66, 56, 55),
		[]float64{.1393880, -.2899109, 14.3204999, 404.77110, 17.51007, 51.06227, 259.6216, 427.24316, 54.71243, 80.1080, 1982.21804, 1361.3658, 1648.5030}, 0, 3e-7)
	near(t, "det, criterion", []float64{math.Exp(logDet(t, m)), math.Exp(logDet(t, m) / 6)}, []float64{380849659442, 85.1384218}, 0, 1e-9)
	r := rse(t, m, theta(t, p))
	near(t, "RSE", []float64{r[1], r[0], r[3], r[2], r[5], r[4]}, []float64{5.473418, 5.399981, 21.084067, 14.297522, 7.140784, 10.667003}, 1e-6, 0)

	for _, d := range []struct {
		at   []float64
		crit float64
	}{{[]float64{1, 48, 72, 120}, 58.8133694}, {[]float64{1, 48, 72, 108}, 62.0841872}, {[]float64{1, 24, 97, 120}, 76.9655563}} {
		m := information(t, f, 150, times(d.at...))
		near(t, "D-criterion", []float64{math.Exp(logDet(t, m) / 6)}, []float64{d.crit}, 1e-7, 0)
	}
}

// Individual information of the same example, and its Bayesian information. The
// vignette's own Bayesian numbers add a prior on the natural scale to data on the
// logarithmic one; these are consistent, from an independent computation.
func TestT3PFIMIndividual(t *testing.T) {
	p, c := infusion(t)
	at := times(1, 12, 24, 44, 72, 120)
	fixed := &Population{Effects: []Effect{{Name: "CL", Value: 5}, {Name: "V", Value: 50}}, Residuals: p.Residuals}
	m := information(t, informer(t, fixed, c, FOReduced), 1, at)
	near(t, "individual M", entries(m, 22, 12, 11, 44, 34, 33), []float64{.003831386, -.03578704, .74495930, 16.79391, 12.15818, 20.61786}, 0, 3e-7)
	near(t, "individual criterion", []float64{math.Exp(logDet(t, m) / 4)}, []float64{.7475174}, 0, 1e-6)
	r := rse(t, m, theta(t, fixed))
	near(t, "individual RSE", []float64{r[1], r[0], r[3], r[2]}, []float64{43.51719, 31.20847, 64.46806, 75.11439}, 1e-5, 0)

	mb, shrink, err := informer(t, p, c, FOReduced).Bayes(at)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "Bayesian M", entries(mb, 22, 12, 11), []float64{13.424620, -8.946759, 21.565159}, 1e-6, 0)
	var inv mat.Dense
	if err := inv.Inverse(mb); err != nil {
		t.Fatal(err)
	}
	near(t, "SE of the log", []float64{math.Sqrt(inv.At(1, 1)), math.Sqrt(inv.At(0, 0))}, []float64{.320868, .253163}, 1e-6, 0)
	near(t, "shrinkage", []float64{shrink[1], shrink[0]}, []float64{.395985, .188505}, 1e-6, 0)
}

// Example 1 of PopED: multiple doses in two groups of 20. Printed by babelmixr2
// (ex.1.a and its test of PopED, tolerance 1e-4).
func TestT4PopEDMultipleDoses(t *testing.T) {
	p := &Population{
		Effects: []Effect{
			{Name: "CL", Value: 3.75, Law: LogNormal, Variance: .0625},
			{Name: "V", Value: 72.8, Law: LogNormal, Variance: .09},
			{Name: "ka", Value: .25, Law: LogNormal, Variance: .09},
			{Name: "F", Value: .9, Known: true},
		},
		Residuals: []Residual{{Proportional: .2, Additive: math.Sqrt(5e-6), ProportionalKnown: true, AdditiveKnown: true}},
	}
	at := times(1, 2, 8, 240, 245)
	study := func(p *Population) *mat.SymDense {
		var sum *mat.SymDense
		for _, dose := range []float64{20, 40} {
			c := linearCurve(t, pkpd.LinearSettings{Depot: true, Bioavailability: true}, pkpd.Regimen{{Amount: dose, Every: 24}})
			m := information(t, informer(t, p, c, FOReduced), 20, at)
			if sum == nil {
				sum = m
				continue
			}
			add(sum, 1, m)
		}
		return sum
	}
	// The source orders V, ka, CL.
	order := func(r []float64) []float64 { return append([]float64{r[1], r[2], r[0], r[4], r[5], r[3]}, r[6:]...) }
	m := study(p)
	near(t, "ln det", []float64{logDet(t, m)}, []float64{28.919699}, 1e-6, 0)
	near(t, "RSE", order(rse(t, m, theta(t, p))), []float64{8.215338, 10.090955, 4.400304, 39.833230, 60.089601, 27.391518}, 1e-6, 0)
	p.Residuals[0].ProportionalKnown = false
	m = study(p)
	near(t, "ln det with σ²", []float64{logDet(t, m)}, []float64{39.309004}, 1e-6, 0)
	near(t, "RSE with σ²", order(rse(t, m, theta(t, p))), []float64{8.21534, 10.09095, 4.40030, 39.84476, 60.65511, 27.56254, 13.86536}, 1e-5, 0)
	near(t, "M", entries(m, 22, 23, 12, 33, 13, 11), []float64{.0533669, -8.683963, -.0586341, 2999.851, -14.430585, 37.152433}, 0, 1e-6)
}

// PopED's test_evaluate_design.R.
func TestT10Shrinkage(t *testing.T) {
	p := &Population{
		Effects: []Effect{
			{Name: "k", Value: .25, Law: LogNormal, Variance: .25},
			{Name: "V", Value: 15, Law: LogNormal, Variance: .1},
			{Name: "ka", Value: 2, Law: LogNormal, Variance: 1},
		},
		Residuals: []Residual{{Form: Deviations, Additive: .5, Proportional: .15}},
	}
	c := linearCurve(t, pkpd.LinearSettings{Depot: true, Rates: true}, pkpd.Regimen{{Amount: 100}})
	_, s, err := informer(t, p, c, FOReduced).Bayes(times(1, 3, 8))
	if err != nil {
		t.Fatal(err)
	}
	near(t, "shrinkage of ka, k, V", []float64{s[2], s[0], s[1]}, []float64{.5035130, .3673427, .4244184}, 1e-7, 0)

	// Warfarin, run in PopED (printed digits).
	_, s, err = informer(t, warfarin(), warfarinCurve(t), FOReduced).Bayes(times(warfarinTimes...))
	if err != nil {
		t.Fatal(err)
	}
	near(t, "warfarin", s, []float64{.0244, .174, .0301}, 6e-4, 0)
}

// hcv is the example of Nyberg et al. 2015 on hepatitis C: 180 µg of peginterferon
// over one day every week, concentration and log₁₀ viral load at 12 times.
func hcv(t testing.TB) (*Population, pkpd.Curve, []pkpd.Sample) {
	t.Helper()
	m, err := pkpd.Lookup("hcv")
	if err != nil {
		t.Fatal(err)
	}
	c, err := m.Bind(pkpd.Regimen{{Amount: 180, Duration: 1, Every: 7}})
	if err != nil {
		t.Fatal(err)
	}
	p := &Population{Residuals: []Residual{{Name: "C", Additive: .2}, {Name: "log10W", Additive: .2}}, Scale: Scale{LogFixed: true}}
	for i, e := range m.Params() {
		p.Effects = append(p.Effects, Effect{Name: e.Name, Value: []float64{.8, .15, 100, .12, 2, .2, 7}[i], Law: LogNormal, Variance: .25})
	}
	var at []pkpd.Sample
	for r := range 2 {
		for _, x := range []float64{0, .25, .5, 1, 2, 3, 4, 7, 10, 14, 21, 28} {
			at = append(at, pkpd.Sample{Response: r, Time: x})
		}
	}
	return p, c, at
}

// Five coupled differential equations and two responses. The published relative
// standard errors (of fixed effects: 100 times that of the logarithm) and
// criteria, to their rounding and the spread between programs: PopED prints
// 40.0 where the exact derivatives give 39.86.
func TestT5HCV(t *testing.T) {
	p, c, at := hcv(t)
	th := theta(t, p)
	for i := range 7 {
		th[i] = 1
	}
	for _, want := range []struct {
		a         Approximation
		published float64 // |M|^{1/16}
		ours      float64
		rse, src  []float64
	}{
		{FOReduced, 248.8, 248.83,
			[]float64{12.07, 10.47, 9.96, 15.76, 10.45, 9.39, 11.01, 39.86, 30.74, 28.61, 60.52, 28.98, 27.18, 32.75, 8.37, 9.16},
			[]float64{12.1, 10.5, 10.0, 15.8, 10.4, 9.4, 11.0, 40.0, 30.8, 28.8, 60.4, 28.8, 27.2, 32.8, 8.5, 9.0}},
		{FOFull, 318.2, 318.37,
			[]float64{8.60, 6.88, 8.42, 13.46, 7.48, 8.51, 8.69, 43.15, 37.05, 33.08, 66.26, 32.97, 31.61, 33.51, 8.38, 9.20},
			[]float64{8.6, 6.9, 8.4, 13.5, 7.5, 8.5, 8.7, 43.2, 37.2, 33.2, 66.4, 32.8, 31.6, 33.6, 8.5, 9.3}},
	} {
		m := information(t, informer(t, p, c, want.a), 30, at)
		crit := math.Exp(logDet(t, m) / 16)
		near(t, want.a.String(), []float64{crit}, []float64{want.ours}, .006, 0)
		near(t, want.a.String()+" published", []float64{crit}, []float64{want.published}, 0, 1e-3)
		r := rse(t, m, th)
		near(t, want.a.String()+" RSE", r, want.rse, .006, 0)
		near(t, want.a.String()+" RSE published", r, want.src, .05, .02)
	}
	f := informer(t, p, c, FOReduced)
	mean, _, err := f.Moments([]pkpd.Sample{{Time: 1}, {Time: 28}, {Response: 1}, {Response: 1, Time: 28}})
	if err != nil {
		t.Fatal(err)
	}
	near(t, "η", mean, []float64{.53230086, 1.25477038, 6.15185121, 1.77653683}, 2e-7, 0)
}

// The goal is 50 ms.
func BenchmarkHCV(b *testing.B) {
	p, c, at := hcv(b)
	for _, a := range []Approximation{FOReduced, FOFull} {
		b.Run(a.String(), func(b *testing.B) {
			f := informer(b, p, c, a)
			m := mat.NewSymDense(f.Dim(), nil)
			b.ReportAllocs()
			for b.Loop() {
				if err := f.Into(m, at); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
