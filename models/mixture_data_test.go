package models

import (
	"encoding/csv"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
)

// mixtureData reads columns of a bundled data set and scales them.
func mixtureData(t testing.TB, name string, scale float64, columns ...int) *Data {
	t.Helper()
	f, err := os.Open("datasets/data/" + name + ".csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	z := NewData(len(rows)-1, 0, len(columns))
	for i := range z.N {
		for a, c := range columns {
			x, err := strconv.ParseFloat(rows[i+1][c], 64)
			if err != nil {
				t.Fatal(err)
			}
			z.Y(i)[a] = x * scale
		}
	}
	return z
}

// Log-likelihoods at given parameters by the definition: numpy 1.24.2 and scipy
// 1.10.1 on R's faithful (eruptions) and MASS's galaxies/1000, with weights,
// means and standard deviations.
func TestMixtureLogLikAgainstScipy(t *testing.T) {
	for _, c := range []struct {
		data       string
		scale      float64
		pi, mu, sd []float64
		want       float64
	}{
		{"faithful", 1, []float64{0.35, 0.65}, []float64{2.0, 4.3}, []float64{0.25, 0.45}, -277.3769267559201},
		{"faithful", 1, []float64{0.5, 0.5}, []float64{3, 4}, []float64{1, 1}, -419.5087083393308},
		{"galaxies", 1e-3, []float64{0.1, 0.8, 0.1}, []float64{9.7, 21, 33}, []float64{0.5, 2, 1}, -208.05985304053434},
	} {
		z := mixtureData(t, c.data, c.scale, 0)
		m, err := NewMixture(MixtureSettings{K: len(c.pi)})
		if err != nil {
			t.Fatal(err)
		}
		theta := append(slices.Clone(c.pi[:len(c.pi)-1]), c.mu...)
		for _, s := range c.sd {
			theta = append(theta, s*s)
		}
		l, err := m.Bind(z)
		if err != nil {
			t.Fatal(err)
		}
		mixNear(t, c.data, l.LogLik(theta), c.want, 1e-14)
	}
}

// bestEM runs EM from random starts, off the variance floor, and returns the
// highest log-likelihood.
func bestEM(l Likelihood, starts, steps int, seed uint64) float64 {
	rng := rand.New(rand.NewPCG(seed, 0))
	d := Dim(l.Model())
	a, b := make([]float64, d), make([]float64, d)
	best := math.Inf(-1)
	for range starts {
		l.(Starter).Start(a, rng)
		last := math.Inf(-1)
		for range steps {
			ll := l.(EMStepper).EMStep(b, a)
			a, b = b, a
			if ll-last < 1e-10 {
				break
			}
			last = ll
		}
		if len(l.(FloorReporter).Floored(a)) == 0 {
			best = max(best, l.LogLik(a))
		}
	}
	return best
}

// Maxima by scikit-learn 1.2.1 (GaussianMixture, 20 to 50 k-means or random
// starts, tol 1e-12, reg_covar 1e-10) and mclust 6.0.0, R 4.2.2. Ours may be
// higher (programs stop at different local maxima) but not lower; where the
// maximum is well known it must agree.
func TestMixtureEMReachesThePublishedMaxima(t *testing.T) {
	for _, c := range []struct {
		text    string
		data    string
		scale   float64
		columns []int
		starts  int
		want    float64
		unique  bool // every program finds this maximum
	}{
		{"mixture:k=1", "galaxies", 1e-3, []int{0}, 1, -240.3378911957212, true},
		{"mixture:k=2", "galaxies", 1e-3, []int{0}, 10, -220.05797296991776, true},
		{"mixture:k=2,sd=tied", "galaxies", 1e-3, []int{0}, 10, -230.3523873880273, true},
		{"mixture:k=3,sd=tied", "galaxies", 1e-3, []int{0}, 10, -212.35185518034416, true},
		{"mixture:k=3", "galaxies", 1e-3, []int{0}, 20, -203.17922796512605, false},
		{"mixture:k=4", "galaxies", 1e-3, []int{0}, 60, -197.4621, false}, // sBIC 0.2.0, to 4 decimals
		{"mixture:k=5", "galaxies", 1e-3, []int{0}, 40, -190.071152, false},
		{"mixture:k=6", "galaxies", 1e-3, []int{0}, 20, -186.867285, false},
		{"mixture:k=2,sd=tied", "faithful", 1, []int{0}, 5, -287.2920242042927, true},
		{"mixture:k=2,sd=tied", "faithful", 1, []int{1}, 5, -1034.00176, true}, // mixtools 2.0.0, to 5 decimals
		{"mixture:k=1,dim=2", "faithful", 1, []int{0, 1}, 1, -1289.79674505261, true},
		{"mixture:k=2,dim=2", "faithful", 1, []int{0, 1}, 5, -1130.26396018475, true},
		{"mixture:k=2,dim=2,cov=tied", "faithful", 1, []int{0, 1}, 5, -1140.18675943708, true},
		{"mixture:k=3,dim=2,cov=tied", "faithful", 1, []int{0, 1}, 20, -1126.31592782384, false},
	} {
		t.Run(c.text+" "+c.data, func(t *testing.T) {
			l, err := mustMixture(t, c.text).Bind(mixtureData(t, c.data, c.scale, c.columns...))
			if err != nil {
				t.Fatal(err)
			}
			got := bestEM(l, c.starts, 3000, 5)
			if got < c.want-2e-6 || c.unique && got > c.want+1e-5 {
				t.Errorf("maximum %.8f, published %.8f", got, c.want)
			}
		})
	}
}
