package experiments

import (
	"math"
	"os"
	"testing"

	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/singular"
)

// paperSize reports whether figures are reproduced at full size.
func paperSize() bool { return os.Getenv("NEUROMANIFOLD_PAPER") == "full" }

func wideCell(act string, width, n int) Cell {
	return NewCell(Var{"act", act}, Var{"width", width}, Var{"depth", 3}, Var{"n", n})
}

// meansOf returns a check of means over the rows of x against figures ± their
// standard errors, which returns the mean.
func meansOf[R any](t *testing.T, name string, x Sample[R]) func(what string, f func(r R) float64, want, wantSE float64) float64 {
	return func(what string, f func(r R) float64, want, wantSE float64) float64 {
		t.Helper()
		got, se, _ := Mean(f)(x)
		within(t, name+" "+what, got, se, want, wantSE)
		return got
	}
}

// regressionNets returns networks of a cell and what mean field says of them.
func regressionNets(t *testing.T, s karakidaRegressionSpec, cell Cell, nets int) (Sample[karakidaRegressionRow], singular.Prediction) {
	t.Helper()
	x := sampleOf(t, nets, func(k mc.Key) (karakidaRegressionRow, error) { return karakidaRegressionRun(s, cell, k) })
	_, p, err := outlier(s.net(cell), cell.Int("n"))
	if err != nil || p.Outliers != s.Outputs {
		t.Fatalf("%d outliers, error %v", p.Outliers, err)
	}
	return x, p
}

// The reference figures of these tests were measured by an independent
// implementation (numpy 1.24, PCG64 streams, 2026-11): means over networks with
// their standard errors, inputs from N(0, I), L = 3. Tolerances are four combined
// standard errors: a false alarm in 16 000 for each figure, and seeds are fixed.

// tr F/P and the Rayleigh quotient have the mean that mean field says; the second
// moment and the eigenvalues exceed it and are compared with the reference.
func TestKarakidaRegressionTable(t *testing.T) {
	type figures struct {
		act                       string
		width                     int
		second, lambda, next, sub [2]float64
		blocks                    [3][2]float64
	}
	table := []figures{
		{"tanh", 200, [2]float64{0.0528047, 0.00053}, [2]float64{53.5116, 0.33}, [2]float64{8.26232, 0.061}, [2]float64{8.27535, 0.061}, [3][2]float64{{3.0255, 0.041}, {13.503, 0.17}, {38.439, 0.3}}},
		{"tanh", 400, [2]float64{0.0494352, 0.0002}, [2]float64{104.355, 0.24}, [2]float64{12.7402, 0.077}, [2]float64{12.7512, 0.078}, [3][2]float64{{4.9334, 0.048}, {25.266, 0.24}, {74.566, 0.45}}},
		{"tanh", 800, [2]float64{0.0480504, 0.00026}, [2]float64{206.45, 0.71}, [2]float64{21.43, 0.086}, [2]float64{21.4382, 0.086}, [3][2]float64{{8.7209, 0.07}, {50.777, 0.29}, {149.5, 0.61}}},
		{"relu", 200, [2]float64{0.397161, 0.0081}, [2]float64{170.164, 1.8}, [2]float64{12.1954, 0.12}, [2]float64{12.358, 0.12}, [3][2]float64{{3.8172, 0.054}, {48.448, 0.7}, {119.56, 1.4}}},
		{"relu", 400, [2]float64{0.383689, 0.0029}, [2]float64{335.717, 1.3}, [2]float64{18.4518, 0.12}, [2]float64{18.5263, 0.12}, [3][2]float64{{6.1354, 0.062}, {92.933, 0.9}, {234.82, 2.2}}},
		{"relu", 800, [2]float64{0.378917, 0.0041}, [2]float64{668.708, 3.7}, [2]float64{30.8346, 0.14}, [2]float64{30.9266, 0.14}, [3][2]float64{{11.09, 0.081}, {188.31, 1.3}, {472.18, 2.9}}},
		{"linear", 200, [2]float64{0.142595, 0.0018}, [2]float64{71.4637, 0.66}, [2]float64{22.5143, 0.17}, [2]float64{22.6138, 0.17}, [3][2]float64{{5.6988, 0.08}, {24.117, 0.29}, {44.691, 0.5}}},
		{"linear", 400, [2]float64{0.12065, 0.00062}, [2]float64{137.452, 0.47}, [2]float64{32.275, 0.19}, [2]float64{32.345, 0.19}, [3][2]float64{{8.6683, 0.088}, {45.084, 0.41}, {84.997, 0.7}}},
		{"linear", 800, [2]float64{0.110273, 0.00071}, [2]float64{269.866, 1.3}, [2]float64{50.5125, 0.19}, [2]float64{50.5753, 0.19}, [3][2]float64{{14.527, 0.11}, {90.525, 0.54}, {170.67, 0.99}}},
	}
	// Squared cosine of the leading eigenvector and the mean gradient, 20 networks;
	// how much is missing to 1 varies by about half from network to network.
	overlaps := map[string]map[int]float64{
		"tanh": {200: 0.99924, 800: 0.99982}, "relu": {200: 0.99945, 800: 0.99989}, "linear": {200: 0.99387, 800: 0.99898},
	}
	nets, largest := 20, 400
	switch {
	case paperSize():
		nets, largest = 100, 800
	case testing.Short():
		nets, largest = 10, 200
	}
	s := karakidaRegressionSpec{Law: wideLaws(), Samples: []int{100}, Depth: []int{3}, Outputs: 1, Layers: true}
	type row = karakidaRegressionRow
	for _, c := range table {
		if c.width > largest || !paperSize() && c.width < largest {
			continue
		}
		cell := wideCell(c.act, c.width, 100)
		x, p := regressionNets(t, s, cell, nets)
		check := meansOf(t, cell.Name, x)
		check("tr F/P against theory", func(r row) float64 { return r.Mean }, p.Mean, 0)
		check("Rayleigh quotient against theory", func(r row) float64 { return r.Rayleigh }, p.LambdaMax, 0)
		check("second moment", func(r row) float64 { return r.Second }, c.second[0], c.second[1])
		lambda := check("largest eigenvalue", func(r row) float64 { return r.LambdaMax }, c.lambda[0], c.lambda[1])
		check("eigenvalue 2", func(r row) float64 { return r.Next }, c.next[0], c.next[1])
		check("after mean subtraction", func(r row) float64 { return r.Subtracted }, c.sub[0], c.sub[1])
		for l, b := range c.blocks {
			check("block", func(r row) float64 { return r.Blocks[l] }, b[0], b[1])
		}
		if want, ok := overlaps[c.act][c.width]; ok {
			got, se, _ := Mean(func(r row) float64 { return r.Overlap })(x)
			within(t, cell.Name+" overlap", got, se, want, se*math.Sqrt(float64(nets)/20))
		}
		if ratio := lambda / p.LambdaMax; c.width == 400 && !(ratio > 0.94 && ratio < 1.08) {
			t.Errorf("%s: largest eigenvalue is %.3f of theory", cell.Name, ratio)
		}
		for _, r := range x.Rows {
			if r.LambdaMax < r.Rayleigh || r.Zeros != 0 || len(r.Values) != 100 {
				t.Errorf("%s: largest eigenvalue %v below its Rayleigh quotient %v, or %d zeros", cell.Name, r.LambdaMax, r.Rayleigh, r.Zeros)
			}
		}
	}
}

// Ten outputs: products of different outputs, of relative size 1/√M, split the
// outliers, and the mean of the ten is predicted to 2 %.
func TestKarakidaTenOutputsTable(t *testing.T) {
	if testing.Short() {
		t.Skip("eigenvalues of matrices of size 1000")
	}
	type pair = [2]float64
	table := []struct {
		act                                   string
		width                                 int
		mean, second, top, lambda, last, next pair
	}{
		{"tanh", 200, pair{0.0466074, 0.00034}, pair{0.519613, 0.0085}, pair{52.5636, 0.78}, pair{59.1335, 0.77}, pair{47.2786, 0.8}, pair{10.9824, 0.14}},
		{"tanh", 400, pair{0.0236834, 9e-5}, pair{0.491855, 0.0057}, pair{103.44, 0.97}, pair{112.236, 1.1}, pair{95.4731, 0.94}, pair{15.9167, 0.082}},
		{"tanh", 800, pair{0.011908, 3.7e-5}, pair{0.47584, 0.0047}, pair{204.671, 1.6}, pair{216.246, 1.6}, pair{193.341, 1.7}, pair{25.0867, 0.18}},
		{"relu", 200, pair{0.0763461, 0.0012}, pair{3.88583, 0.18}, pair{169.009, 4.2}, pair{195.512, 4.6}, pair{148.368, 3.9}, pair{16.1819, 0.3}},
		{"relu", 400, pair{0.0390546, 0.00034}, pair{3.86471, 0.12}, pair{337.877, 5.6}, pair{376.06, 5.7}, pair{304.75, 5.3}, pair{23.4971, 0.16}},
		{"relu", 800, pair{0.0194691, 9.5e-5}, pair{3.64275, 0.057}, pair{656.25, 5.4}, pair{703.444, 5.4}, pair{611.03, 5.2}, pair{36.0681, 0.23}},
		{"linear", 200, pair{0.0801234, 0.0005}, pair{1.3715, 0.027}, pair{68.9706, 1.5}, pair{79.645, 1.6}, pair{60.1153, 1.5}, pair{27.9518, 0.41}},
		{"linear", 400, pair{0.0407006, 0.00015}, pair{1.17183, 0.014}, pair{133.56, 1.6}, pair{147.735, 1.9}, pair{120.359, 1.5}, pair{38.0564, 0.27}},
		{"linear", 800, pair{0.0205341, 6.9e-5}, pair{1.09429, 0.014}, pair{268.206, 3.1}, pair{287.031, 3.3}, pair{249.606, 3.1}, pair{56.3373, 0.54}},
	}
	nets := 6
	if paperSize() {
		nets = 20
	}
	s := karakidaRegressionSpec{Law: wideLaws(), Samples: []int{100}, Depth: []int{3}, Outputs: 10}
	type row = karakidaRegressionRow
	for _, c := range table {
		if !paperSize() && (c.width > 200 || c.act != "relu") {
			continue
		}
		cell := wideCell(c.act, c.width, 100)
		x, p := regressionNets(t, s, cell, nets)
		check := meansOf(t, cell.Name, x)
		check("tr F/P against theory", func(r row) float64 { return r.Mean }, p.Mean, 0)
		check("tr F/P", func(r row) float64 { return r.Mean }, c.mean[0], c.mean[1])
		check("second moment", func(r row) float64 { return r.Second }, c.second[0], c.second[1])
		check("mean of the ten largest", func(r row) float64 { return r.Top }, c.top[0], c.top[1])
		check("largest eigenvalue", func(r row) float64 { return r.LambdaMax }, c.lambda[0], c.lambda[1])
		check("eigenvalue 10", func(r row) float64 { return r.Values[9] }, c.last[0], c.last[1])
		check("eigenvalue 11", func(r row) float64 { return r.Next }, c.next[0], c.next[1])
		top, se, _ := Mean(func(r row) float64 { return r.Top / p.LambdaMax })(x)
		if !(math.Abs(top-1) < 0.02+4*se) {
			t.Errorf("%s: the mean of the ten largest is %.3f ± %.3f of theory", cell.Name, top, se)
		}
	}
}

// Softmax classification with 10 classes.
func TestKarakidaCrossEntropyTable(t *testing.T) {
	if testing.Short() {
		t.Skip("eigenvalues of matrices of size 1000")
	}
	type pair = [2]float64
	table := []struct {
		act                              string
		width                            int
		mean, second, lambda, last, next pair
	}{
		{"tanh", 200, pair{0.00325869, 6.4e-05}, pair{0.00509919, 0.00014}, pair{10.6417, 0.36}, pair{1.91788, 0.028}, pair{1.82922, 0.029}},
		{"tanh", 400, pair{0.00169245, 3.1e-05}, pair{0.00482243, 7.6e-05}, pair{19.6449, 0.85}, pair{3.73957, 0.16}, pair{3.18118, 0.051}},
		{"tanh", 800, pair{0.000835737, 1.6e-05}, pair{0.00478585, 8.2e-05}, pair{40.415, 1.6}, pair{6.53927, 0.19}, pair{5.8761, 0.082}},
		{"relu", 200, pair{0.00528426, 0.00013}, pair{0.0351889, 0.0018}, pair{35.0066, 1.3}, pair{3.50896, 0.25}, pair{2.86032, 0.076}},
		{"relu", 400, pair{0.0027651, 5e-05}, pair{0.0357083, 0.0011}, pair{70.7632, 1.8}, pair{6.63062, 0.37}, pair{5.01547, 0.065}},
		{"relu", 800, pair{0.00136561, 1.8e-05}, pair{0.0339642, 0.00066}, pair{134.543, 4.9}, pair{11.6185, 0.93}, pair{8.61315, 0.17}},
		{"linear", 200, pair{0.00623348, 4e-05}, pair{0.0134929, 0.00028}, pair{11.9057, 0.48}, pair{4.16977, 0.11}, pair{3.93942, 0.086}},
		{"linear", 400, pair{0.00317261, 1.9e-05}, pair{0.0117765, 0.00015}, pair{21.6582, 0.83}, pair{7.85551, 0.25}, pair{6.38281, 0.1}},
		{"linear", 800, pair{0.00159634, 7.4e-06}, pair{0.0111338, 0.00014}, pair{42.5494, 1.6}, pair{13.6466, 0.49}, pair{10.8359, 0.14}},
	}
	nets := 6
	if paperSize() {
		nets = 20
	}
	s := karakidaCrossEntropySpec{Law: wideLaws(), Samples: 100, Depth: 3, Classes: 10, Draws: 400}
	type row = karakidaCrossEntropyRow
	for _, c := range table {
		if !paperSize() && (c.width > 200 || c.act != "tanh") {
			continue
		}
		cell := wideCell(c.act, c.width, 100)
		x := sampleOf(t, nets, func(k mc.Key) (row, error) { return karakidaCrossEntropyRun(s, cell, k) })
		p, err := s.predict(cell)
		if err != nil {
			t.Fatal(err)
		}
		check := meansOf(t, cell.Name, x)
		check("tr F/P against theory", func(r row) float64 { return r.Mean }, p.Mean.Value, p.Mean.SE)
		check("tr F/P", func(r row) float64 { return r.Mean }, c.mean[0], c.mean[1])
		check("second moment", func(r row) float64 { return r.Second }, c.second[0], c.second[1])
		check("largest eigenvalue", func(r row) float64 { return r.LambdaMax }, c.lambda[0], c.lambda[1])
		check("eigenvalue 9", func(r row) float64 { return r.Last }, c.last[0], c.last[1])
		check("eigenvalue 10", func(r row) float64 { return r.Next }, c.next[0], c.next[1])
		if c.act != "linear" { // there the bulk reaches up to the outliers
			check("largest eigenvalue against theory", func(r row) float64 { return r.LambdaMax }, p.Outliers[0].Value, p.Outliers[0].SE)
		}
		// At the measured probabilities the prediction is good to a few percent,
		// network by network: 0.3 % to 7 % on average in the reference.
		if ratio, _, _ := Mean(func(r row) float64 { return r.LambdaMax / r.Semi })(x); !(ratio > 0.95 && ratio < 1.10) {
			t.Errorf("%s: largest eigenvalue is %.3f of its prediction at the measured probabilities", cell.Name, ratio)
		}
		for _, r := range x.Rows {
			if !(r.Lower <= r.LambdaMax && r.LambdaMax <= r.Upper) {
				t.Errorf("%s: largest eigenvalue %v outside its bounds %v, %v", cell.Name, r.LambdaMax, r.Lower, r.Upper)
			}
		}
	}
}

// Neural tangent kernel and metric of inputs and features, C = 1. The spectrum of
// the former grows with N and not with the width, that of the latter with neither.
func TestKarakidaKernelTables(t *testing.T) {
	type pair = [2]float64
	table := []struct {
		act                               string
		width, n                          int
		ntkSecond, ntkNext, ntkLeast      pair
		metricMean, metricMax, metricNext pair
	}{
		{"tanh", 400, 50, pair{240.246, 2.5}, pair{8.73966, 0.07}, pair{3.53798, 0.033}, pair{0.00678415, 7e-5}, pair{5.67269, 0.06}, pair{0.124, 0.0013}},
		{"tanh", 400, 100, pair{424.085, 3.6}, pair{10.5535, 0.071}, pair{3.06428, 0.028}, pair{0.00680478, 6.3e-5}, pair{5.67262, 0.054}, pair{0.0883532, 0.0012}},
		{"tanh", 400, 200, pair{793.391, 7.6}, pair{13.6436, 0.1}, pair{2.57168, 0.026}, pair{0.00676449, 7.3e-5}, pair{5.63787, 0.063}, pair{0.0677715, 0.0011}},
		{"tanh", 800, 100, pair{419.545, 3.6}, pair{8.7184, 0.072}, pair{3.57747, 0.036}, pair{0.00337933, 3.5e-5}, pair{5.64094, 0.059}, pair{0.0634602, 0.0008}},
		{"relu", 400, 50, pair{209.343, 3.1}, pair{7.89907, 0.073}, pair{2.98173, 0.032}, pair{0.00504605, 5.3e-5}, pair{3.97003, 0.043}, pair{0.109232, 0.0015}},
		{"relu", 400, 100, pair{381.857, 7.3}, pair{9.66865, 0.088}, pair{2.56554, 0.025}, pair{0.00502066, 4.9e-5}, pair{3.93807, 0.04}, pair{0.0791337, 0.00095}},
		{"relu", 400, 200, pair{718.451, 15}, pair{12.6446, 0.12}, pair{2.18203, 0.023}, pair{0.00496942, 5.6e-5}, pair{3.88476, 0.046}, pair{0.0617241, 0.0012}},
		{"relu", 800, 100, pair{368.613, 6.2}, pair{7.78093, 0.067}, pair{2.99983, 0.028}, pair{0.00247194, 2.4e-5}, pair{3.86835, 0.038}, pair{0.0557512, 0.00059}},
		{"linear", 400, 50, pair{33.0277, 0.41}, pair{6.24287, 0.052}, pair{1.13254, 0.01}, pair{0.00249195, 2.8e-5}, pair{2.99034, 0.033}, pair{0, 1e-14}},
		{"linear", 400, 100, pair{52.8016, 0.65}, pair{8.23088, 0.057}, pair{0.630186, 0.0064}, pair{0.002521, 2.6e-5}, pair{3.02521, 0.032}, pair{0, 1e-14}},
		{"linear", 400, 200, pair{91.7462, 1.4}, pair{11.5342, 0.081}, pair{0.198835, 0.0028}, pair{0.00249953, 3e-5}, pair{2.99944, 0.036}, pair{0, 1e-14}},
		{"linear", 800, 100, pair{50.3144, 0.5}, pair{6.25989, 0.042}, pair{1.08256, 0.011}, pair{0.00124961, 1.3e-5}, pair{2.99907, 0.032}, pair{0, 1e-14}},
	}
	inputs := map[string][2]pair{ // trace and largest eigenvalue at M = 400, N = 100
		"tanh": {{2.304, 0.035}, {0.835, 0.019}}, "relu": {{2.001, 0.029}, {0.673, 0.015}}, "linear": {{1, 0}, {1.007, 0.023}},
	}
	nets := 12
	if paperSize() {
		nets = 60
	}
	s := karakidaKernelSpec{Law: wideLaws(), Depth: 3, Outputs: 1}
	type row = karakidaKernelRow
	for _, c := range table {
		if !paperSize() && (c.width > 400 || c.n > 100) || testing.Short() && (c.n > 50 || c.act == "relu") {
			continue
		}
		cell := wideCell(c.act, c.width, c.n)
		metric := Sample[row]{Rows: make([]row, nets), Replicates: make([]int, nets)}
		input := Sample[row]{Rows: make([]row, nets), Replicates: metric.Replicates}
		ntk := sampleOf(t, nets, func(k mc.Key) (row, error) {
			w, err := drawWide(s.net(cell), c.n, k)
			if err != nil {
				return row{}, err
			}
			metric.Rows[k.Replicate], metric.Replicates[k.Replicate] = kernelRow(w.Metric(false), 1), k.Replicate
			input.Rows[k.Replicate] = kernelRow(w.Metric(true), 1)
			return kernelRow(w.NTK(), 1), nil
		})
		checkNTK, checkMetric, checkInput := meansOf(t, cell.Name+" NTK", ntk), meansOf(t, cell.Name+" metric", metric), meansOf(t, cell.Name+" metric of the inputs", input)
		p, err := s.predictNTK(cell)
		if err != nil {
			t.Fatal(err)
		}
		checkNTK("mean against theory", func(r row) float64 { return r.Mean }, p.Mean, 0)
		checkNTK("Rayleigh quotient against theory", func(r row) float64 { return r.Rayleigh }, p.LambdaMax, 0)
		checkNTK("second moment", func(r row) float64 { return r.Second }, c.ntkSecond[0], c.ntkSecond[1])
		checkNTK("eigenvalue 2", func(r row) float64 { return r.Next }, c.ntkNext[0], c.ntkNext[1])
		checkNTK("smallest", func(r row) float64 { return r.Least }, c.ntkLeast[0], c.ntkLeast[1])
		m, err := singular.NewMeanField(s.net(cell))
		if err != nil {
			t.Fatal(err)
		}
		checkMetric("mean against theory", func(r row) float64 { return r.Mean }, m.Metric(c.n).Mean, 0)
		checkMetric("Rayleigh quotient against theory", func(r row) float64 { return r.Rayleigh }, m.Metric(c.n).LambdaMax, 0)
		checkMetric("mean", func(r row) float64 { return r.Mean }, c.metricMean[0], c.metricMean[1])
		checkMetric("largest", func(r row) float64 { return r.LambdaMax }, c.metricMax[0], c.metricMax[1])
		checkMetric("eigenvalue 2", func(r row) float64 { return r.Next }, c.metricNext[0], c.metricNext[1])
		checkInput("mean against theory", func(r row) float64 { return r.Mean }, m.InputMetric(c.n).Mean, 0)
		checkInput("Rayleigh quotient against theory", func(r row) float64 { return r.Rayleigh }, m.InputMetric(c.n).LambdaMax, 0)
		if want := inputs[c.act]; c.width == 400 && c.n == 100 {
			checkInput("trace", func(r row) float64 { return 400 * r.Mean }, want[0][0], want[0][1])
			checkInput("largest", func(r row) float64 { return r.LambdaMax }, want[1][0], want[1][1])
		}
	}
}
