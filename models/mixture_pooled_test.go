package models

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// ScoreFree and Score against the general score and the chain rule, on both sides of the
// distances and weights at which they hand over to it. The general score loses the
// digits of a last weight near 0, so that the components change places if it is. An
// error in the log-odds of some units of their size, at most some hundreds here but for
// data that are far away, is one of as much in ℓ.
func TestMixtureScoreFree(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 15))
	for _, text := range []string{
		"mixture:k=2,sd=1", "mixture:k=2,sd=0.1", "mixture:k=2,sd=tied", "mixture:k=2,sd=1,bound=4", "mixture:k=2,sd=tied,bound=30",
	} {
		m := mustMixture(t, text)
		d := Dim(m)
		for _, n := range []int{1, 2, 7, 8, 100, 203, 1100} {
			for _, origin := range []float64{0, -3, 1e7} {
				if origin > 0 && !math.IsInf(m.bound, 1) {
					continue // all means far from the data, where Score has few digits
				}
				z := NewData(n, 0, 1)
				for i := range z.V {
					z.V[i] = origin + 1.5*rng.NormFloat64() + float64(i%2)
				}
				if n > 50 {
					z.V[n/2] += 200
				}
				l, err := m.Bind(z)
				if err != nil {
					t.Fatal(err)
				}
				theta, s := make([]float64, d), make([]float64, d)
				g, want, byTheta := make([]float64, d), make([]float64, d), make([]float64, d)
				mirror, sMirror := make([]float64, d), make([]float64, d)
				for try := range 60 {
					u := make([]float64, d)
					for i := range u {
						u[i] = rng.NormFloat64() * math.Pow(10, 1.5*rng.Float64()-0.5)
					}
					if d > 3 {
						u[3] = rng.NormFloat64()
					}
					if math.IsInf(m.bound, 1) {
						u[1] += origin
						u[2] += origin
					}
					switch try {
					case 0:
						u[2] = u[1]
					case 1:
						u[0] = 0
					case 2, 3:
						u[0] = 699.999 + 0.002*float64(try-2)
					case 4, 5:
						u[0] = -699.999 - 0.002*float64(try-4)
					case 6, 7:
						u[2] = u[1] + 15.999 + 0.002*float64(try-6)
					}
					ll := l.(FreeScorer).ScoreFree(g, u)
					swap := func(v []float64) {
						if u[0] > 0 {
							v[1], v[2] = v[2], v[1]
							v[0] = -v[0]
						}
					}
					x := slices.Clone(u)
					swap(x)
					m.FromFree(theta, x)
					wantLL := l.(*mixPooled).mixPair.Score(s, theta)
					m.PullScore(want, x, s)
					swap(want)
					// The same by θ, in either order of the components.
					thetaLL := l.(Scorer).Score(s, theta)
					m.PullScore(byTheta, x, s)
					swap(byTheta)
					if theta[0] > 0.01 && origin < 1e6 {
						copy(mirror, theta)
						mirror[0], mirror[1], mirror[2] = 1-theta[0], theta[2], theta[1]
						if other := l.(Scorer).Score(sMirror, mirror); !(math.Abs(other-thetaLL) <= 1e-13*math.Abs(other)) {
							t.Errorf("%s, n = %d at %v: ℓ = %v, of the mirror image %v", text, n, theta, thetaLL, other)
						}
						sMirror[0], sMirror[1], sMirror[2] = -sMirror[0], sMirror[2], sMirror[1]
						for i := range s {
							if !(math.Abs(sMirror[i]-s[i]) <= 1e-9*(math.Abs(s[i])+float64(n))) {
								t.Errorf("%s, n = %d at %v: score %v, of the mirror image %v", text, n, theta, s, sMirror)
							}
						}
					}
					if math.IsInf(wantLL, -1) {
						t.Fatalf("%s at %v: outside", text, u)
					}
					v := m.sigma * m.sigma
					if d > 3 {
						v = theta[3]
					}
					// Sizes: of e/σ at most, and what is summed.
					var far, sum float64
					for _, y := range z.V {
						e := math.Max(math.Abs(y-theta[1]), math.Abs(y-theta[2])) / math.Sqrt(v)
						far = math.Max(far, e)
						sum += e
					}
					const eps = 0x1p-52
					// The mean near 1e7 is known to 1e-9 σ and the log-odds to as much.
					scale := eps * (float64(n) + 50) * (1 + math.Abs(u[0]) + 8*far)
					scale += eps * math.Abs(origin) / math.Sqrt(v) * 10
					for _, ll := range []float64{ll, thetaLL} {
						if !(math.Abs(ll-wantLL) <= scale*(math.Abs(wantLL)+float64(n))) {
							t.Errorf("%s, n = %d at %v: ℓ = %v, want %v", text, n, u, ll, wantLL)
						}
					}
					bound := []float64{float64(n), sum / math.Sqrt(v), sum / math.Sqrt(v), float64(n) + sum*far}
					for i := range g {
						b := scale * bound[i]
						if (i == 1 || i == 2) && !math.IsInf(m.bound, 1) {
							b *= m.bound
						}
						if !(math.Abs(g[i]-want[i]) <= b) || !(math.Abs(byTheta[i]-want[i]) <= b) {
							t.Errorf("%s, n = %d at %v: score %d is %v, by θ %v, want %v", text, n, u, i, g[i], byTheta[i], want[i])
						}
					}
				}
			}
		}
	}
}

func TestMixtureScoreFreeEdges(t *testing.T) {
	for _, text := range []string{"mixture:k=2,sd=1", "mixture:k=2,sd=tied"} {
		m := mustMixture(t, text)
		d := Dim(m)
		l, _ := drawMixture(t, m, []float64{0.4, -0.5, 0.8, 1.1}[:d], 101, 1)
		f := l.(FreeScorer)
		g, u, theta := make([]float64, d), make([]float64, d), make([]float64, d)
		if n := testing.AllocsPerRun(10, func() { f.ScoreFree(g, u) }); n != 0 {
			t.Errorf("%s: %v allocations", text, n)
		}
		for i := range d {
			for _, x := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1e308, -1e308, 1e155, 50, -50} {
				if i == 0 && math.IsInf(x, 0) {
					continue // one component, as it were
				}
				clear(u)
				u[i] = x
				m.FromFree(theta, u)
				want := l.LogLik(theta)
				if ll := l.(Scorer).Score(g, theta); !(ll == want || math.Abs(ll-want) <= 1e-14*math.Abs(want)) {
					t.Errorf("%s: Score gives ℓ = %v at %v, want %v", text, ll, theta, want)
				}
				if ll := f.ScoreFree(g, u); !(ll == want || math.Abs(ll-want) <= 1e-14*math.Abs(want)) {
					t.Errorf("%s: ℓ = %v at u%d = %v, want %v", text, ll, i, x, want)
				}
			}
		}
	}
	// Other mixtures, and weighted ones, must not claim it.
	for _, text := range []string{"mixture:k=2", "mixture:k=3,sd=1", "mixture:k=2,dim=2,cov=tied"} {
		m := mustMixture(t, text)
		l, err := m.Bind(NewData(9, 0, m.Shape().Q))
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := l.(FreeScorer); ok {
			t.Errorf("%s has a ScoreFree", text)
		}
	}
	l, err := mustMixture(t, "mixture:k=2,sd=1").Bind(NewData(9, 0, 1))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := Weighted(l, make([]float64, 9)).(FreeScorer); ok {
		t.Error("a weighted mixture has a ScoreFree")
	}
}
