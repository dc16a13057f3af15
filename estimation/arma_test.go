package estimation_test

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/estimation"
	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/models/datasets"
)

// dataset returns columns of a bundled data set, times scale.
func dataset(t testing.TB, name string, scale float64, columns ...string) *models.Data {
	t.Helper()
	s, err := datasets.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	tab, err := s.Table(columns...)
	if err != nil {
		t.Fatal(err)
	}
	z := &models.Data{N: tab.N, Q: len(tab.Names), V: tab.V}
	for i := range z.V {
		z.V[i] *= scale
	}
	return z
}

func fitted(t testing.TB, m models.Model, z *models.Data, opt estimation.Options) *estimation.Report {
	t.Helper()
	r, err := estimation.MLE(context.Background(), m, z, opt)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// armaFits are exact maximum-likelihood fits by R 4.2.2, stats::arima with
// method ML: those with standard errors at optim reltol 1e-14, the two of order
// (2,2) at the default tolerance, which leaves errors near 5e-3 in coefficients
// along the flat direction of LakeHuron. Order: AR, MA, mean; R's standard
// errors come from a Hessian by differences with step 1e-3.
var armaFits = []struct {
	data   string
	p, q   int
	mean   bool
	coef   []float64
	sigma2 float64
	loglik float64
	se     []float64
	tol    float64 // of the coefficients, relative to 1+|value|; 0 means 2e-5
}{
	{"lh", 1, 0, true, []float64{0.573924518996628, 2.41328536990044}, 0.197489550710448, -29.379162386266, []float64{0.116139, 0.146612}, 0},
	{"lh", 1, 0, false, []float64{0.980774411743134}, 0.250751579722904, -36.5440409819051, []float64{0.020273}, 0},
	{"lh", 1, 1, true, []float64{0.452201315052771, 0.198168044413531, 2.41007668097105}, 0.192312134816097, -28.7620331972121, []float64{0.176857, 0.17052, 0.135751}, 0},
	{"lh", 1, 1, false, []float64{0.982335367156877, -0.0387054337394207}, 0.250431784551775, -36.5173442804828, []float64{0.0201323, 0.170085}, 0},
	{"lh", 2, 0, true, []float64{0.696492693733751, -0.212792384655276, 2.40450851687546}, 0.188062002445242, -28.251876675471, []float64{0.139338, 0.139759, 0.120075}, 0},
	{"lh", 2, 0, false, []float64{0.951505790131483, 0.0299173754773833}, 0.250498600613939, -36.5226682335314, []float64{0.143004, 0.144649}, 0},
	{"lh", 3, 0, true, []float64{0.644802009005837, -0.0633822071278071, -0.219796578633532, 2.39311932720305}, 0.178660315008601, -27.0924110595361, []float64{0.139356, 0.166766, 0.14211, 0.0962606}, 0},
	{"lh", 3, 0, false, []float64{0.94826980566837, -0.0511376050355276, 0.0862746954851198}, 0.24840993360445, -36.3437220889247, []float64{0.142861, 0.197689, 0.143794}, 0},
	{"lh", 2, 2, true, []float64{.89143582, -.48616549, -.2297064, .24766849, 2.3954354}, .17963868, -27.21320779, nil, 2e-4},
	{"lakehuron", 1, 1, true, []float64{0.744899047038519, 0.320588768158595, 579.05545143962}, 0.474939846498611, -103.245260626207, []float64{0.0776506, 0.11353, 0.350098}, 0},
	{"lakehuron", 2, 0, true, []float64{1.04361924534784, -0.249502592490834, 579.047256709505}, 0.478820563951816, -103.633222534228, []float64{0.0982831, 0.100792, 0.331874}, 0},
	{"lakehuron", 2, 1, true, []float64{0.783031175145835, -0.0342936376730325, 0.28564424242252, 579.053477907399}, 0.474866695508979, -103.238175296009, []float64{0.326129, 0.284447, 0.314389, 0.346718}, 0},
	{"lakehuron", 2, 2, true, []float64{.40275, .23897, .66965, .14600, 579.05}, .47453489, -103.2052821, nil, 6e-3},
	{"sunspot-year", 1, 0, true, []float64{0.819615041854201, 48.7350256287064}, 513.023077151234, -1312.35661441238, []float64{0.033657, 7.27276}, 0},
	{"sunspot-year", 0, 1, true, []float64{0.801702988374037, 48.6943334062873}, 635.125915220976, -1343.16532724002, []float64{0.0263458, 2.66684}, 0},
	{"sunspot-year", 2, 0, true, []float64{1.38862996437925, -0.690629274390772, 49.1284263472528}, 273.641537614472, -1222.19061628797, []float64{0.0433696, 0.0433395, 3.22215}, 0},
	{"sunspot-year", 9, 0, true, []float64{1.18506739830725, -0.41972059270271, -0.167231114168932, 0.182267801784781, -0.132552641249212, 0.0457545741300405, 0.00665388509980648, -0.0287448964216539, 0.221818245415369, 49.76620857154}, 221.88711394085, -1192.73991970281, []float64{0.0578659, 0.0911388, 0.0943569, 0.0948001, 0.0954732, 0.0960774, 0.0962324, 0.0924932, 0.0588481, 7.73522}, 0},
}

func TestARMAFitsOfR(t *testing.T) {
	for _, c := range armaFits {
		m, err := models.NewARMA(c.p, c.q, models.ARMASettings{Mean: c.mean})
		if err != nil {
			t.Fatal(err)
		}
		r := fitted(t, m, dataset(t, c.data, 1), estimation.Options{})
		// R's maximum is among ours, and the fit is at least as high.
		at := -1
		for i, x := range r.Maxima {
			if math.Abs(x.LogLik-c.loglik) < 2e-5 {
				at = i
			}
		}
		if at < 0 {
			t.Errorf("%s %v: maximum %.6f of R not found, fit %.6f", c.data, m, c.loglik, r.LogLik)
			continue
		}
		theta := r.Maxima[at].Theta
		tol := c.tol
		if tol == 0 {
			tol = 2e-5
		}
		for i, want := range append(append([]float64{}, c.coef...), c.sigma2) {
			if math.Abs(theta[i]-want) > tol*(1+math.Abs(want)) {
				t.Errorf("%s %v: %s = %.7f, R has %.7f", c.data, m, m.Params()[i].Name, theta[i], want)
			}
		}
		if r.LogLik < c.loglik-1e-7 || r.Status != estimation.Converged {
			t.Errorf("%s %v: ℓ = %.7f (%v), R has %.7f", c.data, m, r.LogLik, r.Status, c.loglik)
		}
		for i, want := range c.se {
			if math.Abs(r.SE[i]/want-1) > 5e-3 {
				t.Errorf("%s %v: standard error of %s %.6g, R has %.6g", c.data, m, m.Params()[i].Name, r.SE[i], want)
			}
		}
	}
}

// LakeHuron as ARMA(2,2) has two interior maxima; R finds the lower one and
// statsmodels 0.13.5 the higher, -103.0094988 at AR 1.5747 -.5986, MA -.5255
// -.3061. A third, higher point lies on the edge of the domain, with a
// moving-average root on the unit circle: it is reported and is not the fit.
func TestLakeHuronHasTwoInteriorMaxima(t *testing.T) {
	m, err := models.NewARMA(2, 2, models.ARMASettings{Mean: true})
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(5) {
		r := fitted(t, m, dataset(t, "lakehuron", 1), estimation.Options{Rand: rand.New(rand.NewPCG(seed, 9))})
		var interior []float64
		for i := range r.Maxima {
			if len(r.Maxima[i].Edge) == 0 && r.Maxima[i].Status == estimation.Converged {
				interior = append(interior, r.Maxima[i].LogLik)
			}
		}
		if len(interior) < 2 || math.Abs(interior[0]+103.0094988) > 1e-6 || math.Abs(interior[1]+103.205273) > 1e-5 {
			t.Errorf("seed %d: interior maxima %.7f", seed, interior)
		}
		if math.Abs(r.LogLik+103.0094988) > 1e-6 {
			t.Errorf("seed %d: fit %.7f", seed, r.LogLik)
		}
		for i, want := range []float64{1.5747, -.5986, -.5255, -.3061} {
			if math.Abs(r.Theta[i]-want) > 5.1e-5 {
				t.Errorf("seed %d: θ = %.5f", seed, r.Theta)
			}
		}
	}
}

// lh as ARMA(2,2) has an interior maximum 0.48 nats above the one that R
// reports; here it is confirmed by the density of the series as one Gaussian
// vector, its covariances from the moving-average expansion.
func TestBetterMaximumOfLh(t *testing.T) {
	m, err := models.NewARMA(2, 2, models.ARMASettings{Mean: true})
	if err != nil {
		t.Fatal(err)
	}
	z := dataset(t, "lh", 1)
	r := fitted(t, m, z, estimation.Options{})
	if math.Abs(r.LogLik+26.7355004) > 1e-6 {
		t.Errorf("ℓ = %.7f", r.LogLik)
	}
	if dense := denseARMA(z.V, r.Theta[:2], r.Theta[2:4], r.Theta[4], r.Theta[5]); math.Abs(dense-r.LogLik) > 1e-9*math.Abs(dense) {
		t.Errorf("ℓ = %.12f, as a Gaussian vector %.12f", r.LogLik, dense)
	}
}

func denseARMA(y, phi, th []float64, mean, sigma2 float64) float64 {
	const long = 2000
	psi := make([]float64, long)
	for k := range psi {
		switch {
		case k == 0:
			psi[k] = 1
		case k <= len(th):
			psi[k] = th[k-1]
		}
		for i, f := range phi {
			if k > i {
				psi[k] += f * psi[k-1-i]
			}
		}
	}
	n := len(y)
	cov := mat.NewSymDense(n, nil)
	for lag := range n {
		g := 0.0
		for k := range long - lag {
			g += psi[k] * psi[k+lag]
		}
		for i := range n - lag {
			cov.SetSym(i, i+lag, g*sigma2)
		}
	}
	var chol mat.Cholesky
	if !chol.Factorize(cov) {
		return math.NaN()
	}
	e := mat.NewVecDense(n, nil)
	for i, v := range y {
		e.SetVec(i, v-mean)
	}
	var x mat.VecDense
	if err := chol.SolveVecTo(&x, e); err != nil {
		return math.NaN()
	}
	return -0.5 * (float64(n)*math.Log(2*math.Pi) + chol.LogDet() + mat.Dot(e, &x))
}

// On white noise the ARMA(1,1) statistic has its maximum anywhere along the line
// of cancellation. Five screened starts reach the best of 200 to 1e-3 in all but
// 5 % of series; R and statsmodels, which start on the line, in half. With 40
// series and a true rate of 3 % the test fails with probability 0.03.
func TestARMAFindsTheMaximumOnWhiteNoise(t *testing.T) {
	if testing.Short() {
		t.Skip("200 starts a series")
	}
	m, err := models.NewARMA(1, 1, models.ARMASettings{})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(7, 7))
	z := models.NewData(500, 0, 1)
	few, many := estimation.Default(m), estimation.Default(m)
	few.Starts, many.Starts, many.Screen = 5, 200, 4
	short := 0
	for range 40 {
		whiteNoise(z, rng)
		l, err := m.Bind(z)
		if err != nil {
			t.Fatal(err)
		}
		a, err := few.Maximize(context.Background(), l, nil, rng)
		if err != nil {
			t.Fatal(err)
		}
		b, err := many.Maximize(context.Background(), l, nil, rng)
		if err != nil {
			t.Fatal(err)
		}
		if a.LogLik < b.LogLik-1e-3 {
			short++
		}
	}
	if short > 3 {
		t.Errorf("%d of 40 fits fall short", short)
	}
}
