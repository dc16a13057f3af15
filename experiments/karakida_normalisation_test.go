package experiments

import (
	"math"
	"testing"

	"github.com/neuromanifold/neuromanifold/internal/mc"
)

// Mean subtraction and batch normalisation of one output at N = M turn the largest
// eigenvalue from order M into order one; layer normalisation of ten outputs does
// not. Reference figures as in karakida_test.go; NaN where the source has none.
func TestKarakidaNormalisationTable(t *testing.T) {
	type pair = [2]float64
	none := pair{math.NaN(), 0}
	table := []struct {
		act                                       string
		width                                     int
		plain, next, subtracted, trace, batch, ln pair
	}{
		{"tanh", 100, pair{28.335, 0.4}, pair{5.6039, 0.09}, pair{5.6221, 0.09}, pair{162.76, 2.8}, pair{5.92, 0.27}, none},
		{"tanh", 200, pair{51.555, 0.47}, pair{5.8141, 0.059}, pair{5.8255, 0.059}, pair{330.63, 4.4}, pair{5.30, 0.20}, pair{37.9, 2.2}},
		{"tanh", 400, pair{98.071, 1}, pair{5.9623, 0.054}, pair{5.9656, 0.055}, pair{651.47, 7.3}, pair{5.91, 0.14}, pair{67.9, 5.6}},
		{"tanh", 800, pair{194.12, 1}, pair{6.0281, 0.061}, pair{6.0313, 0.062}, pair{1313.5, 18}, none, pair{125, 10}},
		{"relu", 100, pair{88.15, 2.2}, pair{8.5305, 0.17}, pair{8.7804, 0.17}, pair{229.8, 5.1}, pair{9.15, 0.52}, none},
		{"relu", 200, pair{164.82, 3}, pair{8.5645, 0.13}, pair{8.6751, 0.13}, pair{459.27, 7.6}, pair{9.34, 0.37}, pair{93, 8}},
		{"relu", 400, pair{314.86, 5.5}, pair{8.7709, 0.085}, pair{8.8088, 0.089}, pair{903.13, 10}, pair{9.27, 0.13}, pair{186, 32}},
		{"relu", 800, pair{646.96, 12}, pair{8.8862, 0.1}, pair{8.9174, 0.1}, pair{1832.6, 18}, none, pair{325, 41}},
		{"linear", 100, pair{38.403, 0.85}, pair{16.17, 0.25}, pair{16.309, 0.25}, pair{291.46, 4.5}, pair{18.9, 1.1}, none},
		{"linear", 200, pair{67.982, 0.9}, pair{17.032, 0.2}, pair{17.137, 0.2}, pair{594.5, 6.9}, pair{18.7, 0.8}, none},
		{"linear", 400, pair{125.86, 1.9}, pair{17.606, 0.17}, pair{17.627, 0.17}, pair{1174.6, 12}, pair{19.3, 0.6}, none},
		{"linear", 800, pair{248.64, 2.4}, pair{17.666, 0.17}, pair{17.685, 0.17}, pair{2361.6, 16}, none, none},
	}
	// The reference of layer normalisation has N = 100; the default tier is
	// content with the outlier equation at N = 40.
	s := karakidaNormalisationSpec{Law: wideLaws(), Depth: 3, Outputs: 10, Samples: 40}
	nets, widths := 10, []int{100, 200}
	least, most, level := 0.75, 1.1, 0.12 // slopes: 0.2 of allowance for their errors
	switch {
	case paperSize():
		s.Samples, nets, widths = 100, 40, []int{100, 200, 400, 800}
		least, most, level = 0.87, 1.05, 0.08
	case testing.Short():
		nets, widths = 4, []int{100}
	}
	type row = karakidaNormalisationRow
	plain, flat := map[string][]float64{}, map[string][]float64{}
	for _, c := range table {
		if c.width > widths[len(widths)-1] {
			continue
		}
		cell := wideCell(c.act, c.width, 0)
		x := sampleOf(t, min(nets, 40*200/c.width), func(k mc.Key) (row, error) { return karakidaNormalisationRun(s, cell, k) })
		means := meansOf(t, cell.Name, x)
		check := func(what string, f func(r row) float64, want pair) float64 {
			t.Helper()
			if math.IsNaN(want[0]) {
				v, _, _ := Mean(f)(x)
				return v
			}
			return means(what, f, want[0], want[1])
		}
		plain[c.act] = append(plain[c.act], check("plain", func(r row) float64 { return r.Plain }, c.plain))
		flat[c.act] = append(flat[c.act], check("mean subtracted", func(r row) float64 { return r.Subtracted }, c.subtracted))
		check("eigenvalue 2", func(r row) float64 { return r.Next }, c.next)
		check("trace", func(r row) float64 { return r.Trace }, c.trace)
		check("batch normalised", func(r row) float64 { return r.Batch }, c.batch)
		if paperSize() {
			check("layer normalised", func(r row) float64 { return r.Layer }, c.ln)
		}
		if c.act != "linear" { // there the bulk reaches up to the outliers
			ratio, se, _ := Mean(func(r row) float64 { return r.LayerTop / r.LayerSemi })(x)
			if !(math.Abs(ratio-1) < 0.05+4*se) {
				t.Errorf("%s: layer normalisation: the outliers are %.3f ± %.3f of their prediction", cell.Name, ratio, se)
			}
		}
		for _, r := range x.Rows {
			if !(r.Subtracted <= r.Upper && r.Subtracted >= r.Trace/float64(c.width-1)) {
				t.Errorf("%s: %v outside its bounds", cell.Name, r.Subtracted)
			}
		}
	}
	// Slopes of log λ against log M: 0.90 to 0.96 plain and 0.01 to 0.04
	// subtracted in the reference over M = 100, …, 800.
	for act, y := range plain {
		n := len(widths) - 1
		if n == 0 {
			continue
		}
		span := math.Log(float64(widths[n]) / float64(widths[0]))
		up, without := math.Log(y[n]/y[0])/span, math.Log(flat[act][n]/flat[act][0])/span
		t.Logf("%s: the largest eigenvalue grows like M^%.3f, M^%.3f without the mean", act, up, without)
		if !(up > least && up < most && math.Abs(without) < level) {
			t.Errorf("%s: the largest eigenvalue grows like M^%.2f, M^%.2f without the mean", act, up, without)
		}
	}
}
