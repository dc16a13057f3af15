package experiments

import (
	"context"
	"math"
	"math/rand/v2"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"

	"github.com/neuromanifold/neuromanifold/dynamics"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/models/datasets"
	"github.com/neuromanifold/neuromanifold/singular"
)

// What the experiments on the Fisher information of mini-batches share.

const (
	liao2020  = "Z. Liao, T. Drummond, I. Reid, G. Carneiro (2020), Approximate Fisher information matrix to characterize the training of deep neural networks, IEEE Transactions on Pattern Analysis and Machine Intelligence 42(1):15-26"
	optdigits = "E. Alpaydin, C. Kaynak (1998), Optical recognition of handwritten digits, UCI Machine Learning Repository"

	digitClasses = 10
)

// A digitsTask is a classifier of the bundled digits and how it is trained.
type digitsTask struct {
	Hidden []int `toml:"hidden" doc:"units of each hidden layer (relu)"`
	Train  int   `toml:"train" doc:"images to train on, of 1797; the others are the test set"`
	Epochs int   `toml:"epochs" doc:"passes over the training images; the learning rate is divided by 10 after half and again after three quarters of them"`
	Every  int   `toml:"every" doc:"distance of the steps at which the Fisher information of the batch is measured"`
}

func defaultDigits() digitsTask {
	return digitsTask{Hidden: []int{64}, Train: 1437, Epochs: 40, Every: 5}
}

func smokeDigits() digitsTask { return digitsTask{Hidden: []int{8}, Train: 200, Epochs: 2, Every: 2} }

func (t digitsTask) check(batches []int, rates []float64, momenta []float64) error {
	if len(t.Hidden) == 0 {
		return KeyError("task.hidden", "want a layer")
	}
	for _, h := range t.Hidden {
		if h < 1 || h > 1000 {
			return KeyError("task.hidden", "%d: allowed is 1 to 1000", h)
		}
	}
	if t.Train < 1 || t.Train > 1796 {
		return KeyError("task.train", "%d: allowed is 1 to 1796", t.Train)
	}
	if t.Epochs < 1 || t.Every < 1 {
		return KeyError("task.epochs", "%d epochs, measured every %d steps: allowed is 1 or more", t.Epochs, t.Every)
	}
	if len(batches) == 0 || len(rates) == 0 {
		return KeyError("rate", "want a batch size and a learning rate")
	}
	for _, b := range batches {
		if b < 1 || b > t.Train {
			return KeyError("batch", "%d: allowed is 1 to %d, the images to train on", b, t.Train)
		}
	}
	for _, r := range rates {
		if !(r > 0) || math.IsInf(r, 0) {
			return KeyError("rate", "%v: allowed is a finite number above 0", r)
		}
	}
	for _, m := range momenta {
		if !(m >= 0 && m < 1) {
			return KeyError("momentum", "%v: allowed is 0 to below 1", m)
		}
	}
	return nil
}

// digits returns the bundled images with grey levels over 16, then the digit.
func digits() (*models.Data, error) {
	set, err := datasets.Lookup("digits")
	if err != nil {
		return nil, err
	}
	table, err := set.Table()
	if err != nil {
		return nil, err
	}
	z := &models.Data{N: table.N, P: len(table.Names) - 1, Q: 1, V: table.V}
	for i := range z.N {
		for j := range z.P {
			z.Row(i)[j] /= 16
		}
	}
	return z, nil
}

// split returns the images in the given order, cut into a training and a test set,
// both centred by the mean of the training images.
func (t digitsTask) split(all *models.Data, order []int) (train, test *models.Data) {
	train, test = models.NewData(t.Train, all.P, 1), models.NewData(all.N-t.Train, all.P, 1)
	mean := make([]float64, all.P)
	for i, from := range order {
		if i >= t.Train {
			copy(test.Row(i-t.Train), all.Row(from))
			continue
		}
		copy(train.Row(i), all.Row(from))
		for j, v := range all.X(from) {
			mean[j] += v / float64(t.Train)
		}
	}
	for _, z := range []*models.Data{train, test} {
		for i := range z.N {
			for j, m := range mean {
				z.Row(i)[j] -= m
			}
		}
	}
	return train, test
}

func (t digitsTask) model() (*models.DeepMLP, error) {
	return models.NewDeepMLP(models.DeepMLPSettings{In: 64, Hidden: t.Hidden, Out: digitClasses, Act: models.ReLUUnit, Bias: true, Softmax: true})
}

type liaoRow struct {
	Condition float64 `parquet:"condition" doc:"mean truncated condition number of J over the measured steps, C̄"`
	Median    float64 `parquet:"condition_median" doc:"median of the same, which single fitted images do not move"`
	Cosine    float64 `parquet:"condition_cosine" doc:"median condition number of gradients scaled to length 1"`
	Energy    float64 `parquet:"energy" doc:"weighted cumulative energy L = Σ (α/B) √tr JJᵀ"`
	Effective float64 `parquet:"energy_effective" doc:"L/(1−μ)"`
	Rank      float64 `parquet:"rank_fraction" doc:"mean numerical rank of J over B"`
	Stable    float64 `parquet:"stable_rank" doc:"mean of Σλ/λ_max"`
	Entropy   float64 `parquet:"effective_rank" doc:"mean of the exponential of the entropy of λ/Σλ"`
	First     float64 `parquet:"trace_first" doc:"tr JJᵀ/B at the first step"`
	Last      float64 `parquet:"trace_last" doc:"mean of tr JJᵀ/B over the last tenth of the measured steps"`
	Loss      float64 `parquet:"train_loss" unit:"nats" doc:"mean cross-entropy of the training images at the end"`
	Train     float64 `parquet:"train_error" doc:"share of training images classified wrongly at the end"`
	Test      float64 `parquet:"test_error" doc:"share of test images classified wrongly at the end"`
	Steps     int     `parquet:"steps" doc:"updates"`
	Status    string  `parquet:"status" doc:"diverged where the loss or the parameters were no longer finite"`
}

// train runs one training. Split, weights and the order of the images depend on the
// seed and the replicate, so that cells are compared on common random numbers. A new
// split for each replicate, because that moves the test error, a share of some
// hundred images, more than the weights do.
func (t digitsTask) train(ctx context.Context, stages []dynamics.Stage, momentum float64, k mc.Key) (liaoRow, error) {
	all, err := digits()
	if err != nil {
		return liaoRow{}, err
	}
	m, err := t.model()
	if err != nil {
		return liaoRow{}, err
	}
	k.Cell = "training"
	theta := make([]float64, models.Dim(m))
	m.Net().Random(theta, 2, 0, k.Stream("weights")) // He et al. (2015) for relu
	train, test := t.split(all, k.Stream("split").Perm(all.N))
	plan := dynamics.Training{Stages: stages, Momentum: momentum, Every: t.Every}
	return trainDigits(ctx, plan, m, theta, train, test, k.Stream("order"))
}

// trainDigits trains θ as planned and returns what the monitor saw and the errors at
// the end.
func trainDigits(ctx context.Context, plan dynamics.Training, m *models.DeepMLP, theta []float64, train, test *models.Data, rng *rand.Rand) (liaoRow, error) {
	l, err := m.Bind(train)
	if err != nil {
		return liaoRow{}, err
	}
	monitor := &dynamics.LiaoMonitor{Momentum: plan.Momentum}
	r, err := plan.Run(ctx, l, theta, monitor, rng)
	if err != nil {
		return liaoRow{}, err
	}
	s := monitor.Summary()
	row := liaoRow{
		Condition: s.MeanCondition, Median: s.MedianCondition, Cosine: s.MedianCosine, Energy: s.Energy, Effective: s.EffectiveEnergy,
		Rank: s.RankFraction, Stable: s.StableRank, Entropy: s.EffectiveRank, First: s.FirstTrace, Last: s.LastTrace,
		Loss: -l.LogLik(theta) / float64(train.N), Train: wrong(m, theta, train), Test: wrong(m, theta, test),
		Steps: r.Steps, Status: Converged,
	}
	if r.Diverged > 0 {
		row.Status = diverged
	}
	return row, nil
}

// wrong returns the share of images whose likeliest class is not their digit.
func wrong(m *models.DeepMLP, theta []float64, z *models.Data) float64 {
	f := m.Outputs(theta, z)
	n := 0
	for i := range z.N {
		best := 0
		for k, v := range f.RawRowView(i) {
			if v > f.At(i, best) {
				best = k
			}
		}
		if float64(best) != z.Y(i)[0] {
			n++
		}
	}
	return float64(n) / float64(z.N)
}

// firstTrace is what mean field says of tr JJᵀ/B before the first step: over the
// images, K1 at the norm of the image, the mean square of a gradient of one output,
// times E|g − y|² = 1 − 2/C + E Σ_k g_k², for class probabilities g of the limiting
// outputs, which know nothing of the label (derived here).
func (t digitsTask) firstTrace() (singular.Estimate, error) {
	all, err := digits()
	if err != nil {
		return singular.Estimate{}, err
	}
	t.Train = all.N - 1 // where the mean is that of all images but one
	images, _ := t.split(all, mc.Key{}.Stream("images").Perm(all.N))
	net := singular.WideNet{Act: models.ReLUUnit, VarW: 2, Widths: append([]int{all.P}, t.Hidden...), Outputs: digitClasses}
	rng := mc.Key{Experiment: "liao"}.Stream("theory")
	draws, g := make([]float64, 40), make([]float64, digitClasses)
	for i := range images.N {
		x := images.X(i)
		net.InputNorm = floats.Dot(x, x) / float64(all.P)
		m, err := singular.NewMeanField(net)
		if err != nil {
			return singular.Estimate{}, err
		}
		sd := math.Sqrt(m.QSame[len(m.QSame)-1])
		for d := range draws {
			for k := range g {
				g[k] = math.Exp(sd * rng.NormFloat64())
			}
			sum := floats.Sum(g)
			draws[d] += m.K1 * (1 - 2./digitClasses + floats.Dot(g, g)/(sum*sum)) / float64(images.N)
		}
	}
	mean, sd := stat.MeanStdDev(draws, nil)
	return singular.Estimate{Value: mean, SE: sd / math.Sqrt(float64(len(draws)))}, nil
}

// liaoLines are the columns that a table of trainings shows.
func (t digitsTask) liaoLines() ([]Line[liaoRow], error) {
	first, err := t.firstTrace()
	return []Line[liaoRow]{
		measured("mean condition number", func(r liaoRow) float64 { return r.Condition }),
		measured("median condition number", func(r liaoRow) float64 { return r.Median }),
		measured("median of unit gradients", func(r liaoRow) float64 { return r.Cosine }),
		measured("weighted energy L", func(r liaoRow) float64 { return r.Energy }),
		measured("L/(1−μ)", func(r liaoRow) float64 { return r.Effective }),
		drawnLine("trace/B at the first step", func(r liaoRow) float64 { return r.First }, first, "mean field, derived here"),
		measured("trace/B at the end", func(r liaoRow) float64 { return r.Last }),
		measured("train loss (nats)", func(r liaoRow) float64 { return r.Loss }),
		measured("train error (%)", func(r liaoRow) float64 { return 100 * r.Train }),
		measured("test error (%)", func(r liaoRow) float64 { return 100 * r.Test }),
		measured("updates", func(r liaoRow) float64 { return float64(r.Steps) }),
	}, err
}

// errorBins sort trainings by test error, for a picture in which colour is the
// error.
var errorBins = [...]struct {
	below float64
	name  string
}{{0.01, "below 1 % test error"}, {0.02, "1 to 2 %"}, {0.04, "2 to 4 %"}, {0.1, "4 to 10 %"}, {math.Inf(1), "10 % and more"}}

// errorBin returns the index of the bin of a test error.
func errorBin(e float64) int {
	for i, b := range errorBins {
		if e < b.below {
			return i
		}
	}
	return len(errorBins) - 1
}

// mean1 is the mean of f over the rows of a cell.
func mean1(x Sample[liaoRow], f func(r liaoRow) float64) (v, se float64) {
	v, se, _ = Mean(f)(x)
	return v, se
}
