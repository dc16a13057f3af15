package figs

import (
	"bytes"
	"flag"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var keep = flag.String("keep", "", "directory in which to keep the sample figures")

// samples are one figure of every kind.
func samples() map[string]*Figure {
	rng := rand.New(rand.NewPCG(1, 2))
	chi := func(n int) []float64 {
		v := make([]float64, n)
		for i := range v {
			if z := rng.NormFloat64(); z > 0 {
				v[i] = z * z
			}
		}
		return v
	}
	density := func(x float64) float64 { return math.Exp(-x/2) / math.Sqrt(2*math.Pi*x) / 2 }

	hist := &Panel{X: "T = 2(ℓ₁ − ℓ₀)", Y: "density", YRange: [2]float64{0, 1}}
	hist.Histogram("n = 100", chi(4000), 0, 8, 40)
	hist.Func("limit ½χ²₀ + ½χ²₁", density, 0.02, 8)

	cdf := &Panel{Title: "distribution function", X: "T", Y: "P(T ≤ x)", XRange: [2]float64{0, 8}}
	cdf.CDF("n = 100", chi(400))
	cdf.CDF("n = 1000", chi(20000))
	cdf.Func("limit", func(x float64) float64 { return 0.5 + 0.5*math.Erf(math.Sqrt(x/2)) }, 0, 8)
	qq := &Panel{Title: "quantiles", X: "quantile of the limit", Y: "ordered T"}
	quantile := func(p float64) float64 {
		if p <= 0.5 {
			return 0
		}
		z := math.Sqrt2 * math.Erfinv(2*p-1)
		return z * z
	}
	qq.QQ("n = 100", chi(400), quantile)
	qq.QQ("n = 1000", chi(5000), quantile)

	cloud := &Panel{X: "w", Y: "v", XRange: [2]float64{-4, 4}, YRange: [2]float64{-1.5, 1.5}}
	var w, v []float64
	for range 40000 {
		a := 1.5 * rng.NormFloat64()
		w, v = append(w, a), append(v, 0.3*rng.NormFloat64()/math.Max(math.Abs(a), 0.1))
	}
	cloud.Points("estimates", w, v)
	cloud.Set("singular set vw = 0", []float64{-4, 4}, []float64{0, 0})
	cloud.Set("singular set vw = 0", []float64{0, 0}, []float64{-1.5, 1.5})

	portrait := &Panel{X: "z", Y: "u", XRange: [2]float64{-2, 2}, YRange: [2]float64{-0.1, 1}}
	var fx, fy, tx, ty []float64
	for i := range 17 {
		for j := range 9 {
			x, y := -2+float64(i)/4, 0.1+float64(j)/9
			dx, dy := -x*y, (1-x*x)*y
			n := 12 * math.Hypot(dx, dy)
			fx, fy, tx, ty = append(fx, x), append(fy, y), append(tx, x+dx/n), append(ty, y+dy/n/2)
		}
	}
	portrait.Field("field", fx, fy, tx, ty)
	for _, x := range []float64{-1.5, -0.5, 0.5, 1.5} {
		var ox, oy []float64
		y := 0.2
		for range 300 {
			ox, oy = append(ox, x), append(oy, y)
			x, y = x-0.02*x*y, y+0.02*(1-x*x)*y
		}
		portrait.Orbit("exact", ox, oy)
	}
	portrait.UnstableSet("repels", []float64{-1, 1}, []float64{0, 0})
	portrait.Set("attracts", []float64{-2, -1}, []float64{0, 0})
	portrait.Set("attracts", []float64{1, 2}, []float64{0, 0})

	row := New()
	for i, name := range []string{"mixture", "arma", "mlp"} {
		p := &Panel{Title: name, X: "n", LogX: true, LogY: true}
		if i == 0 {
			p.Y = "E_gen in nats per observation"
		}
		x := []float64{100, 300, 1000, 3000}
		var y, se, z []float64
		for _, n := range x {
			y, se, z = append(y, 1.2/n), append(se, 0.1/n), append(z, 2.5/n)
		}
		p.Series("training", x, y, se)
		p.Series("generalisation", x, z, se)
		p.Slope("slope −1", -1, 100, 0.02, 100, 3000)
		row.Panels = append(row.Panels, p)
	}
	return map[string]*Figure{
		"hist": New(hist), "cdf": New(cdf, qq), "cloud": New(cloud), "portrait": New(portrait), "row": row,
		"rows":  {Rows: 2, Panels: []*Panel{hist, cdf, qq, cloud, portrait}},
		"empty": New(&Panel{X: "x", Y: "y", LogY: true}),
	}
}

func TestSave(t *testing.T) {
	for name, f := range samples() {
		dir := t.TempDir()
		if *keep != "" {
			dir = *keep
		}
		if err := f.Save(dir, name); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		img, err := os.Open(filepath.Join(dir, name+".png"))
		if err != nil {
			t.Fatal(err)
		}
		cfg, err := png.DecodeConfig(img)
		img.Close()
		if err != nil {
			t.Fatal(err)
		}
		w, _ := f.size()
		if want := int(w/72*DPI + 0.5); cfg.Width != want {
			t.Errorf("%s: %d pixels wide, want %d", name, cfg.Width, want)
		}
		svg, err := os.ReadFile(filepath.Join(dir, name+".svg"))
		if err != nil || !bytes.Contains(svg, []byte("Liberation Sans,Arial")) {
			t.Errorf("%s: the SVG names no font with a fallback (%v)", name, err)
		}
		if len(svg) > 2_000_000 {
			t.Errorf("%s: SVG of %d bytes: thinning failed", name, len(svg))
		}
	}
}

// Every series must be drawn over the same bytes on every call.
func TestDeterministic(t *testing.T) {
	a, b := samples(), samples()
	for name := range a {
		for _, draw := range []func(*Figure) ([]byte, error){(*Figure).SVG, (*Figure).PNG, (*Figure).CSV} {
			x, err := draw(a[name])
			if err != nil {
				t.Fatal(err)
			}
			y, err := draw(b[name])
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(x, y) {
				t.Errorf("%s: two drawings differ", name)
			}
		}
	}
}

func TestHistogramIsDensity(t *testing.T) {
	p := &Panel{}
	p.Histogram("x", []float64{0, 0, 1, 2, 5, math.NaN(), 100}, 0, 6, 3)
	// Bars of width 2 over 6 finite values: 3/12, 1/12, 1/12; 100 lies outside.
	want := []float64{3. / 12, 1. / 12, 1. / 12}
	for i, y := range p.layers[0].y {
		if math.Abs(y-want[i]) > 1e-15 {
			t.Errorf("bar %d is %v, want %v", i, y, want[i])
		}
	}
}

func TestThinKeepsOutliers(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	var x, y []float64
	for range 100_000 {
		x, y = append(x, rng.NormFloat64()), append(y, rng.NormFloat64())
	}
	x[777], y[777] = 50, -50
	tx, ty := thin(x, y, 5000)
	if len(tx) > 5000+3600 || len(tx) < 5000 { // 3600 cells
		t.Errorf("%d points are left", len(tx))
	}
	found := false
	for i := range tx {
		found = found || tx[i] == 50 && ty[i] == -50
	}
	if !found {
		t.Error("the outlier is gone")
	}
}

func TestTicks(t *testing.T) {
	for _, r := range [][2]float64{{0, 1}, {0, 8}, {-1.5, 1.5}, {99, 101}, {0, 0.0031}, {-3e5, 7e5}, {0, 4.1}, {1e-9, 9e-9}} {
		n, seen := 0, map[string]bool{}
		for _, tick := range (linearTicks{}).Ticks(r[0], r[1]) {
			if !tick.IsMinor() {
				n++
				if seen[tick.Label] {
					t.Errorf("%v: label %q twice", r, tick.Label)
				}
				seen[tick.Label] = true
			}
		}
		if n < 4 || n > 9 {
			t.Errorf("%v: %d labels", r, n)
		}
	}
	for _, r := range [][2]float64{{1, 10}, {100, 3000}, {1e-12, 1}, {2, 3.5}, {1e-30, 1e5}, {25, 900}, {90, 850}, {25, 210}} {
		n := 0
		for _, tick := range (logTicks{}).Ticks(r[0], r[1]) {
			if !tick.IsMinor() {
				n++
			}
		}
		if n < 2 || n > 10 {
			t.Errorf("log %v: %d labels", r, n)
		}
	}
}

// Bars of a histogram on a logarithmic axis are even there, over the positive
// values, and their area in decades is the share that they hold.
func TestHistogramOnALogarithmicAxis(t *testing.T) {
	p := &Panel{LogX: true}
	p.Histogram("h", []float64{1, 2, 20, 30, 50, 100, 1e5, -3, 0}, 1, 100, 2)
	l := p.layers[0]
	for i, want := range []struct{ lo, hi, density float64 }{{1, 10, 2. / 9}, {10, 100, 4. / 9}} {
		if math.Abs(l.lo[i]-want.lo) > 1e-12 || math.Abs(l.hi[i]-want.hi) > 1e-10 || math.Abs(l.y[i]-want.density) > 1e-15 {
			t.Errorf("bar %d from %v to %v has density %v, want %v", i, l.lo[i], l.hi[i], l.y[i], want)
		}
	}
}

// A zero added before the axis became logarithmic is left out like one added after.
func TestLogarithmicAfterwards(t *testing.T) {
	p := &Panel{}
	p.Series("s", []float64{1, 2}, []float64{0, 3}, nil)
	p.LogY = true
	f := New(p)
	if n := len(p.layers[0].y); n != 1 {
		t.Errorf("%d marks are left, want 1", n)
	}
	if _, err := f.SVG(); err != nil {
		t.Error(err)
	}
}

// An error bar that reaches below zero is within a linear axis and cut by a
// logarithmic one.
func TestRangeHoldsErrorBars(t *testing.T) {
	for _, logY := range []bool{false, true} {
		p := &Panel{LogY: logY}
		p.Series("s", []float64{1, 2}, []float64{0.1, 3}, []float64{0.2, 0.5})
		l := p.layers[0]
		_, _, ymin, ymax := mark{layer: l, logY: logY}.DataRange()
		if want := map[bool]float64{false: l.lo[0], true: 0.1}[logY]; ymin != want || ymax != l.hi[1] || l.lo[0] >= 0 {
			t.Errorf("log %v: from %v to %v, want %v to %v", logY, ymin, ymax, want, l.hi[1])
		}
	}
}

func TestCSV(t *testing.T) {
	p := &Panel{LogY: true}
	p.Series("a, b", []float64{1, 2, 3}, []float64{2, -1, 4}, []float64{0.5, 1, math.NaN()})
	got, err := New(p).CSV()
	if err != nil {
		t.Fatal(err)
	}
	want := "panel,series,kind,x,y,lo,hi,line\n" +
		"1,\"a, b\",series,1,2,1,3,1\n" + // the middle value does not exist on a logarithmic axis
		"1,\"a, b\",series,3,4,4,4,1\n"
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if _, err := New().SVG(); err == nil || !strings.HasPrefix(err.Error(), "figs: ") {
		t.Errorf("a figure without panels: %v", err)
	}
}

// A spectrum has a histogram of the eigenvalues above zero and one line, named in the
// legend, for each predicted outlier that exists.
func TestSpectrum(t *testing.T) {
	for _, c := range []struct {
		values, outliers []float64
		layers           int
	}{
		{[]float64{0, -1e-18, 1e-3, 2e-3, 5}, []float64{7, 50, math.NaN()}, 3},
		{[]float64{0, -1e-18, 1e-3, 2e-3, 5}, []float64{math.NaN(), 0}, 1},
		{[]float64{3}, nil, 1},
		{[]float64{0, -1}, []float64{1}, 0},
	} {
		p := Spectrum("", c.values, c.outliers)
		if len(p.layers) != c.layers {
			t.Errorf("eigenvalues %v, outliers %v: %d layers, want %d", c.values, c.outliers, len(p.layers), c.layers)
		}
		if _, err := New(p).SVG(); err != nil {
			t.Errorf("eigenvalues %v, outliers %v: %v", c.values, c.outliers, err)
		}
	}
}
