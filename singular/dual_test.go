package singular

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
)

type deepCase struct {
	net   *models.DeepNet
	theta []float64
	x     *mat.Dense
	jac   *models.DeepJacobian
	f     *mat.Dense // outputs (N×C)
}

func newDeepCase(t *testing.T, widths []int, act models.Activation, samples int, seed uint64) *deepCase {
	t.Helper()
	net, err := models.NewDeepNet(models.DeepNetSettings{Widths: widths, Act: act, Bias: true})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(seed, 7))
	c := &deepCase{net: net, theta: make([]float64, net.Dim()), x: mat.NewDense(samples, net.In(), nil)}
	net.Random(c.theta, 2, 0.3, rng)
	for i := range samples {
		for j := range net.In() {
			c.x.Set(i, j, rng.NormFloat64())
		}
	}
	c.jac = net.NewJacobian(samples)
	c.jac.Set(c.theta, c.x)
	c.f = mat.NewDense(samples, net.Out(), nil)
	c.jac.Outputs(c.f)
	return c
}

func (c *deepCase) dual(t *testing.T) *Dual {
	t.Helper()
	n, out := c.f.Dims()
	k := mat.NewSymDense(n*out, nil)
	c.net.TangentKernel(k, nil, c.theta, c.x, nil, n)
	return NewDual(k, n, c.net.Dim())
}

// primal is (1/N) Σ_n J_nᵀ Q_n J_n (P×P) entry by entry, with weight Q_n given.
func (c *deepCase) primal(q func(n int) *mat.Dense) *mat.SymDense {
	samples, out := c.f.Dims()
	p := c.net.Dim()
	j := mat.NewDense(samples*out, p, nil)
	u := make([]float64, samples*out)
	for r := range u {
		u[r] = 1
		c.jac.MulTrans(j.RawRowView(r), u)
		u[r] = 0
	}
	f := mat.NewSymDense(p, nil)
	var part, full mat.Dense
	for n := range samples {
		jn := j.Slice(n*out, (n+1)*out, 0, p)
		part.Mul(q(n), jn)
		full.Mul(jn.T(), &part)
		for a := range p {
			for b := a; b < p; b++ {
				f.SetSym(a, b, f.At(a, b)+full.At(a, b)/float64(samples))
			}
		}
	}
	return f
}

// The P×P information and its dual have the same non-zero eigenvalues to 1e-12 of
// the largest, the same trace and the same sum of squares; all other eigenvalues
// of the former are zero, as many as are called structural or numerical.
func TestPrimalAndDualSpectraAgree(t *testing.T) {
	for _, c := range []struct {
		widths  []int
		act     models.Activation
		samples int
	}{
		{[]int{12, 11, 9, 2}, models.TanhUnit, 7}, {[]int{5, 8, 3}, models.ReLUUnit, 9},
		{[]int{4, 6, 5, 4}, models.ErfUnit, 6}, {[]int{2, 2, 3}, models.LinearUnit, 12},
	} {
		deep := newDeepCase(t, c.widths, c.act, c.samples, 1)
		out := deep.net.Out()
		identity := mat.NewDense(out, out, nil)
		for k := range out {
			identity.Set(k, k, 1)
		}
		softmaxQ := func(n int) *mat.Dense {
			q, sum := mat.NewDense(out, out, nil), 0.0
			g := make([]float64, out)
			for k := range g {
				g[k] = math.Exp(deep.f.At(n, k))
				sum += g[k]
			}
			for k := range g {
				for l := range g {
					v := -g[k] * g[l] / (sum * sum)
					if k == l {
						v += g[k] / sum
					}
					q.Set(k, l, v)
				}
			}
			return q
		}
		for name, pair := range map[string]struct {
			dual *Dual
			q    func(n int) *mat.Dense
		}{
			"regression":    {deep.dual(t), func(int) *mat.Dense { return identity }},
			"cross-entropy": {deep.dual(t).CrossEntropy(deep.f), softmaxQ},
		} {
			f := deep.primal(pair.q)
			want, err := eigenvalues(f)
			if err != nil {
				t.Fatal(err)
			}
			slices.Reverse(want)
			s, err := pair.dual.Spectrum()
			if err != nil {
				t.Fatal(err)
			}
			trace, squares, zeros := 0.0, 0.0, 0
			for i, v := range want {
				got := 0.0
				if i < len(s.Values) {
					got = s.Values[i]
				}
				if math.Abs(got-v) > 1e-12*want[0] {
					t.Errorf("%v %s: eigenvalue %d is %v, primal %v", c.widths, name, i, got, v)
				}
				trace += v
				squares += v * v
				if v <= s.Floor {
					zeros++
				}
			}
			p := float64(len(want))
			if math.Abs(pair.dual.Mean()-trace/p) > 1e-13*trace || math.Abs(pair.dual.SecondMoment()-squares/p) > 1e-13*squares {
				t.Errorf("%v %s: moments %v, %v, primal %v, %v", c.widths, name, pair.dual.Mean(), pair.dual.SecondMoment(), trace/p, squares/p)
			}
			if got := s.StructuralZeros + s.NumericalZeros; got != zeros {
				t.Errorf("%v %s: %d structural and %d numerical zeros, the primal has %d of %d", c.widths, name, s.StructuralZeros, s.NumericalZeros, zeros, len(want))
			}
		}
	}
}

// Duals of normalised outputs against the Jacobian of the normalised function by
// central differences along every parameter (step 1e-5: error near 1e-9).
func TestNormalisedDuals(t *testing.T) {
	const samples = 6
	deep := newDeepCase(t, []int{3, 5, 4}, models.TanhUnit, samples, 2)
	out := deep.net.Out()
	d := deep.dual(t)
	byInput := func(f *mat.Dense, spread bool) {
		col, norm := make([]float64, samples), make([]float64, samples)
		for k := range out {
			mat.Col(col, k, f)
			sd := standardize(norm, col)
			if spread {
				sd = 1
			}
			for n, v := range norm {
				f.Set(n, k, v*sd)
			}
		}
	}
	for name, c := range map[string]struct {
		dual *Dual
		norm func(f *mat.Dense)
		lost int
	}{
		"mean subtraction":    {d.MeanSubtracted(), func(f *mat.Dense) { byInput(f, false) }, out},
		"batch normalisation": {d.BatchNormalised(deep.f), func(f *mat.Dense) { byInput(f, true) }, 2 * out},
		"layer normalisation": {d.LayerNormalised(deep.f), func(f *mat.Dense) {
			for n := range samples {
				row := f.RawRowView(n)
				standardize(row, slices.Clone(row))
			}
		}, 2 * samples},
	} {
		p := deep.net.Dim()
		j := mat.NewDense(samples*out, p, nil)
		moved := slices.Clone(deep.theta)
		const h = 1e-5
		at := func(i int, v float64) *mat.Dense {
			old := moved[i]
			moved[i] = v
			deep.jac.Set(moved, deep.x)
			f := mat.NewDense(samples, out, nil)
			deep.jac.Outputs(f)
			c.norm(f)
			moved[i] = old
			return f
		}
		for i := range p {
			up, down := at(i, deep.theta[i]+h), at(i, deep.theta[i]-h)
			for r := range samples * out {
				j.Set(r, i, (up.At(r/out, r%out)-down.At(r/out, r%out))/(2*h))
			}
		}
		want := mat.NewSymDense(samples*out, nil)
		want.SymOuterK(1./samples, j)
		if !mat.EqualApprox(c.dual.F, want, 1e-7*(1+mat.Norm(want, 2))) {
			t.Errorf("%s: dual and differences disagree", name)
		}
		s, err := c.dual.Spectrum()
		if err != nil {
			t.Fatal(err)
		}
		if rank := min(p, samples*out-c.lost); s.StructuralZeros != p-rank {
			t.Errorf("%s: %d structural zeros, want %d", name, s.StructuralZeros, p-rank)
		}
		if tail := s.Values[samples*out-c.lost]; math.Abs(tail) > s.Floor {
			t.Errorf("%s: eigenvalue %v where a structural zero should be (floor %v)", name, tail, s.Floor)
		}
	}
}

// The overlap from the dual is that of explicit spaces in parameter space: the
// leading eigenvectors of the P×P information and the mean gradients.
func TestOverlapOfLeadingEigenspace(t *testing.T) {
	const samples = 9
	deep := newDeepCase(t, []int{4, 6, 5, 3}, models.ReLUUnit, samples, 5)
	out, p := deep.net.Out(), deep.net.Dim()
	identity := mat.NewDense(out, out, nil)
	means, u := mat.NewDense(p, out, nil), make([]float64, samples*out)
	g := make([]float64, p)
	for k := range out {
		identity.Set(k, k, 1)
		clear(u)
		for n := range samples {
			u[n*out+k] = 1. / samples
		}
		deep.jac.MulTrans(g, u)
		means.SetCol(k, g)
	}
	var eig mat.EigenSym
	if !eig.Factorize(deep.primal(func(int) *mat.Dense { return identity }), true) {
		t.Fatal("no eigenvectors")
	}
	var vectors, q, cosines mat.Dense
	eig.VectorsTo(&vectors)
	var qr mat.QR
	qr.Factorize(means)
	qr.QTo(&q)
	cosines.Mul(vectors.Slice(0, p, p-out, p).T(), q.Slice(0, p, 0, out))
	want := math.Pow(mat.Norm(&cosines, 2), 2) / float64(out)
	got, err := deep.dual(t).Overlap()
	if err != nil || math.Abs(got-want) > 1e-10 || !(want > 0.3 && want < 0.999) {
		t.Errorf("overlap %v, error %v, want %v", got, err, want)
	}
	if _, err := NewDual(mat.NewSymDense(4, nil), 2, 9).Overlap(); err == nil {
		t.Error("an overlap with gradients of zero")
	}
}

func TestDualRefuses(t *testing.T) {
	deep := newDeepCase(t, []int{3, 5, 4}, models.TanhUnit, 6, 2)
	deep.theta[0] = math.NaN()
	if _, err := deep.dual(t).Spectrum(); err == nil {
		t.Error("a spectrum of NaN")
	}
	net := WideNet{Act: models.TanhUnit, VarW: 1, VarB: 0.1, Widths: []int{100, 100}, Outputs: 2}
	least, best, err := WideBytes(net, 50)
	if err != nil || !(least < best) {
		t.Fatalf("%v to %v bytes, error %v", least, best, err)
	}
	var e *models.MemoryError
	if _, err := MeasureWide(net, 50, 2, RegressionLoss, least-1, nil, rand.New(rand.NewPCG(1, 1))); !errors.As(err, &e) || e.Need != least {
		t.Errorf("error %v, want one with %v bytes", err, least)
	}
	net.Outputs = 1
	if _, err := MeasureWide(net, 50, 2, CrossEntropyLoss, 0, nil, nil); err == nil {
		t.Error("cross-entropy of one class")
	}
	if m, err := MeasureWide(net, 1, 2, RegressionLoss, 0, nil, rand.New(rand.NewPCG(1, 1))); err != nil || !math.IsNaN(m.Bulk.Value) || !math.IsNaN(m.Next.Value) {
		t.Errorf("one sample: bulk %v, eigenvalue 2 %v, error %v", m.Bulk, m.Next, err)
	}
	for _, c := range []struct {
		act        models.Activation
		varW, varB float64
		want       string
	}{
		{models.ReLUUnit, 1e200, 0.1, "too large"},
		{models.LinearUnit, 1e200, 0.1, "too large"},
		{models.ReLUUnit, 1e-200, 0, "too large or too small"},
		{models.TanhUnit, 1e5, 0.1, "variance up to 1e+05: allowed is 25000"}, // the quadrature would miss the slopes
		{models.TanhUnit, 1e300, 0.1, "allowed is 25000"},
	} {
		if _, err := NewMeanField(WideNet{Act: c.act, VarW: c.varW, VarB: c.varB, Widths: []int{9, 9, 9}}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, σ_w² = %v, σ_b² = %v: error %v, want %q", c.act, c.varW, c.varB, err, c.want)
		}
	}
}

// The same networks in blocks, with little memory, have the same spectra to
// rounding.
func TestMeasureWideInBlocks(t *testing.T) {
	net := WideNet{Act: models.ReLUUnit, VarW: 2, VarB: 0.1, Widths: []int{30, 40, 20}, Outputs: 2}
	least, best, err := WideBytes(net, 25)
	if err != nil {
		t.Fatal(err)
	}
	var ms [2]*WideMeasurement
	for i, limit := range []float64{0, (least + best) / 2} {
		ms[i], err = MeasureWide(net, 25, 3, CrossEntropyLoss, limit, nil, rand.New(rand.NewPCG(1, 1)))
		if err != nil {
			t.Fatal(err)
		}
	}
	a, b := ms[0], ms[1]
	for i, v := range [][2]Estimate{{a.Mean, b.Mean}, {a.SecondMoment, b.SecondMoment}, {a.LambdaMax, b.LambdaMax}, {a.Rayleigh, b.Rayleigh}} {
		if math.Abs(v[0].Value/v[1].Value-1) > 1e-12 || math.Abs(v[0].SE/v[1].SE-1) > 1e-9 {
			t.Errorf("number %d: %v in one block, %v in several", i, v[0], v[1])
		}
	}
	if len(a.Outliers) != 1 || !(a.Rayleigh.Value > 0.8*a.LambdaMax.Value && a.Rayleigh.Value <= a.LambdaMax.Value) {
		t.Errorf("outliers %v, Rayleigh quotient %v", a.Outliers, a.Rayleigh)
	}
}

// The histogram holds every eigenvalue but zeros once, and bulk and outliers make up
// the trace.
func TestMeasureWideDensity(t *testing.T) {
	net := WideNet{Act: models.LinearUnit, VarW: 1, VarB: 0.1, Widths: []int{9, 9}, Outputs: 1}
	const nets, samples = 5, 30
	m, err := MeasureWide(net, samples, nets, RegressionLoss, 0, nil, rand.New(rand.NewPCG(1, 1)))
	if err != nil {
		t.Fatal(err)
	}
	count, edge := 0, 0.0
	for _, values := range m.Spectra {
		count += len(values)
		edge = max(edge, values[1])
	}
	if want := nets * (samples - int(m.NumericalZeros.Value)); count != want || m.NumericalZeros.Value < 5 {
		t.Errorf("%d eigenvalues, want %d; %v zeros to rounding", count, want, m.NumericalZeros)
	}
	if m.Edge != edge {
		t.Errorf("the bulk reaches to %v, want %v", m.Edge, edge)
	}
	const params = 9*10 + 10
	if got, want := m.LambdaMax.Value+(samples-1)*m.Bulk.Value, params*m.Mean.Value; math.Abs(got/want-1) > 1e-12 {
		t.Errorf("eigenvalues sum to %v, want %v", got, want)
	}
	bins := m.Density(7)
	total := 0.0
	for b, d := range bins {
		total += d.Count.Value
		if b > 0 && (d.From != bins[b-1].To || math.Abs(d.To/d.From/(bins[0].To/bins[0].From)-1) > 1e-9) {
			t.Errorf("bin %d: %v to %v", b, d.From, d.To)
		}
		in := 0
		for _, values := range m.Spectra {
			for _, v := range values {
				if (v > d.From || b == 0) && v <= d.To {
					in++
				}
			}
		}
		if math.Abs(d.Count.Value-float64(in)/nets) > 1e-12 {
			t.Errorf("bin %d: %v eigenvalues, want %v", b, d.Count, float64(in)/nets)
		}
	}
	if len(bins) != 7 || math.Abs(total-float64(count)/nets) > 1e-9 {
		t.Errorf("%d bins with %v eigenvalues, want 7 with %v", len(bins), total, float64(count)/nets)
	}
	if bins := (&WideMeasurement{Spectra: [][]float64{{2}, {2}}}).Density(3); len(bins) != 1 || bins[0].Count.Value != 1 {
		t.Errorf("one eigenvalue twice: %v", bins)
	}
	if bins := m.Density(7, 1e6, math.NaN(), -1); bins[6].To != 1e6 || bins[6].Count.Value != 0 || bins[0].From != m.Density(7)[0].From {
		t.Errorf("a histogram up to 10⁶: %v", bins)
	}
	if bins := (&WideMeasurement{Spectra: [][]float64{nil, nil}}).Density(3); bins != nil {
		t.Errorf("no eigenvalue: %v", bins)
	}
}

// A duplicate input is a numerical zero for each output, not a structural one.
func TestDuplicateInputIsANumericalZero(t *testing.T) {
	deep := newDeepCase(t, []int{6, 20, 20, 2}, models.TanhUnit, 8, 3)
	deep.x.SetRow(5, slices.Clone(deep.x.RawRowView(2)))
	s, err := deep.dual(t).Spectrum()
	if err != nil {
		t.Fatal(err)
	}
	if s.NumericalZeros != 2 || s.StructuralZeros != deep.net.Dim()-16 {
		t.Errorf("%d numerical and %d structural zeros, want 2 and %d", s.NumericalZeros, s.StructuralZeros, deep.net.Dim()-16)
	}
	top, next := s.Outliers(2)
	if len(top) != 2 || next != s.Values[2] {
		t.Errorf("outliers %v, next %v", top, next)
	}
}
