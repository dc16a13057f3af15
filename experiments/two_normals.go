package experiments

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/neuromanifold/neuromanifold/estimation"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/singular"
)

// What the experiments on two normal components share.

// mixtureVariance reads the key variance: known, tied or free.
func mixtureVariance(text string) (models.MixtureVariance, error) {
	switch text {
	case "known":
		return models.VarKnown, nil
	case "tied":
		return models.VarTied, nil
	case "free":
		return models.VarFree, nil
	}
	return 0, KeyError("variance", "%q: allowed is known, tied or free", text)
}

func checkMeanBound(bound float64) error {
	if !(bound > 0 && bound <= 30) {
		return KeyError("bound", "%v: allowed is above 0 and at most 30", bound)
	}
	return nil
}

// centre moves the mean of z to 0 and returns what it was: the bound on the means
// is a distance from the sample mean, and neither maximum depends on the location
// of the data.
func centre(z *models.Data) float64 {
	sum := 0.0
	for _, v := range z.V {
		sum += v
	}
	mean := sum / float64(z.N)
	for i := range z.V {
		z.V[i] -= mean
	}
	return mean
}

// checkNearNull checks the keys that the experiments near one normal share.
func checkNearNull(share float64, variance string, bound float64, starts, draws int) error {
	if err := checkMeanBound(bound); err != nil {
		return err
	}
	if _, err := mixtureVariance(variance); err != nil {
		return err
	}
	switch {
	case !(share > 0 && share < 1):
		return KeyError("share", "%v: allowed is between 0 and 1", share)
	case starts < 0:
		return KeyError("starts", "%d: allowed is 0 or more", starts)
	}
	return checkDraws(draws)
}

// moved returns θ of two components with the origin of the data moved to mean, and the
// start that it makes: itself, unless a mean is then beyond the bound.
func moved(theta []float64, mean, bound float64) (point []float64, given [][]float64) {
	point = slices.Clone(theta)
	point[1] -= mean
	point[2] -= mean
	if math.Max(math.Abs(point[1]), math.Abs(point[2])) <= bound {
		given = [][]float64{point}
	}
	return point, given
}

// A twoNormalsFit is a centred sample under two components and under one.
type twoNormalsFit struct {
	model  *models.Mixture
	l      models.Likelihood
	fit    estimation.Fit
	null   float64   // ℓ of one component, as a point of two
	theta1 []float64 // its θ
	sup    float64   // squared positive supremum of the score process, variance 1 known
}

// statistic is the likelihood ratio of two components against one, never below 0.
func (f *twoNormalsFit) statistic() float64 { return 2 * math.Max(0, f.fit.LogLik-f.null) }

// fitTwoNormals fits one and two components of variance 1 (known), common (tied)
// or their own (free) to z, which is centred, with means within bound of 0. The
// maximum of one is in closed form: mean 0 and, unless it is known, the sample
// variance. Starts of two are one component embedded, light components added to
// it, those given, and random ones.
func fitTwoNormals(ctx context.Context, variance models.MixtureVariance, bound float64, z *models.Data, starts int, given [][]float64, rng *rand.Rand) (*twoNormalsFit, error) {
	set := models.MixtureSettings{Variance: variance, Bound: bound}
	one := set
	one.K = 1
	m1, err := models.NewMixture(one)
	if err != nil {
		return nil, err
	}
	m2, err := models.NewMixture(set)
	if err != nil {
		return nil, err
	}
	f := &twoNormalsFit{model: m2, theta1: make([]float64, models.Dim(m1))}
	if len(f.theta1) == 2 {
		for _, v := range z.V {
			f.theta1[1] += v * v / float64(z.N)
		}
	}
	if f.l, err = m2.Bind(z); err != nil {
		return nil, err
	}
	start := make([]float64, models.Dim(m2))
	if !m2.Embed(start, m1, f.theta1) {
		return nil, fmt.Errorf("%v does not contain %v", m2, m1)
	}
	// One component as a point of two: the same sum in the same order, so that
	// rounding cannot make the larger model the worse one.
	f.null = f.l.LogLik(start)
	if starts == 0 {
		starts = -1 // the given starts alone
	}
	score, err := singular.NewMixtureScore(bound)
	if err != nil {
		return nil, err
	}
	var at float64
	f.sup, at = score.Sup(z.V)
	all := append([][]float64{start}, addedComponents(f.l, start, z, bound, at)...)
	all = append(all, given...)
	f.fit, err = estimation.MultiStart{Starts: starts, Given: all}.Maximize(ctx, f.l, nil, rng)
	return f, err
}

// addedComponents returns starts that random ones rarely hit: a light second
// component at the data's extremes, where one observation alone can carry it,
// and where the score process is highest, which is the steepest way out of one
// component (Lindsay 1983, Annals of Statistics 11:86-94). The weight of each is
// the best of a few; the other component keeps the overall mean at 0.
func addedComponents(l models.Likelihood, null []float64, z *models.Data, bound, steepest float64) [][]float64 {
	lo, hi := z.V[0], z.V[0]
	for _, v := range z.V {
		lo, hi = math.Min(lo, v), math.Max(hi, v)
	}
	n := float64(z.N)
	var starts [][]float64
	for _, t := range [3]float64{steepest, lo, hi} {
		t = math.Max(-bound, math.Min(bound, t))
		if t == 0 {
			continue // no way out of one component goes up
		}
		best, top := []float64(nil), math.Inf(-1)
		for _, w := range [7]float64{0.5 / n, 1 / n, 2 / n, 5 / n, 0.02, 0.1, 0.3} {
			theta := append([]float64(nil), null...)
			theta[0], theta[1], theta[2] = w, t, -w*t/(1-w)
			if ll := l.LogLik(theta); ll > top {
				best, top = theta, ll
			}
		}
		if best != nil {
			starts = append(starts, best)
		}
	}
	return starts
}

// A nearNull is a truth near one normal: weight on the larger of two means that
// are h n^(−1/root) apart and have the overall mean 0, variance 1; one normal if
// root is 0.
type nearNull struct {
	weight, h float64
	root, n   int
}

// apart is the true distance of the means, u in spec coordinates.
func (t nearNull) apart() float64 {
	if t.root == 0 {
		return 0
	}
	return t.h * math.Pow(float64(t.n), -1/float64(t.root))
}

// theta is the truth as a point of the given model, larger mean first.
func (t nearNull) theta(variance models.MixtureVariance) []float64 {
	u := t.apart()
	theta := []float64{t.weight, (1 - t.weight) * u, -t.weight * u}
	switch variance {
	case models.VarTied:
		theta = append(theta, 1)
	case models.VarFree:
		theta = append(theta, 1, 1)
	}
	return theta
}

// sample draws the data of a replicate.
func (t nearNull) sample(k mc.Key) (*models.Data, error) {
	m, err := models.NewMixture(models.MixtureSettings{Variance: models.VarKnown})
	if err != nil {
		return nil, err
	}
	z := models.NewData(t.n, 0, 1)
	m.Sample(z, t.theta(models.VarKnown), k.Stream("data"))
	return z, nil
}

// secondMoment is V u² of the truth, V = v(1−v): how much the mixing law adds to
// the variance.
func (t nearNull) secondMoment() float64 {
	u := t.apart()
	return t.weight * (1 - t.weight) * u * u
}

// A localLimit is what theory says of the likelihood ratio at a truth near one
// normal as n → ∞.
type localLimit struct {
	law *singular.Limit // of T; nil where T has no limit law
	// drift is the mean δ of the normalised score of the truth's direction.
	drift float64
	// regular counts the coordinates of one normal, which are regular.
	regular float64
	source  string
}

// limit returns the limit law at the truth. In the expansion of a mixture around
// one normal (see models/doc.go),
//
//	p = N(w, 1) [1 + ½ V u² H₂ + ⅙ V(1−2v) u³ H₃ + …],
//
// the first term that one normal does not absorb is H₂ with the variance known
// and H₃ with a common free one. So the truth is felt at u ~ n^(−1/4) as a mean
// δ = √n V u²/√2 of that score, or at u ~ n^(−1/6) as δ = √n V(1−2v) u³/√6, and
// not at all nearer by (with equal weights H₃ vanishes, and a common free variance
// hides the truth up to n^(−1/8)). With the variance known, u ~ n^(−1/6) is already regular:
// there w, V u² and V(1−2v) u³ are coordinates that n^(−1/2) resolves.
func (t nearNull) limit(variance models.MixtureVariance, bound float64, draws, workers int) (localLimit, error) {
	out := localLimit{source: "Liu and Shao (2003), kernel derived here"}
	v := t.weight
	name, felt := "homogeneity", 4
	switch variance {
	case models.VarKnown:
		out.regular = 1
		out.drift = v * (1 - v) * t.h * t.h / math.Sqrt2
	case models.VarTied:
		name, felt, out.regular = "homogeneity-tied", 6, 2
		out.drift = v * (1 - v) * (1 - 2*v) * t.h * t.h * t.h / math.Sqrt(6)
	default:
		return localLimit{}, nil // the likelihood is unbounded
	}
	switch {
	case t.root == 0 || t.root < felt:
		out.drift = 0
	case t.root > felt:
		return localLimit{regular: out.regular}, nil
	default:
		out.source = "the same law with the mean of the local alternative, derived here"
	}
	var err error
	out.law, err = runLocalLaw(name, map[string]float64{"bound": bound}, 0, out.drift, draws, workers)
	return out, err
}
