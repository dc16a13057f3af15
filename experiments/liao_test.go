package experiments

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/neuromanifold/neuromanifold/internal/mc"
)

func liaoMean(x Sample[liaoRow], f func(r liaoRow) float64) float64 {
	v, _ := mean1(x, f)
	return v
}

func condition(r liaoRow) float64 { return r.Condition }
func energy(r liaoRow) float64    { return r.Energy }
func loss(r liaoRow) float64      { return r.Loss }
func testError(r liaoRow) float64 { return r.Test }
func lastTrace(r liaoRow) float64 { return r.Last }

// exponent is the slope of the regression of log y on log x.
func exponent(x, y []float64) float64 {
	var mx, my, sxy, sxx float64
	for i := range x {
		mx, my = mx+math.Log(x[i])/float64(len(x)), my+math.Log(y[i])/float64(len(x))
	}
	for i := range x {
		d := math.Log(x[i]) - mx
		sxy, sxx = sxy+d*(math.Log(y[i])-my), sxx+d*d
	}
	return sxy / sxx
}

// spearman is the rank correlation; ties share their mean rank.
func spearman(x, y []float64) float64 {
	a, b := ranks(x), ranks(y)
	mean := float64(len(x)+1) / 2
	var ab, aa, bb float64
	for i := range a {
		ab, aa, bb = ab+(a[i]-mean)*(b[i]-mean), aa+(a[i]-mean)*(a[i]-mean), bb+(b[i]-mean)*(b[i]-mean)
	}
	return ab / math.Sqrt(aa*bb)
}

func ranks(x []float64) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		for _, w := range x {
			switch {
			case w < v:
				out[i]++
			case w == v:
				out[i] += 0.5
			}
		}
		out[i] += 0.5
	}
	return out
}

// The map of 30 cells, and what it shows.
func TestLiaoGrid(t *testing.T) {
	if testing.Short() {
		t.Skip("trainings of 40 epochs")
	}
	if !paperSize() {
		for _, r := range referenceGrid {
			if b := r.batches[0]; b == 16 || b == 64 {
				r.meet(t, 3, 1)
			}
		}
		return
	}
	var es, ls, cs, ratios, ends []float64
	best, worst := 0, 0
	for i, r := range referenceGrid {
		x := r.meet(t, 3, 1)
		es, ls, cs = append(es, liaoMean(x, testError)), append(ls, liaoMean(x, energy)), append(cs, liaoMean(x, condition))
		ratios, ends = append(ratios, r.rate/float64(r.batches[0])), append(ends, liaoMean(x, lastTrace))
		// At a constant batch size both grow with the rate.
		if j := i - 1; j >= 0 && referenceGrid[j].batches[0] == r.batches[0] && !(cs[i] > cs[j] && ls[i] > ls[j]) {
			t.Errorf("B = %v, rate %v: C̄ = %.4g, L = %.4g, not above those of the smaller rate", r.batches, r.rate, cs[i], ls[i])
		}
		first, rank := liaoMean(x, func(r liaoRow) float64 { return r.First }), liaoMean(x, func(r liaoRow) float64 { return r.Rank })
		if !(first > 9.7 && first < 10.25 && rank > 0.9995) {
			t.Errorf("B = %v: tr F/B = %.3g at the start, rank %.4f B: want 9.75 to 10.2 whatever B, 1.000", r.batches, first, rank)
		}
		if es[i] < es[best] {
			best = i
		}
		if es[i] > es[worst] {
			worst = i
		}
	}
	byEnergy, byCondition, byRatio, byEnd := spearman(es, ls), spearman(es, cs), spearman(es, ratios), spearman(ends, ratios)
	t.Logf("rank correlations of the test error with L %.3f, C̄ %.3f, rate/B %.3f, of the trace at the end with rate/B %.3f; L = %.1f at the best, %.3f at the worst", byEnergy, byCondition, byRatio, byEnd, ls[best], ls[worst])
	if !(math.Abs(byEnergy+0.940) < 0.01 && math.Abs(byCondition+0.948) < 0.01 && math.Abs(byRatio+0.991) < 0.01 && byEnd < -0.97) {
		t.Errorf("rank correlations of the test error with L %.3f, C̄ %.3f, rate/B %.3f, of the trace at the end with rate/B %.3f: want −0.940, −0.948, −0.991, below −0.97", byEnergy, byCondition, byRatio, byEnd)
	}
	if !(ls[best] > 80 && ls[worst] < 1) {
		t.Errorf("the best cell has L = %.3g, the worst %.3g: want above 80, below 1", ls[best], ls[worst])
	}
}

// At a constant ratio of rate and batch size the outcome is the same, while L falls
// like B^−0.43 (1/2 but for the drift of the gradients) and C̄ rises like B^1.3.
func TestLiaoConstantRatio(t *testing.T) {
	if testing.Short() {
		t.Skip("trainings of 40 epochs")
	}
	var bs, ls, cs, losses, errs []float64
	for i, r := range referenceRatio {
		x := r.meet(t, 4, 5)
		bs, ls, cs = append(bs, float64(r.batches[0])), append(ls, liaoMean(x, energy)), append(cs, liaoMean(x, condition))
		losses, errs = append(losses, liaoMean(x, loss)), append(errs, liaoMean(x, testError))
		drift, apart, allowed := math.Abs(losses[i]/losses[0]-1), math.Abs(errs[i]-errs[0]), 0.02
		if r.batches[0] > 32 {
			allowed = 0.1
		}
		if !(drift < allowed && apart < 0.005) {
			t.Errorf("B = %v: training loss %.1f %% and test error %.2f points from those of B = 8", r.batches, 100*drift, 100*apart)
		}
		if i > 0 && !(cs[i] > cs[i-1]) {
			t.Errorf("B = %v: C̄ = %.4g does not rise", r.batches, cs[i])
		}
	}
	if p := -exponent(bs, ls); math.Abs(p-0.430) > 0.005 {
		t.Errorf("L ∝ B^−%.3f, want 0.430", p)
	}
	if p := exponent(bs, cs); math.Abs(p-1.314) > 0.005 {
		t.Errorf("C̄ ∝ B^%.3f, want 1.314", p)
	}
}

// Growing batches reach the test error of the smallest with under 45 % of its
// updates; the reverse order is worse. Momentum μ at the rate α(1−μ) repeats the
// training without, and L/(1−μ) says so where L does not.
func TestLiaoDynamicBatch(t *testing.T) {
	if testing.Short() {
		t.Skip("trainings of 40 epochs")
	}
	var xs []Sample[liaoRow]
	for i, r := range referenceDynamic {
		if paperSize() || i < 3 || r.mu > 0 && r.batches[0] <= 32 {
			xs = append(xs, r.meet(t, 4, 5))
		} else {
			xs = append(xs, Sample[liaoRow]{})
		}
	}
	plain, grow, shrink, ball := xs[0], xs[1], xs[2], xs[4]
	if n, m := grow.Rows[0].Steps, shrink.Rows[0].Steps; n != 1408 || m != 1408 || plain.Rows[0].Steps != 3600 {
		t.Errorf("%d and %d updates, %d with B = 16: want 1408, 1408, 3600", n, m, plain.Rows[0].Steps)
	}
	// A point worse at least, with the four seeds of the reference: it is 1.5 there.
	// Over 200 seeds of the reference it is 0.89 ± 0.04 (0.98 ± 0.04 to B = 16), which
	// four seeds know to 0.3.
	a, b, c := liaoMean(plain, testError), liaoMean(grow, testError), liaoMean(shrink, testError)
	if !(b < a+0.003 && c > b+0.01) {
		t.Errorf("test error %.2f %% with B = 16, %.2f %% growing, %.2f %% shrinking", 100*a, 100*b, 100*c)
	}
	if p, q := liaoMean(plain, loss), liaoMean(ball, loss); math.Abs(q/p-1) > 0.01 {
		t.Errorf("training loss %.4g with momentum, %.4g without", q, p)
	}
	if l, effective := liaoMean(plain, energy), liaoMean(ball, func(r liaoRow) float64 { return r.Effective }); math.Abs(effective/l-1) > 0.01 {
		t.Errorf("L/(1−μ) = %.4g with momentum, L = %.4g without", effective, l)
	}
	if paperSize() { // 40 seeds of the reference: 1.451 and 2.403 %, a difference of 0.95 ± 0.09
		b, c = liaoMean(referenceDynamic[1].sample(t, 40, 100), testError), liaoMean(referenceDynamic[2].sample(t, 40, 100), testError)
		if math.Abs(100*b-1.451) > 0.02 || math.Abs(100*c-2.403) > 0.02 {
			t.Errorf("over 40 seeds test error %.3f %% growing, %.3f %% shrinking: want 1.451, 2.403", 100*b, 100*c)
		}
	}
}

// Rates that are too large: the test error against L is U-shaped, bad below about 5
// and again above several thousand. No training ends without a number.
func TestLiaoOverlargeRates(t *testing.T) {
	if testing.Short() {
		t.Skip("trainings of 40 epochs")
	}
	for _, r := range referenceOverlarge {
		if r.rate == 3.2 && r.batches[0] == 8 { // chaotic: rounding decides
			x := r.sample(t, 3, 20)
			if l, e := liaoMean(x, energy), liaoMean(x, testError); !(l > 0.5*r.energy && l < 2*r.energy && e > 0.04) {
				t.Errorf("B = 8, rate 3.2: L = %.4g, test error %.3g, want about %v and %v %%", l, e, r.energy, r.testError)
			}
			continue
		}
		r.meet(t, 3, 20)
	}
	// The first step is measured always, and has large gradients: at these rates L is
	// 6 to 18 % less where every step is measured (reference, three seeds: 131.17).
	r := referenceRun{batches: []int{32}, rate: 1.6}
	if l := liaoMean(r.sample(t, 3, 1), energy); math.Abs(l/131.17-1) > 1e-3 {
		t.Errorf("B = 32, rate 1.6, every step measured: L = %.5g, want 131.17", l)
	}
}

// The square of a gradient at random weights is that of mean field: 4 standard errors
// of 30 trainings, of which the limit is within one with 64, 256 and 64 + 64 units.
func TestLiaoFirstTraceIsMeanField(t *testing.T) {
	s := liaoGridSpec{Task: digitsTask{Hidden: []int{64}, Train: 1437, Epochs: 1, Every: 100}}
	cell := NewCell(Var{"batch", 256}, Var{"rate", 0.1})
	want, err := s.Task.firstTrace()
	if err != nil {
		t.Fatal(err)
	}
	x := sampleOf(t, 30, func(k mc.Key) (liaoRow, error) { return liaoGridRun(t.Context(), s, cell, k) })
	got, se := mean1(x, func(r liaoRow) float64 { return r.First })
	if z := (got - want.Value) / math.Hypot(se, want.SE); !(math.Abs(z) < 4 && se < 0.15 && want.SE < 1e-3) {
		t.Errorf("tr F/B = %.4g ± %.2g at the start, %.5g ± %.2g by mean field: z = %.1f", got, se, want.Value, want.SE, z)
	}
}

// A rate far beyond the stable ones is a status, not an error, and large batches
// and bad schedules are refused before any work.
func TestLiaoRefusesAndDiverges(t *testing.T) {
	s := liaoGridSpec{Task: smokeDigits()}
	row, err := liaoGridRun(t.Context(), s, NewCell(Var{"batch", 8}, Var{"rate", 1e9}), mc.Key{Seed: 1})
	if err != nil || row.Status != diverged {
		t.Errorf("status %q, %v", row.Status, err)
	}
	for want, err := range map[string]error{
		"201: allowed is 1 to 200": s.Task.check([]int{201}, []float64{0.1}, nil),
		"0: allowed is a finite":   s.Task.check([]int{8}, []float64{0}, nil),
		"1: allowed is 0 to below": s.Task.check([]int{8}, []float64{0.1}, []float64{1}),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one that says %q", err, want)
		}
	}
	if _, err := batchSchedule("16+x"); err == nil {
		t.Error("a schedule of letters was accepted")
	}
	if !slices.Equal(ranks([]float64{3, 1, 3, 2}), []float64{3.5, 1, 3.5, 2}) {
		t.Error("ranks")
	}
}
