package experiments

import (
	_ "embed"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/neuromanifold/neuromanifold/dynamics"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
)

// The reference figures of these tests are of an independent implementation in
// numpy (1.24, 2026-11): digits in the order numpy.random.RandomState(0) gives
// them, 1437 to train on, network 64-64-10, 40 epochs, T = 3 trainings for each
// cell. Its condition numbers have standard errors of a few per cent from T = 3;
// trainings with one seed agree across cells (common random numbers), so that a
// whole column may lie 20 % off: over 30 seeds C̄ agrees within 6 %, L within 1 %.

//go:embed testdata/digits_order.txt
var digitsOrder string

// referenceDigits returns the split of the reference.
func referenceDigits(t *testing.T) (train, test *models.Data) {
	t.Helper()
	all, err := digits()
	if err != nil {
		t.Fatal(err)
	}
	_, numbers, _ := strings.Cut(digitsOrder, "\n")
	var order []int
	for w := range strings.FieldsSeq(numbers) {
		i, err := strconv.Atoi(w)
		if err != nil {
			t.Fatal(err)
		}
		order = append(order, i)
	}
	return defaultDigits().split(all, order)
}

// A training of the grid, over seeds.
type liaoCell struct {
	batch int
	rate  float64
}

// liaoSamples trains the cells on the reference split.
func liaoSamples(t *testing.T, seeds, every int, cells []liaoCell) map[liaoCell]Sample[liaoRow] {
	t.Helper()
	train, test := referenceDigits(t)
	task := defaultDigits()
	task.Every = every
	out := map[liaoCell]Sample[liaoRow]{}
	for _, c := range cells {
		stages := dynamics.Stages(task.Epochs, []int{c.batch}, c.rate, 0.1, 0.5, 0.75)
		out[c] = sampleOf(t, seeds, func(k mc.Key) (liaoRow, error) {
			return task.trainOn(t.Context(), train, test, stages, 0, k)
		})
	}
	return out
}

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

func liaoGridCells() (cells []liaoCell) {
	for _, b := range []int{8, 16, 32, 64, 128, 256} {
		for _, r := range []float64{0.025, 0.05, 0.1, 0.2, 0.4} {
			cells = append(cells, liaoCell{b, r})
		}
	}
	return cells
}

// The map of 30 cells: C̄ and L of the reference, and what it shows.
func TestLiaoGrid(t *testing.T) {
	if testing.Short() {
		t.Skip("30 trainings of 40 epochs")
	}
	// C̄ with its standard error and L, row by row in the order of liaoGridCells.
	want := [][3]float64{
		{239, 8.3, 56.67}, {922.5, 32, 88.23}, {4156, 300, 128.1}, {21490, 1100, 171.4}, {127900, 23000, 216},
		{156.3, 7.3, 25.33}, {598.2, 25, 42.15}, {2582, 68, 67.19}, {12570, 770, 99.47}, {69450, 4100, 134.9},
		{76.12, 4.4, 10.53}, {312.8, 16, 18.16}, {1355, 56, 30.64}, {6666, 270, 49.61}, {36780, 3400, 74.48},
		{34.76, 3.8, 4.281}, {140.2, 9.1, 7.596}, {609.5, 28, 13.16}, {2947, 89, 22.35}, {16440, 1000, 36.5},
		{26.79, 4.2, 1.684}, {68.34, 8.7, 3.141}, {276.2, 19, 5.568}, {1237, 74, 9.663}, {6455, 410, 16.48},
		{34.47, 4, 0.6096}, {50.56, 8.9, 1.191}, {130.9, 18, 2.223}, {525.5, 33, 3.946}, {2386, 70, 6.852},
	}
	// L within 5 % and C̄, which is heavy-tailed, within 25 % and two standard errors
	// of the reference over 20 seeds; over two the allowance has the spread of the
	// seeds in it: 4 % and 25 % each.
	// The best cells differ by less than their errors, so that two seeds shuffle them
	// where the reference has −0.991 and a best cell at L = 99.
	seeds, every, tolC, tolL, byRatioMost, bestLeast := 2, 10, 0.8, 0.12, -0.95, 60.0
	if paperSize() {
		seeds, every, tolC, tolL, byRatioMost, bestLeast = 20, 5, 0.25, 0.05, -0.97, 80
	}
	cells := liaoGridCells()
	xs := liaoSamples(t, seeds, every, cells)
	var es, ls, cs, ratios, ends []float64
	best, worst := 0, 0
	for i, c := range cells {
		x := xs[c]
		cond, l := liaoMean(x, condition), liaoMean(x, energy)
		if !(math.Abs(cond-want[i][0]) < tolC*want[i][0]+2*want[i][1] && math.Abs(l/want[i][2]-1) < tolL) {
			t.Errorf("B = %d, rate %v: C̄ = %.4g, L = %.4g, want %v", c.batch, c.rate, cond, l, want[i])
		}
		// At a constant batch size both grow with the rate.
		if j := i - 1; j >= 0 && cells[j].batch == c.batch && !(cond > cs[j] && l > ls[j]) {
			t.Errorf("B = %d, rate %v: C̄ = %.4g, L = %.4g, not above those of the smaller rate", c.batch, c.rate, cond, l)
		}
		if first, se := mean1(x, func(r liaoRow) float64 { return r.First }); !(math.Abs(first-10) < 0.2+4*se) {
			t.Errorf("B = %d: tr F/B = %.3g ± %.2g at the start, want 9.8 to 10.2 whatever B", c.batch, first, se)
		}
		for _, r := range x.Rows {
			if r.Status != Converged || r.Rank < 0.999 {
				t.Errorf("B = %d, rate %v: status %s, rank fraction %v", c.batch, c.rate, r.Status, r.Rank)
			}
		}
		es, ls, cs = append(es, liaoMean(x, testError)), append(ls, l), append(cs, cond)
		ratios, ends = append(ratios, c.rate/float64(c.batch)), append(ends, liaoMean(x, lastTrace))
		if es[i] < es[best] {
			best = i
		}
		if es[i] > es[worst] {
			worst = i
		}
	}
	// −0.940 and −0.991 in the reference.
	byEnergy, byRatio, byEnd := spearman(es, ls), spearman(es, ratios), spearman(ends, ratios)
	t.Logf("rank correlations of the test error with L %.3f, with rate/B %.3f, of the trace at the end with rate/B %.3f; L = %.1f at the best, %.3f at the worst", byEnergy, byRatio, byEnd, ls[best], ls[worst])
	if !(byEnergy < -0.9 && byRatio < byRatioMost && byEnd < byRatioMost) {
		t.Errorf("rank correlations of the test error with L %.3f and with rate/B %.3f, of the trace at the end with rate/B %.3f", byEnergy, byRatio, byEnd)
	}
	if !(ls[best] > bestLeast && ls[worst] < 1) {
		t.Errorf("the best cell has L = %.3g, the worst %.3g", ls[best], ls[worst])
	}
}

// At a constant ratio of rate and batch size the outcome is the same, while L falls
// like B^−0.43 (1/2 but for the drift of the gradients) and C̄ rises like B^1.3.
func TestLiaoConstantRatio(t *testing.T) {
	if testing.Short() {
		t.Skip("trainings of 40 epochs")
	}
	cells := []liaoCell{{8, 0.05}, {16, 0.1}, {32, 0.2}, {64, 0.4}, {128, 0.8}}
	want := [][3]float64{{944, 15, 87.59}, {2620, 74, 67.66}, {6473, 43, 49.88}, {15910, 1400, 36.06}, {36410, 1700, 27.07}} // C̄, its standard error, L
	seeds, every := 3, 10
	if paperSize() {
		seeds, every = 20, 5
	}
	xs := liaoSamples(t, seeds, every, cells)
	var bs, ls, cs []float64
	for i, c := range cells {
		x := xs[c]
		bs, ls, cs = append(bs, float64(c.batch)), append(ls, liaoMean(x, energy)), append(cs, liaoMean(x, condition))
		drift, apart := math.Abs(liaoMean(x, loss)/liaoMean(xs[cells[0]], loss)-1), math.Abs(liaoMean(x, testError)-liaoMean(xs[cells[0]], testError))
		allowed := 0.02
		if c.batch > 32 {
			allowed = 0.1
		}
		if !(drift < allowed && apart < 0.005) {
			t.Errorf("B = %d: training loss %.1f %% and test error %.2f points from those of B = 8", c.batch, 100*drift, 100*apart)
		}
		if w := want[i]; paperSize() && !(math.Abs(cs[i]-w[0]) < 0.25*w[0]+2*w[1] && math.Abs(ls[i]/w[2]-1) < 0.05) {
			t.Errorf("B = %d: C̄ = %.4g, L = %.4g, want %v", c.batch, cs[i], ls[i], w)
		}
		if i > 0 && !(cs[i] > cs[i-1]) {
			t.Errorf("B = %d: C̄ = %.4g does not rise", c.batch, cs[i])
		}
	}
	t.Logf("L ∝ B^%.3f, C̄ ∝ B^%.3f", exponent(bs, ls), exponent(bs, cs))
	if p := -exponent(bs, ls); !(p > 0.35 && p < 0.5) {
		t.Errorf("L ∝ B^−%.3f, want 0.35 to 0.5 (reference 0.430)", p)
	}
	if p := exponent(bs, cs); !(p > 1 && p < 1.7) {
		t.Errorf("C̄ ∝ B^%.3f, want 1 to 1.7 (reference 1.314)", p)
	}
}

// Growing batches reach the test error of the smallest with under 45 % of its
// updates; the reverse order is a point worse. Momentum μ at the rate
// α(1−μ) repeats the training without, and L/(1−μ) says so where L does not.
func TestLiaoDynamicBatch(t *testing.T) {
	if testing.Short() {
		t.Skip("trainings of 40 epochs")
	}
	train, test := referenceDigits(t)
	task := defaultDigits()
	seeds := 3
	task.Every = 10
	if paperSize() {
		seeds, task.Every = 20, 5
	}
	run := func(mu float64, batches ...int) Sample[liaoRow] {
		return sampleOf(t, seeds, func(k mc.Key) (liaoRow, error) {
			return task.trainOn(t.Context(), train, test, dynamics.Stages(task.Epochs, batches, 0.2*(1-mu), 0.1, 0.5, 0.75), mu, k)
		})
	}
	plain, grow, shrink := run(0, 16), run(0, 16, 32, 64, 128, 256), run(0, 256, 128, 64, 32, 16)
	if n, m := grow.Rows[0].Steps, shrink.Rows[0].Steps; n != 1408 || m != 1408 || plain.Rows[0].Steps != 3600 {
		t.Errorf("%d and %d updates, %d with B = 16: want 1408, 1408, 3600", n, m, plain.Rows[0].Steps)
	}
	a, b, c := liaoMean(plain, testError), liaoMean(grow, testError), liaoMean(shrink, testError)
	// The reference, T = 4, has 1.46, 1.46 and 2.99 %. Over 40 trainings of ours the
	// reverse order is 1.0 ± 0.1 points worse: half a point is asked for.
	if !(b < a+0.003 && c > b+0.005) {
		t.Errorf("test error %.2f %% with B = 16, %.2f %% growing, %.2f %% shrinking", 100*a, 100*b, 100*c)
	}
	ball := run(0.9, 16)
	if p, q := liaoMean(plain, loss), liaoMean(ball, loss); math.Abs(q/p-1) > 0.05 {
		t.Errorf("training loss %.4g with momentum, %.4g without", q, p)
	}
	effective := liaoMean(ball, func(r liaoRow) float64 { return r.Effective })
	if l := liaoMean(plain, energy); math.Abs(effective/l-1) > 0.05 || liaoMean(ball, energy) > 0.2*l {
		t.Errorf("L/(1−μ) = %.4g with momentum, L = %.4g without", effective, l)
	}
	t.Logf("test error %.2f %% with B = 16, %.2f %% growing, %.2f %% shrinking; L/(1−μ) = %.2f, L = %.2f without momentum", 100*a, 100*b, 100*c, effective, liaoMean(plain, energy))
	// The reference, T = 4: C̄ with its standard error, and L.
	type figures struct {
		x    Sample[liaoRow]
		want [3]float64
	}
	rows := []figures{{plain, [3]float64{12390, 130, 98.96}}, {grow, [3]float64{18890, 570, 71.89}}, {shrink, [3]float64{442.5, 19, 11.74}}, {ball, [3]float64{13310, 140, 9.926}}}
	tolC := 0.8 // as in TestLiaoGrid
	if paperSize() {
		tolC = 0.25
		for batch, want := range map[int][3]float64{32: {7089, 100, 5.014}, 64: {3409, 58, 2.235}, 128: {1484, 97, 0.9864}} {
			x := sampleOf(t, seeds, func(k mc.Key) (liaoRow, error) {
				return task.trainOn(t.Context(), train, test, dynamics.Stages(task.Epochs, []int{batch}, 0.02, 0.1, 0.5, 0.75), 0.9, k)
			})
			rows = append(rows, figures{x, want})
		}
		rows = append(rows, figures{run(0, 64), [3]float64{2986, 78, 22.14}})
	}
	for i, r := range rows {
		l, w := liaoMean(r.x, energy), r.want
		cond, se := mean1(r.x, condition)
		if !(math.Abs(cond-w[0]) < tolC*w[0]+2*math.Hypot(se, w[1]) && math.Abs(l/w[2]-1) < 0.05) {
			t.Errorf("training %d: C̄ = %.4g, L = %.4g, want %v", i, cond, l, w)
		}
	}
}

// Rates that are too large: the test error against L is U-shaped, bad below about 5
// and again above several thousand. No training ends without a number.
func TestLiaoOverlargeRates(t *testing.T) {
	if testing.Short() {
		t.Skip("trainings of 40 epochs")
	}
	type row = struct {
		cell      liaoCell
		energy    float64 // of the reference, T = 3
		testError float64
	}
	seeds, tolL, table := 2, 0.3, []row{{liaoCell{8, 0.8}, 296, 0.0130}, {liaoCell{8, 3.2}, 7241, 0.0889}}
	if paperSize() {
		seeds, tolL = 10, 0.15
		table = append(table, row{liaoCell{8, 1.6}, 653, 0.0139}, row{liaoCell{32, 1.6}, 143.5, 0.0130}, row{liaoCell{32, 3.2}, 183, 0.0117},
			row{liaoCell{128, 1.6}, 45.15, 0.0139}, row{liaoCell{128, 3.2}, 66.39, 0.0130})
	}
	var cells []liaoCell
	for _, r := range table {
		cells = append(cells, r.cell)
	}
	for c, x := range liaoSamples(t, seeds, 10, cells) {
		want := table[slices.Index(cells, c)]
		l, e := liaoMean(x, energy), liaoMean(x, testError)
		t.Logf("B = %d, rate %v: L = %.4g, test error %.2f %%", c.batch, c.rate, l, 100*e)
		for _, r := range x.Rows {
			if r.Status != Converged || r.Energy-r.Energy != 0 {
				t.Errorf("B = %d, rate %v: status %s, L = %v", c.batch, c.rate, r.Status, r.Energy)
			}
		}
		if c == (liaoCell{8, 3.2}) { // chaotic: a factor 2
			if !(l > 0.5*want.energy && l < 2*want.energy && e > 0.04) {
				t.Errorf("B = 8, rate 3.2: L = %.4g, test error %.3g, want %v", l, e, want)
			}
			continue
		}
		// The reference prints no errors and not how far apart its measured steps are:
		// every step in place of every tenth moves L by up to 7 %, and its T = 3 add
		// some per cent. A test error, a share of 360 images, is known to 0.25 points.
		if !(math.Abs(l/want.energy-1) < tolL && math.Abs(e-want.testError) < 0.01) {
			t.Errorf("B = %d, rate %v: L = %.4g, test error %.3g, want %v", c.batch, c.rate, l, e, want)
		}
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
