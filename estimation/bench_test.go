package estimation_test

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/neuromanifold/neuromanifold/estimation"
	"github.com/neuromanifold/neuromanifold/models"
)

// whiteNoise fills z with N(0, 1).
func whiteNoise(z *models.Data, rng *rand.Rand) {
	for i := range z.V {
		z.V[i] = rng.NormFloat64()
	}
}

// normalMax is the maximum of the log-likelihood of N(μ, v), with v known to be
// 1 or free.
func normalMax(y []float64, known bool) float64 {
	n, mean, ss := float64(len(y)), 0.0, 0.0
	for _, v := range y {
		mean += v / n
	}
	for _, v := range y {
		ss += (v - mean) * (v - mean)
	}
	if known {
		return -0.5 * (n*math.Log(2*math.Pi) + ss)
	}
	return -0.5 * n * (math.Log(2*math.Pi*ss/n) + 1)
}

var variances = []struct {
	name     string
	variance models.MixtureVariance
}{{"known", models.VarKnown}, {"tied", models.VarTied}, {"free", models.VarFree}}

// BenchmarkMixtureReplicate is one replicate of the homogeneity problem: fresh
// N(0, 1) data, n = 1000, and the fit of two components from five starts that
// come from the data: random ones, and with a known variance those of a scan first. It
// reports the mean likelihood-ratio statistic.
func BenchmarkMixtureReplicate(b *testing.B) {
	for _, v := range variances {
		b.Run(v.name, func(b *testing.B) {
			m, err := models.NewMixture(models.MixtureSettings{K: 2, Variance: v.variance})
			if err != nil {
				b.Fatal(err)
			}
			rng := rand.New(rand.NewPCG(1, 1))
			z := models.NewData(1000, 0, 1)
			method := estimation.MultiStart{Starts: 5}
			sum, evals := 0.0, 0
			b.ReportAllocs()
			for b.Loop() {
				whiteNoise(z, rng)
				l, err := m.Bind(z)
				if err != nil {
					b.Fatal(err)
				}
				fit, err := method.Maximize(context.Background(), l, nil, rng)
				if err != nil {
					b.Fatal(err)
				}
				sum += 2 * (fit.LogLik - normalMax(z.V, v.variance == models.VarKnown))
				evals += fit.Evals
			}
			b.ReportMetric(sum/float64(b.N), "statistic")
			b.ReportMetric(float64(evals)/float64(b.N), "evals/op")
		})
	}
}

// BenchmarkARMAFit fits ARMA(1,1) to white noise, n = 500, by exact maximum
// likelihood from five starts of a scan and of screened proposals: the truth lies on the singular line.
func BenchmarkARMAFit(b *testing.B) {
	m, err := models.NewARMA(1, 1, models.ARMASettings{})
	if err != nil {
		b.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	z := models.NewData(500, 0, 1)
	method := estimation.Default(m)
	method.Starts = 5
	sum, evals := 0.0, 0
	b.ReportAllocs()
	for b.Loop() {
		whiteNoise(z, rng)
		l, err := m.Bind(z)
		if err != nil {
			b.Fatal(err)
		}
		fit, err := method.Maximize(context.Background(), l, nil, rng)
		if err != nil {
			b.Fatal(err)
		}
		ss := 0.0
		for _, v := range z.V {
			ss += v * v
		}
		n := float64(z.N)
		sum += 2 * (fit.LogLik + 0.5*n*(math.Log(2*math.Pi*ss/n)+1))
		evals += fit.Evals
	}
	b.ReportMetric(sum/float64(b.N), "statistic")
	b.ReportMetric(float64(evals)/float64(b.N), "evals/op")
}

// BenchmarkEMTest is one EM-test with its default settings, fourteen starts for
// each of three parts β, of fresh data with n = 1000: of the order m₀ of the
// name, N(0, 1) or two normals at 0 and 4.5 for m₀ = 2. It reports the mean
// statistic.
func BenchmarkEMTest(b *testing.B) {
	for _, c := range []struct {
		name     string
		k        int
		variance models.MixtureVariance
	}{{"1/known", 1, models.VarKnown}, {"1/tied", 1, models.VarTied}, {"1/free", 1, models.VarFree}, {"2/free", 2, models.VarFree}} {
		b.Run(c.name, func(b *testing.B) {
			m, err := models.NewMixture(models.MixtureSettings{K: c.k, Variance: c.variance})
			if err != nil {
				b.Fatal(err)
			}
			rng := rand.New(rand.NewPCG(1, 1))
			z := models.NewData(1000, 0, 1)
			sum := 0.0
			b.ReportAllocs()
			for b.Loop() {
				whiteNoise(z, rng)
				if c.k == 2 {
					for i := range z.V {
						z.V[i] += 4.5 * float64(rng.IntN(2))
					}
				}
				r, err := estimation.EMTest(context.Background(), m, z, estimation.EMTestOptions{Rand: rng})
				if err != nil {
					b.Fatal(err)
				}
				sum += r.Statistic
			}
			b.ReportMetric(sum/float64(b.N), "statistic")
		})
	}
}
