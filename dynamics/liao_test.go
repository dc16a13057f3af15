package dynamics

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
)

// gramOf returns JJᵀ.
func gramOf(j *mat.Dense) *mat.SymDense {
	b, _ := j.Dims()
	g := mat.NewSymDense(b, nil)
	g.SymOuterK(1, j)
	return g
}

func observe(t *testing.T, m *LiaoMonitor, g *mat.SymDense, rate float64) LiaoRecord {
	t.Helper()
	r, err := m.Observe(g, rate)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func near(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tol*math.Abs(want)) {
		t.Errorf("%s: %.15g, want %.15g", what, got, want)
	}
}

// One sample has condition number 1 and adds α|∇ℓ| to the energy.
func TestLiaoSingleSample(t *testing.T) {
	var m LiaoMonitor
	r := observe(t, &m, mat.NewSymDense(1, []float64{6.25}), 0.1)
	if r.Condition != 1 || r.Cosine != 1 || r.Rank != 1 {
		t.Errorf("%+v", r)
	}
	near(t, "energy", m.Summary().Energy, 0.25, 1e-15)
}

// Against singular values computed from J itself, which has known ones: rows of an
// orthogonal matrix times 1, 2, …, 6.
func TestLiaoKnownSingularValues(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 9))
	q := mat.NewDense(9, 6, nil)
	q.Apply(func(_, _ int, _ float64) float64 { return rng.NormFloat64() }, q)
	var qr mat.QR
	qr.Factorize(q)
	var full mat.Dense
	qr.QTo(&full)
	j := mat.NewDense(6, 9, nil)
	trace, entropy := 0.0, 0.0
	for i := range 6 {
		for k := range 9 {
			j.Set(i, k, float64(i+1)*full.At(k, i))
		}
		trace += float64((i + 1) * (i + 1))
	}
	for i := range 6 {
		p := float64((i+1)*(i+1)) / trace
		entropy -= p * math.Log(p)
	}
	m := LiaoMonitor{Momentum: 0.9}
	r := observe(t, &m, gramOf(j), 0.3)
	near(t, "condition", r.Condition, 6, 1e-12)
	near(t, "cosine", r.Cosine, 1, 1e-12) // the rows are orthogonal
	near(t, "trace", r.Trace, trace/6, 1e-13)
	near(t, "stable rank", r.StableRank, trace/36, 1e-13)
	near(t, "effective rank", r.EffectiveRank, math.Exp(entropy), 1e-12)
	s := m.Summary()
	near(t, "energy", s.Energy, 0.3/6*math.Sqrt(trace), 1e-13)
	near(t, "effective energy", s.EffectiveEnergy, 3./6*math.Sqrt(trace), 1e-13)
}

// A sample given twice is an exact zero, which is left out; a fitted sample has no
// direction, and a batch of them no condition number.
func TestLiaoTruncation(t *testing.T) {
	var m LiaoMonitor
	r := observe(t, &m, gramOf(mat.NewDense(3, 4, []float64{1, 2, 3, 4, 1, 2, 3, 4, -2, 1, 0, 1})), 1)
	if r.Rank != 2 || !(r.Condition < 10) {
		t.Errorf("a row twice: rank %d, condition number %v", r.Rank, r.Condition)
	}
	r = observe(t, &m, gramOf(mat.NewDense(2, 2, []float64{0, 0, 3, 4})), 1)
	if r.Rank != 1 || r.Condition != 1 || r.Cosine != 1 {
		t.Errorf("a fitted sample: %+v", r)
	}
	r = observe(t, &m, mat.NewSymDense(2, nil), 1)
	s := m.Summary()
	if !math.IsNaN(r.Condition) || s.Zero != 1 || s.Measured != 3 || math.IsNaN(s.MeanCondition) {
		t.Errorf("all fitted: %+v, %+v", r, s)
	}
	for _, scale := range []float64{1e-200, 1e200} { // whose squares are not numbers
		r = observe(t, &m, mat.NewSymDense(2, []float64{scale, 0, 0, 9 * scale}), 1)
		near(t, "condition", r.Condition, 3, 1e-14)
	}
	r = observe(t, &m, mat.NewSymDense(4, []float64{1, 0, 0, 0, 0, 1e-150, 1e-151, 0, 0, 1e-151, 1e-150, 0, 0, 0, 0, 1e-160}), 1)
	if r.Rank != 1 {
		t.Errorf("samples fitted to 1e-75: rank %d", r.Rank)
	}
	if _, err := m.Observe(mat.NewSymDense(2, []float64{1, 0, 0, math.Inf(1)}), 1); err == nil {
		t.Error("an infinite gradient was accepted")
	}
}

// With a gradient that does not change, L_K does not depend on how many of the steps
// are measured.
func TestLiaoSampling(t *testing.T) {
	g := gramOf(mat.NewDense(2, 3, []float64{1, 2, 3, 0, 1, -1}))
	want := 0.0
	for _, every := range []int{1, 3, 50} {
		var m LiaoMonitor
		for k := range 300 {
			if k%every == 0 {
				observe(t, &m, g, 0.1)
			} else {
				m.Skip()
			}
		}
		if every == 1 {
			want = m.Summary().Energy
		}
		near(t, "energy", m.Summary().Energy, want, 1e-13)
	}
}

// The trace at the end is a mean over a tenth of the measured steps, one at least.
func TestLiaoLastTrace(t *testing.T) {
	for steps, want := range map[int]float64{1: 1, 7: 7, 40: (37. + 38 + 39 + 40) / 4} {
		var m LiaoMonitor
		for k := range steps {
			observe(t, &m, mat.NewSymDense(1, []float64{float64(k + 1)}), 0.1)
			m.Skip()
		}
		near(t, "trace", m.Summary().LastTrace, want, 1e-13)
		near(t, "trace", m.Summary().FirstTrace, 1, 0)
	}
}

func TestStages(t *testing.T) {
	got := Stages(40, []int{16, 32, 64, 128, 256}, 0.2, 0.1, 0.5, 0.75)
	want := []Stage{{8, 16, 0.2}, {8, 32, 0.2}, {4, 64, 0.2}, {4, 64, 0.02}, {6, 128, 0.02}, {2, 128, 0.002}, {8, 256, 0.002}}
	if len(got) != len(want) {
		t.Fatalf("%v, want %v", got, want)
	}
	for i, s := range want {
		if got[i].Epochs != s.Epochs || got[i].Batch != s.Batch || math.Abs(got[i].Rate-s.Rate) > 1e-15 {
			t.Errorf("stage %d: %v, want %v", i, got[i], s)
		}
	}
}

// regression is a linear model with data, whose training has a closed form.
func regression(t *testing.T, n int) (models.Likelihood, *models.Data) {
	t.Helper()
	m, err := models.Parse("mlp:in=1,hidden=1+1,act=linear")
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(4, 4))
	z := models.NewData(n, 1, 1)
	m.(models.Inputter).Inputs(z, rng)
	m.Sample(z, []float64{1.2, 0.8, 1}, rng)
	l, err := m.Bind(z)
	if err != nil {
		t.Fatal(err)
	}
	return l, z
}

// Batches of all rows are gradient descent with heavy ball, step by step.
func TestTrainingOfOneBatchIsGradientDescent(t *testing.T) {
	l, _ := regression(t, 50)
	theta, want := []float64{0.5, 0.4, 0.3}, []float64{0.5, 0.4, 0.3}
	var m LiaoMonitor
	r, err := Training{Stages: []Stage{{12, 50, 0.1}, {8, 50, 0.01}}, Momentum: 0.5, Every: 3}.Run(t.Context(), l, theta, &m, rand.New(rand.NewPCG(1, 1)))
	if err != nil || r.Steps != 20 || r.Diverged != 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	g, v := make([]float64, 3), make([]float64, 3)
	for step := range 20 {
		l.(models.Scorer).Score(g, want)
		rate := 0.1
		if step >= 12 {
			rate = 0.01
		}
		for i := range g {
			v[i] = 0.5*v[i] + rate*g[i]/50
			want[i] += v[i]
		}
	}
	for i := range want {
		near(t, "θ", theta[i], want[i], 1e-12)
	}
	if s := m.Summary(); s.Steps != 20 || s.Measured != 7 {
		t.Errorf("%d of %d steps measured, want 7 of 20", s.Measured, s.Steps)
	}
}

// What is left of an epoch is trained on and not measured; the rows come in the order
// asked for.
func TestTrainingLeftOver(t *testing.T) {
	l, _ := regression(t, 50)
	var m LiaoMonitor
	r, err := Training{Stages: []Stage{{4, 16, 0.01}}}.Run(t.Context(), l, []float64{0.5, 0.4, 0.3}, &m, rand.New(rand.NewPCG(1, 1)))
	if s := m.Summary(); err != nil || r.Steps != 16 || s.Steps != 16 || s.Measured != 12 {
		t.Errorf("%+v, %+v, %v: want 16 steps, 12 measured", r, m.Summary(), err)
	}
	theta, want := []float64{0.5, 0.4, 0.3}, []float64{0.5, 0.4, 0.3}
	m = LiaoMonitor{}
	backwards := func(rows []int) {
		for i := range rows {
			rows[i] = len(rows) - 1 - i
		}
	}
	tr := Training{Stages: []Stage{{2, 16, 0.01}}, Every: 3, Order: backwards}
	if _, err := tr.Run(t.Context(), l, theta, &m, nil); err != nil {
		t.Fatal(err)
	}
	b, err := models.Batch(l, nil)
	if err != nil {
		t.Fatal(err)
	}
	g, rows := make([]float64, 3), make([]int, 50)
	backwards(rows)
	for range 2 {
		for part := range slices.Chunk(rows, 16) {
			b.SetRows(part)
			b.(models.Scorer).Score(g, want)
			for i := range g {
				want[i] += 0.01 / float64(len(part)) * g[i]
			}
		}
	}
	for i := range want {
		near(t, "θ", theta[i], want[i], 1e-12)
	}
	if s := m.Summary(); s.Measured != 2 { // steps 0 and 6; 3 and 9 would be of two rows, or not there
		t.Errorf("%d steps measured, want 2", s.Measured)
	}
}

func TestTrainingDiverges(t *testing.T) {
	l, _ := regression(t, 50)
	theta := []float64{0.5, 0.4, 0.3}
	r, err := Training{Stages: []Stage{{50, 10, 30}}}.Run(t.Context(), l, theta, &LiaoMonitor{}, rand.New(rand.NewPCG(1, 1)))
	if err != nil || r.Diverged == 0 || r.Diverged != r.Steps+1 || !strings.Contains(r.Reason, "smaller learning rate") {
		t.Errorf("%+v, %v", r, err)
	}
	for _, v := range theta {
		if v-v != 0 {
			t.Errorf("θ = %v", theta)
		}
	}
}

func TestTrainingRefuses(t *testing.T) {
	l, _ := regression(t, 50)
	for want, tr := range map[string]Training{
		"without stages":             {},
		"batches of 51 rows":         {Stages: []Stage{{1, 51, 0.1}}},
		"batches of 0 rows":          {Stages: []Stage{{1, 0, 0.1}}},
		"learning rate NaN":          {Stages: []Stage{{1, 5, math.NaN()}}},
		"of 0 epochs":                {Stages: []Stage{{0, 5, 0.1}}},
		"momentum 1":                 {Stages: []Stage{{1, 5, 0.1}}, Momentum: 1},
		"every -1 steps: allowed":    {Stages: []Stage{{1, 5, 0.1}}, Every: -1},
		"stage 2 with batches of 60": {Stages: []Stage{{1, 5, 0.1}, {1, 60, 0.1}}},
	} {
		if _, err := tr.Run(t.Context(), l, make([]float64, 3), nil, rand.New(rand.NewPCG(1, 1))); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want one that says %q", tr, err, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (Training{Stages: []Stage{{1, 5, 0.1}}}).Run(ctx, l, make([]float64, 3), nil, rand.New(rand.NewPCG(1, 1))); err == nil {
		t.Error("a cancelled training has no error")
	}
}
