package estimation_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/integrate/quad"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/neuromanifold/neuromanifold/estimation"
	"github.com/neuromanifold/neuromanifold/models"
)

func conePosterior(t testing.TB, d int, c float64, prior estimation.ConePrior) *estimation.ConePosterior {
	t.Helper()
	p, err := estimation.NewConePosterior(d, c, prior)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func sumRows(z *models.Data) []float64 {
	s := make([]float64, z.Q)
	for i := range z.N {
		for j, v := range z.Y(i) {
			s[j] += v
		}
	}
	return s
}

// The closed form against the trapezoidal rule in amplitude and angles on the family's
// own likelihood: evidence, moments of the terms, predictive and leave-one-out
// densities.
func TestConePosteriorAgreesWithGrid(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, c := range []struct {
		d     int
		slope float64
		prior estimation.ConePrior
		xi    float64
	}{
		{1, 1, estimation.ConePrior{}, 0}, {1, 2, estimation.ConePrior{Power: 1}, 0.7}, {1, 0.5, estimation.ConePrior{Power: 2, Scale: 1.5}, 0},
		{2, 1, estimation.ConePrior{Scale: 0.8}, 0}, {2, 2, estimation.ConePrior{Power: 2}, 0.5},
	} {
		m, err := models.NewCone(models.ConeSettings{D: c.d, C: c.slope})
		if err != nil {
			t.Fatal(err)
		}
		const n = 12
		z := models.NewData(n, 0, c.d+2)
		truth := make([]float64, c.d+1)
		truth[0] = c.xi
		m.Sample(z, truth, rng)
		fresh := models.NewData(1, 0, c.d+2)
		m.Sample(fresh, truth, rng)
		l, err := m.Bind(z)
		if err != nil {
			t.Fatal(err)
		}
		one, err := m.Bind(fresh)
		if err != nil {
			t.Fatal(err)
		}
		apex := make([]float64, c.d+1)
		terms, null := make([]float64, n), make([]float64, n)
		l.Terms(null, apex)
		null0, new0 := l.LogLik(apex), one.LogLik(apex)

		// The grid: ω uniform on the circle, or on the sphere, where cos α₁ is.
		const step, reach, round = 0.05, 5.0, 64
		angles, weight := [][]float64{}, []float64{}
		u, wu := []float64{0}, []float64{1}
		if c.d == 2 {
			u, wu = make([]float64, 32), make([]float64, 32)
			quad.Legendre{}.FixedLocations(u, wu, -1, 1)
		}
		for i := range u {
			for j := range round {
				al := []float64{math.Acos(u[i]), 2 * math.Pi * float64(j) / round}
				angles, weight = append(angles, al[2-c.d:]), append(weight, wu[i]/float64(c.d)/round)
			}
		}
		var total, pred float64
		mean, square, out := make([]float64, n), make([]float64, n), make([]float64, n)
		theta := make([]float64, c.d+1)
		for i, al := range angles {
			copy(theta[1:], al)
			for x := -reach; x <= reach; x += step {
				theta[0] = x
				ll := l.LogLik(theta) - null0
				if ll < -40 {
					continue
				}
				w := weight[i] * step * math.Pow(math.Abs(x), float64(c.prior.Power)) * math.Exp(ll)
				if s := c.prior.Scale; s > 0 {
					k := float64(c.prior.Power+1) / 2
					w *= math.Exp(-x*x/2/s/s) / (math.Pow(2*s*s, k) * math.Gamma(k))
				}
				total += w
				pred += w * math.Exp(one.LogLik(theta)-new0)
				l.Terms(terms, theta)
				for j := range terms {
					v := terms[j] - null[j]
					mean[j] += w * v
					square[j] += w * v * v
					out[j] += w * math.Exp(-v)
				}
			}
		}
		p := conePosterior(t, c.d, c.slope, c.prior)
		p.Condition(sumRows(z), n)
		tol := 1e-8
		if c.prior.Power%2 == 1 {
			tol = 1e-4 // the density has a kink on the grid
		}
		check := func(what string, got, want float64) {
			t.Helper()
			if !(math.Abs(got-want) < tol) {
				t.Errorf("d = %d, c = %v, prior %+v: %s = %.10g, on the grid %.10g", c.d, c.slope, c.prior, what, got, want)
			}
		}
		check("log evidence", p.LogEvidence(), math.Log(total))
		check("predictive", p.LogPredictive(fresh.Row(0)), math.Log(pred/total))
		all := 0.0
		for j := range n {
			m, v := p.Term(z.Row(j))
			mu := mean[j] / total
			all += mu
			check("mean of a term", m, mu)
			check("variance of a term", v, square[j]/total-mu*mu)
			check("leave-one-out", p.LogLeaveOut(z.Row(j)), -math.Log(out[j]/total))
		}
		check("mean log-likelihood", p.MeanLogLik(), all)
	}
}

// For the uniform prior the integral over ξ is Gaussian: at n = 1 the evidence is
// √(2π) E_ω exp(Y²/2), here by 2000 midpoints of the angle, from the apex to 60
// standard errors off it.
func TestConePosteriorFarFromTheApex(t *testing.T) {
	p := conePosterior(t, 1, 1, estimation.ConePrior{})
	for _, z := range [][]float64{{0, 0, 0}, {0.3, 1.2, 0}, {-2, 3, -4}, {30, 24, 32}, {0, 0, 60}} {
		const nodes = 2000
		r := math.Hypot(z[1], z[2])
		top := (math.Abs(z[0]) + r) * (math.Abs(z[0]) + r) / 4
		var sum float64
		for i := range nodes {
			y := (z[0] + r*math.Cos(math.Pi*(float64(i)+0.5)/nodes)) / math.Sqrt2
			sum += math.Exp(y*y/2-top) / nodes
		}
		want := 0.5*math.Log(2*math.Pi) + top + math.Log(sum)
		p.Condition(z, 1)
		if got := p.LogEvidence(); math.Abs(got-want) > 1e-9*(1+math.Abs(want)) {
			t.Errorf("Z = %v: log evidence %.12g, want %.12g", z, got, want)
		}
	}
}

// B4: E[Z·∇ log P] at the apex, Z·∇ log P = 2 E[ℓ | Z] + κ at n = 1, by quadrature over
// the law of Z: the table of closed forms of this project (numpy, deterministic
// quadrature, four decimals), for the uniform and the Jeffreys prior.
func TestB4ConeFluctuations(t *testing.T) {
	for _, c := range []struct {
		d                 int
		slope             float64
		uniform, jeffreys float64
	}{
		{1, 1, 1.5977, 2.3082}, {1, 2, 1.6308, 2.3538}, {2, 1, 1.7518, 3.1494}, {5, 0.5, 1.4107, 3.7664},
		{5, 1, 2.0226, 5.3898}, {5, 2, 2.4551, 6.3557}, {10, 1, 2.2541, 8.7486}, {10, 2, 3.0483, 11.0130},
	} {
		chi2 := distuv.ChiSquared{K: float64(c.d + 1)}
		for power, want := range map[int]float64{0: c.uniform, c.d: c.jeffreys} {
			p := conePosterior(t, c.d, c.slope, estimation.ConePrior{Power: power})
			sum, r, w := make([]float64, c.d+2), make([]float64, 40), make([]float64, 40)
			var got, mass float64
			quad.Legendre{}.FixedLocations(r, w, 0, math.Sqrt(float64(c.d+1))+7)
			for z := 0.125; z < 8; z += 0.25 { // even in z
				for i := range r {
					w := w[i] * distuv.UnitNormal.Prob(z) * 2 * r[i] * chi2.Prob(r[i]*r[i])
					sum[0], sum[1] = z, r[i]
					p.Condition(sum, 1)
					got += w * (2*p.MeanLogLik() + float64(power+1))
					mass += w
				}
			}
			if got /= mass; math.Abs(got-want) > 6e-5 {
				t.Errorf("d = %d, c = %v, |ξ|^%d: E[Z·∇log P] = %.5f, want %.4f", c.d, c.slope, power, got, want)
			}
		}
	}
}

// The generalisation error of the rules against a long mean of the log predictive
// density on new rows, at the apex and off it: four standard errors.
func TestConeError(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	draws := 60_000
	if testing.Short() {
		draws = 10_000
	}
	for _, c := range []struct {
		d    int
		mean []float64
	}{{1, []float64{0, 0, 0}}, {1, []float64{0.5, 0, 0.5}}, {4, make([]float64, 6)}, {4, []float64{0.6, 0, 0, 0.6, 0, 0}}} {
		p := conePosterior(t, c.d, 1, estimation.ConePrior{Power: c.d})
		sum, x := make([]float64, c.d+2), make([]float64, c.d+2)
		const n = 10
		kl := 0.0
		for j := range sum {
			sum[j] = rng.NormFloat64()*math.Sqrt(n) + n*c.mean[j]
			kl += c.mean[j] * c.mean[j] / 2
		}
		p.Condition(sum, n)
		var m, ss float64
		for range draws {
			v := -kl
			for j := range x {
				e := rng.NormFloat64()
				x[j] = c.mean[j] + e
				v += x[j] * c.mean[j]
			}
			v -= p.LogPredictive(x)
			m += v / float64(draws)
			ss += v * v / float64(draws)
		}
		se := math.Sqrt((ss - m*m) / float64(draws))
		if got := p.Error(c.mean); math.Abs(got-m) > 4*se {
			t.Errorf("d = %d, mean %v: %.5f, by draws %.5f ± %.5f", c.d, c.mean, got, m, se)
		}
	}
}

func TestConePosteriorRefuses(t *testing.T) {
	for _, c := range []struct {
		d     int
		slope float64
		prior estimation.ConePrior
	}{{0, 1, estimation.ConePrior{}}, {1, 0, estimation.ConePrior{}}, {1, 1, estimation.ConePrior{Scale: math.Inf(1)}}} {
		if _, err := estimation.NewConePosterior(c.d, c.slope, c.prior); err == nil {
			t.Errorf("d = %d, c = %v, prior %+v: no error", c.d, c.slope, c.prior)
		}
	}
	if _, err := estimation.NewConePosterior(1, 1, estimation.ConePrior{Power: -1}); !errors.Is(err, estimation.ErrImproper) {
		t.Errorf("|ξ|⁻¹: %v", err)
	}
}
