package experiments

import (
	"math"
	"slices"

	"gonum.org/v1/gonum/integrate/quad"

	"github.com/neuromanifold/neuromanifold/estimation"
	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/selection"
)

// Exact posteriors at truths where the law is N(0, 1), for waic-bias.

// scoreConeWAIC uses the closed form of the cone, prior uniform in ξ and ω.
func scoreConeWAIC(z *models.Data, d int) (row waicBiasRow, err error) {
	b, err := newConeBayes(z, d, 1, estimation.ConePrior{})
	if err != nil {
		return row, err
	}
	n := float64(z.N)
	row.Gen = n * b.Error(make([]float64, d+2))
	for i := range z.N {
		x := z.Row(i)
		mean, v := b.Term(x)
		lppd := b.LogPredictive(x)
		row.Train -= lppd
		row.WAIC += v - lppd
		row.Gibbs += lppd - 2*mean
		row.LOO -= b.LogLeaveOut(x)
		row.Nu += v / 2
	}
	return row, nil
}

// A nodes is a posterior on the nodes of a quadrature rule.
type nodes struct {
	theta  [][]float64
	weight []float64 // of the posterior, normalised
}

// condition makes posterior weights of the logarithms of prior ones.
func (q *nodes) condition(l models.Likelihood, log []float64) {
	for s, t := range q.theta {
		log[s] += l.LogLik(t)
	}
	q.normalise(log)
}

// normalise sets the weights from their logarithms and drops nodes below 1e-14 of the
// largest.
func (q *nodes) normalise(log []float64) {
	top := slices.Max(log)
	k, total := 0, 0.0
	for s, t := range q.theta {
		if w := math.Exp(log[s] - top); w > 1e-14 {
			q.theta[k], k = t, k+1
			q.weight = append(q.weight, w)
			total += w
		}
	}
	q.theta = q.theta[:k]
	for s := range q.weight {
		q.weight[s] /= total
	}
}

// draws evaluates the terms of l less those of null, so that a criterion is relative
// to the entropy of the data.
func (q *nodes) draws(l models.Likelihood, null []float64) estimation.Draws {
	n := l.N()
	d := estimation.Draws{Weight: q.weight, LogLik: make([]float64, len(q.theta)), Terms: make([]float64, len(q.theta)*n), N: n}
	base := make([]float64, n)
	l.Terms(base, null)
	for s, t := range q.theta {
		row := d.Terms[s*n : (s+1)*n]
		l.Terms(row, t)
		for i := range row {
			row[i] -= base[i]
			d.LogLik[s] += row[i]
		}
	}
	return d
}

// score fills a row from the posterior; fresh holds new rows of the truth with the
// weights of a rule, null a parameter of the truth.
func (q *nodes) score(m models.Model, l models.Likelihood, null []float64, fresh *models.Data, w []float64) (row waicBiasRow, err error) {
	d := q.draws(l, null)
	variance, gibbs := selection.WAIC(d)
	row.WAIC, row.Gibbs = -variance.ELPD, -gibbs.ELPD
	row.Train, row.Nu = -variance.ELPD-variance.P, variance.P/2
	row.LOO = -selection.ImportanceLOO(d).ELPD
	f, err := m.Bind(fresh)
	if err != nil {
		return row, err
	}
	ahead := q.draws(f, null)
	for i, wi := range w {
		p := 0.0
		for s, ws := range q.weight {
			p += ws * math.Exp(ahead.Terms[s*ahead.N+i])
		}
		row.Gen -= wi * math.Log(p)
	}
	row.Gen *= float64(l.N())
	return row, nil
}

// trapezoid returns n points over ±reach with weights for N(0, 1) that sum to 1: the
// trapezoidal rule, which converges geometrically there.
func trapezoid(n int, reach float64) (x, w []float64) {
	x, w = make([]float64, n), make([]float64, n)
	total := 0.0
	for i := range n {
		x[i] = reach * (2*float64(i)/float64(n-1) - 1)
		w[i] = math.Exp(-x[i] * x[i] / 2)
		total += w[i]
	}
	for i := range w {
		w[i] /= total
	}
	return x, w
}

// scoreNormal is the mean of a normal under a flat prior: the posterior is N(x̄, 1/n)
// and the predictive N(x̄, 1 + 1/n).
func scoreNormal(z *models.Data) (row waicBiasRow, err error) {
	n := float64(z.N)
	mean := 0.0
	for _, v := range z.V {
		mean += v / n
	}
	x, w := trapezoid(41, 8)
	q := &nodes{weight: w}
	for i := range x {
		q.theta = append(q.theta, []float64{mean + x[i]/math.Sqrt(n)})
	}
	m, err := models.NewMixture(models.MixtureSettings{K: 1, Variance: models.VarKnown})
	if err != nil {
		return row, err
	}
	l, err := m.Bind(z)
	if err != nil {
		return row, err
	}
	fresh, fw := line(trapezoid(81, 8))
	row, err = q.score(m, l, []float64{0}, fresh, fw)
	v := 1 + 1/n
	row.Gen = n * (math.Log(v) + (1+mean*mean)/v - 1) / 2
	return row, err
}

// line makes one-column data of points.
func line(x, w []float64) (*models.Data, []float64) {
	return &models.Data{N: len(x), Q: 1, V: x}, w
}

// waicTol is the change of a number of the row, in nats, at which refining stops, and
// waicMost the number of refinements, each by half of the nodes more in every coordinate.
const (
	waicTol  = 1e-3
	waicMost = 3
)

// refined scores by finer and finer rules, from two thirds of the usual size on, until
// no number of the row moves by more than waicTol. The last change bounds the error: it
// is that of the coarser of two rules that converge geometrically.
func refined(z *models.Data, score func(z *models.Data, size float64) (waicBiasRow, error)) (waicBiasRow, error) {
	size := 2.0 / 3
	last, err := score(z, size)
	for range waicMost {
		if err != nil {
			break
		}
		size *= 1.5
		var next waicBiasRow
		next, err = score(z, size)
		next.Err = 0
		for _, d := range []float64{
			next.Gen - last.Gen, next.Train - last.Train, next.WAIC - last.WAIC,
			next.Gibbs - last.Gibbs, next.LOO - last.LOO, next.Nu - last.Nu,
		} {
			next.Err = math.Max(next.Err, math.Abs(d))
		}
		if last = next; last.Err <= waicTol {
			break
		}
	}
	return last, err
}

// sized is n nodes, times size.
func sized(n int, size float64) int { return int(math.Ceil(float64(n) * size)) }

// scoreContaminated is (1−a)N(0,1) + aN(b,1), a uniform on [0, 1] and b on [−4, 4]. The
// posterior lies along both axes: a = u³ and b = ±4v² spread the corner, with Gauss
// rules in u and v.
func scoreContaminated(z *models.Data, size float64) (row waicBiasRow, err error) {
	const bound = 4.0
	ua, vb := sized(32, size), sized(24, size)
	u, wu := make([]float64, ua), make([]float64, ua)
	v, wv := make([]float64, vb), make([]float64, vb)
	quad.Legendre{}.FixedLocations(u, wu, 0, 1)
	quad.Legendre{}.FixedLocations(v, wv, 0, 1)
	q := &nodes{}
	var logPrior []float64
	for i := range u {
		for j := range v {
			for _, sign := range []float64{-1, 1} {
				q.theta = append(q.theta, []float64{u[i] * u[i] * u[i], sign * bound * v[j] * v[j]})
				logPrior = append(logPrior, math.Log(3*u[i]*u[i]*wu[i]*v[j]*wv[j]))
			}
		}
	}
	m, err := models.NewContaminated(models.ContaminatedSettings{Bound: bound})
	if err != nil {
		return row, err
	}
	l, err := m.Bind(z)
	if err != nil {
		return row, err
	}
	q.condition(l, logPrior)
	fresh, fw := line(trapezoid(sized(65, size), 8))
	return q.score(m, l, []float64{0, 0}, fresh, fw)
}

// scoreUnit is y = vφ(wx) + e, φ(h) = erf(h/√2), w uniform on [0, 3] and v ~ N(0, 3²):
// given w the posterior of v is normal, so that a Gauss rule in w and the trapezoidal
// rule in v resolve it.
func scoreUnit(z *models.Data, size float64) (row waicBiasRow, err error) {
	const bound, scale = 3.0, 3.0
	uw := sized(32, size)
	u, wu := make([]float64, uw), make([]float64, uw)
	quad.Legendre{}.FixedLocations(u, wu, 0, 1)
	x, wx := trapezoid(sized(15, size), 6)
	m, err := models.Parse("mlp:hidden=1")
	if err != nil {
		return row, err
	}
	l, err := m.Bind(z)
	if err != nil {
		return row, err
	}
	q := &nodes{}
	var evidence []float64
	for i := range u {
		w := bound * u[i] * u[i] // the evidence changes fastest near 0
		fy, ff := 0.0, 1/(scale*scale)
		for k := range z.N {
			f := math.Erf(w * z.V[2*k] / math.Sqrt2)
			fy += f * z.V[2*k+1]
			ff += f * f
		}
		e := math.Log(wu[i]*u[i]) + fy*fy/ff/2 - math.Log(ff)/2
		for j := range x {
			q.theta = append(q.theta, []float64{w, fy/ff + x[j]/math.Sqrt(ff)})
			evidence = append(evidence, e+math.Log(wx[j]))
		}
	}
	q.normalise(evidence)
	// New rows: inputs and noise from N(0, 1).
	gx, gw := trapezoid(sized(25, size), 6)
	fresh := models.NewData(len(gx)*len(gx), 1, 1)
	fw := make([]float64, fresh.N)
	for i := range gx {
		for j := range gx {
			k := i*len(gx) + j
			fresh.Row(k)[0], fresh.Row(k)[1] = gx[i], gx[j]
			fw[k] = gw[i] * gw[j]
		}
	}
	return q.score(m, l, []float64{1, 0}, fresh, fw)
}
