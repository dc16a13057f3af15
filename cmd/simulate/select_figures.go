package main

import (
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/neuromanifold/neuromanifold/internal/figs"
	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/selection"
)

// saveSelectFigures writes the curves of the criteria, the posterior of the orders
// and, for a mixture on the line or an ARMA model, the chosen fit.
func saveSelectFigures(dir string, t *selection.Table, keys []string, z *models.Data, columns []string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	// Orders by name, in the order of the table.
	axis := strings.Join(keys, ", ")
	x, names := make([]float64, len(t.Rows)), make([]string, len(t.Rows))
	for i, r := range t.Rows {
		x[i] = float64(i + 1)
		for a, o := range r.Order {
			if a > 0 {
				names[i] += ", "
			}
			names[i] += strconv.Itoa(o)
		}
	}
	curves := &figs.Panel{X: axis, XNames: names, Y: "score above its least (−2ℓ scale)"}
	loss := "aic"
	if i := t.Of("loo"); i >= 0 && t.Choice[i] >= 0 {
		loss = "loo"
	}
	worst := 0.0
	// Five colours tell five series apart.
	for _, name := range []string{loss, "bic", "sbic", "wbic", "fe"} {
		i := t.Of(name)
		if i < 0 || t.Choice[i] < 0 {
			continue
		}
		least := t.Rows[t.Choice[i]].Scores[i].Value
		y, se := make([]float64, len(t.Rows)), make([]float64, len(t.Rows))
		for k, r := range t.Rows {
			y[k] = r.Scores[i].Value - least
			if t.Criteria[i].Needs&selection.NeedRows == 0 { // over rows, errors are not of differences
				se[k] = r.Scores[i].SE
			}
		}
		curves.Series(name, x, y, se)
		for _, v := range y {
			if v > worst {
				worst = v
			}
		}
	}
	// Odds of e^20 to 1 say enough: what is beyond would press the rest flat.
	const most = 40
	if worst > most {
		curves.YRange = [2]float64{-1, most}
	}
	f := figs.New(curves)
	if len(t.Orders) > 0 {
		p := &figs.Panel{X: axis, XNames: names, Y: "posterior probability", YRange: [2]float64{0, 1}}
		for _, o := range t.Orders {
			p.Series(o.Criterion, x, o.P, o.SE)
		}
		f = figs.New(curves, p)
	}
	if err := f.Save(dir, "criteria"); err != nil {
		return err
	}
	truth := t.Truth()
	if truth < 0 {
		return nil
	}
	switch m := t.Rows[truth].Model.(type) {
	case *models.Mixture:
		if m.Settings().Dim == 1 {
			return saveDensity(dir, t, truth, z, columns[0])
		}
	case *models.ARMA:
		return saveRoots(dir, t.Rows[truth])
	}
	return nil
}

// saveDensity draws the data and the density of the chosen fit and its neighbours.
func saveDensity(dir string, t *selection.Table, truth int, z *models.Data, column string) error {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, v := range z.V {
		lo, hi = min(lo, v), max(hi, v)
	}
	pad := 0.1 * (hi - lo)
	lo, hi = lo-pad, hi+pad
	p := &figs.Panel{X: column, Y: "density"}
	p.Histogram("data", z.V, lo, hi, 30)
	const points = 400
	grid := models.NewData(points, 0, 1)
	for i := range grid.V {
		grid.V[i] = lo + (hi-lo)*float64(i)/(points-1)
	}
	for i := max(0, truth-1); i <= min(len(t.Rows)-1, truth+1); i++ {
		r := t.Rows[i]
		l, err := r.Model.Bind(grid)
		if err != nil {
			return err
		}
		y := make([]float64, points)
		l.Terms(y, r.Fit.Theta)
		for j := range y {
			y[j] = math.Exp(y[j])
		}
		p.Curve(r.Label, grid.V, y)
	}
	return figs.New(p).Save(dir, "density")
}

// saveRoots draws reciprocal poles and zeros in the unit circle.
func saveRoots(dir string, r selection.Row) error {
	m := r.Model.(*models.ARMA)
	p, q := m.Orders()
	panel := &figs.Panel{X: "real part of 1/z", Y: "imaginary part of 1/z", XRange: [2]float64{-1.1, 1.1}, YRange: [2]float64{-1.1, 1.1}}
	var cx, cy []float64
	for i := range 201 {
		a := 2 * math.Pi * float64(i) / 200
		cx, cy = append(cx, math.Cos(a)), append(cy, math.Sin(a))
	}
	panel.Reference("unit circle", cx, cy)
	points := func(name string, roots []complex128) {
		var x, y []float64
		for _, c := range roots {
			x, y = append(x, real(c)), append(y, imag(c))
		}
		if len(x) > 0 {
			panel.Points(name, x, y)
		}
	}
	points("poles of "+r.Label, selection.ReciprocalRoots(r.Fit.Theta[:p], -1))
	points("zeros of "+r.Label, selection.ReciprocalRoots(r.Fit.Theta[p:p+q], 1))
	f := figs.New(panel)
	f.Size = figs.Size{Width: 3.5, Height: 3.7}
	return f.Save(dir, "roots")
}
