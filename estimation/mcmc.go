package estimation

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/neuromanifold/neuromanifold/models"
)

// A Density is the logarithm of an unnormalised density on R^d in two parts,
// base(x) + β ℓ(x): what a temperature leaves alone (a prior, a localisation, the
// Jacobian of the coordinates) and the log-likelihood. It owns scratch and serves
// one goroutine at a time. Evaluation allocates nothing.
type Density interface {
	Dim() int
	// LogDensity returns both parts; outside the support at least one is -Inf.
	LogDensity(x []float64) (base, loglik float64)
	// Score fills dst (Dim) with ∂(base + β ℓ)/∂x and returns both parts.
	// Outside the support dst is left unspecified.
	Score(dst, x []float64, beta float64) (base, loglik float64)
}

// A BatchDensity is a Density whose log-likelihood is a sum over rows that can
// be taken in part, as SGLD does.
type BatchDensity interface {
	Density
	Rows() int
	// BatchScore is Score with (Rows/len(rows)) Σ_{t ∈ rows} log p_t in the place
	// of ℓ. A row may be given twice.
	BatchScore(dst, x []float64, beta float64, rows []int) (base, loglik float64)
}

// A Kernel is a recipe for a Markov chain. Kernels are values without state: one
// serves any number of chains.
type Kernel interface {
	// Init starts a chain on t at inverse temperature beta from x, which is
	// copied and must lie in the support. The first warmup steps may adapt; from
	// then on the transition is fixed. It returns an error if t lacks what the
	// kernel needs, or if a setting is out of range.
	Init(t Density, beta float64, x []float64, warmup int) (Chain, error)
	String() string
}

// A Chain is a running Markov chain. It serves one goroutine; Step allocates
// nothing.
type Chain interface {
	Step(rng *rand.Rand) Move
	// Point is where the chain is. The caller must not modify it.
	Point() *Point
	// Scale is the step size in use.
	Scale() float64
}

// A Point is a state of a chain with its log-density in parts. A chain that does
// not know ℓ at its point (SGLD) has NaN there.
type Point struct {
	X            []float64
	Base, LogLik float64
}

// A Move says what one step did.
type Move struct {
	// Accept is the acceptance probability, or its mean over the proposals of
	// the step; NaN for a kernel that rejects nothing.
	Accept float64
	// Divergent says that the discretisation lost the energy (error above 1000
	// nats, as in Stan): curvature that the step size does not resolve.
	Divergent bool
	// Outside says that the proposal ended at a wall of the support.
	Outside bool
	// Evals is the work, in evaluations of the whole log-likelihood with or
	// without its gradient; a batch counts as its share of the rows.
	Evals float64
}

// ladderChain is a Chain with replicas at several temperatures.
type ladderChain interface {
	Chain
	rungs() int
	rung(k int) *Point
	swapRates(dst []float64)
}

// MCMCOptions sets how Sample works. Its zero value works.
type MCMCOptions struct {
	Chains int     // 0 means 4
	Warmup int     // steps not kept, during which kernels adapt; 0 means 1000, −1 none
	Draws  int     // kept per chain; 0 means 1000
	Thin   int     // steps per kept draw; 0 means 1
	Beta   float64 // inverse temperature; 0 means 1
	// Start fills dst with the start of a chain; nil means the origin plus N(0, 1)
	// noise. It is called again, up to 100 times, while the density there is 0.
	Start func(dst []float64, chain int, rng *rand.Rand)
	// Width and Record keep quantities of the draws beside x and ℓ: Record fills
	// dst (Width) from draw x of a chain, as log-likelihoods of the rows or θ.
	Width  int
	Record func(dst []float64, chain int, x []float64)
	Each   models.Each
	Rand   *rand.Rand // nil means a fixed seed
}

// A Trace is what the chains of Sample kept.
type Trace struct {
	Dim, Chains, Length int
	// X has the draws of a chain as a Length×Dim block in row-major order.
	X [][]float64
	// LogLik has ℓ of every draw, by chain.
	LogLik [][]float64
	// Extra has what MCMCOptions.Record kept, Length×Width in row-major order.
	Extra [][]float64
	// Rungs has, for parallel tempering, ℓ on every rung by chain: [chain][rung].
	Rungs    [][][]float64
	SwapRate []float64 // between neighbouring rungs, the mean over the chains
	// What the chains did after warmup. Divergent and Outside are counts of steps,
	// Accept the mean acceptance probability by chain, Scale the step size.
	Accept    []float64
	Scale     []float64
	Divergent int
	Outside   int
	Steps     int     // after warmup, of all chains
	Evals     float64 // evaluations of ℓ in all, warmup included
}

// Column returns coordinate j of the draws by chain, newly allocated.
func (t *Trace) Column(j int) [][]float64 { return columns(t.X, t.Dim, j) }

// ExtraColumn returns column j of what was recorded, by chain.
func (t *Trace) ExtraColumn(j int) [][]float64 {
	if t.Extra == nil {
		panic("estimation: nothing was recorded")
	}
	return columns(t.Extra, len(t.Extra[0])/t.Length, j)
}

func columns(blocks [][]float64, width, j int) [][]float64 {
	if j < 0 || j >= width {
		panic("estimation: column out of range")
	}
	out := make([][]float64, len(blocks))
	for c, b := range blocks {
		col := make([]float64, 0, len(b)/width)
		for i := j; i < len(b); i += width {
			col = append(col, b[i])
		}
		out[c] = col
	}
	return out
}

// Row returns draw i of chain c, a view.
func (t *Trace) Row(c, i int) []float64 { return t.X[c][i*t.Dim : (i+1)*t.Dim] }

// ErrNoSupport is returned where no start with a positive density was found.
var ErrNoSupport = errors.New("no start with a positive density")

// Sample runs independent chains of a kernel. density makes the Density of one
// chain, for it owns scratch; chains go through opt.Each. A chain that rejects
// everything or diverges is a result, which the diagnostics show, and not an
// error; errors are settings out of range, no start inside the support, and the
// end of ctx.
func Sample(ctx context.Context, density func() (Density, error), kernel Kernel, opt MCMCOptions) (*Trace, error) {
	if err := opt.fill(); err != nil {
		return nil, err
	}
	n := opt.Chains
	out := &Trace{
		Chains: n, Length: opt.Draws, Steps: n * opt.Draws * opt.Thin,
		X: make([][]float64, n), LogLik: make([][]float64, n), Accept: make([]float64, n), Scale: make([]float64, n),
	}
	if opt.Width > 0 {
		out.Extra = make([][]float64, n)
	}
	runs := make([]mcmcRun, n)
	err := opt.Each(n, func(c int, rng *rand.Rand) error {
		t, err := density()
		if err != nil {
			return err
		}
		return runs[c].run(ctx, t, kernel, c, &opt, rng)
	})
	if err != nil {
		return nil, fmt.Errorf("%v: %w", kernel, err)
	}
	for c := range runs {
		r := &runs[c]
		out.Dim = r.dim
		out.X[c], out.LogLik[c], out.Accept[c], out.Scale[c] = r.x, r.loglik, r.accept, r.scale
		if opt.Width > 0 {
			out.Extra[c] = r.extra
		}
		if r.rungs != nil {
			out.Rungs = append(out.Rungs, r.rungs)
			if out.SwapRate == nil {
				out.SwapRate = make([]float64, len(r.swaps))
			}
			for k, s := range r.swaps {
				out.SwapRate[k] += s / float64(n)
			}
		}
		out.Divergent += r.divergent
		out.Outside += r.outside
		out.Evals += r.evals
	}
	return out, nil
}

func (opt *MCMCOptions) fill() error {
	def := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	def(&opt.Chains, 4)
	def(&opt.Warmup, 1000)
	def(&opt.Draws, 1000)
	def(&opt.Thin, 1)
	if opt.Warmup == -1 {
		opt.Warmup = 0
	}
	if opt.Beta == 0 {
		opt.Beta = 1
	}
	if opt.Chains < 1 || opt.Warmup < 0 || opt.Draws < 1 || opt.Thin < 1 || !(opt.Beta > 0) || math.IsInf(opt.Beta, 1) {
		return fmt.Errorf("%d chains, warmup %d, %d draws, thinned by %d, β = %v: want positive numbers", opt.Chains, opt.Warmup, opt.Draws, opt.Thin, opt.Beta)
	}
	if opt.Width < 0 || (opt.Width > 0) != (opt.Record != nil) {
		return fmt.Errorf("record %d values with Record set: %t: want both or neither", opt.Width, opt.Record != nil)
	}
	if opt.Each == nil {
		rng := opt.Rand
		if rng == nil {
			rng = rand.New(rand.NewPCG(1, 2))
		}
		opt.Each = models.Serial(rng)
	}
	return nil
}

// An mcmcRun is one chain of Sample.
type mcmcRun struct {
	dim                int
	x, loglik, extra   []float64
	rungs              [][]float64
	swaps              []float64
	accept, scale      float64
	divergent, outside int
	evals              float64
}

func (r *mcmcRun) run(ctx context.Context, t Density, kernel Kernel, c int, opt *MCMCOptions, rng *rand.Rand) error {
	r.dim = t.Dim()
	start := make([]float64, r.dim)
	if err := findStart(t, start, c, opt, rng); err != nil {
		return err
	}
	chain, err := kernel.Init(t, opt.Beta, start, opt.Warmup)
	if err != nil {
		return err
	}
	ladder, _ := chain.(ladderChain)
	r.x = make([]float64, opt.Draws*r.dim)
	r.loglik = make([]float64, opt.Draws)
	r.extra = make([]float64, opt.Draws*opt.Width)
	if ladder != nil {
		r.rungs = make([][]float64, ladder.rungs())
		for k := range r.rungs {
			r.rungs[k] = make([]float64, opt.Draws)
		}
	}
	const between = 64 // steps between two looks at the context
	for i := range opt.Warmup {
		if i%between == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		r.evals += chain.Step(rng).Evals
	}
	for i := range opt.Draws * opt.Thin {
		if i%between == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		mv := chain.Step(rng)
		r.accept += mv.Accept / float64(opt.Draws*opt.Thin)
		r.evals += mv.Evals
		if mv.Divergent {
			r.divergent++
		}
		if mv.Outside {
			r.outside++
		}
		if (i+1)%opt.Thin != 0 {
			continue
		}
		k := i / opt.Thin
		p := chain.Point()
		copy(r.x[k*r.dim:], p.X)
		r.loglik[k] = p.LogLik
		if math.IsNaN(p.LogLik) {
			_, r.loglik[k] = t.LogDensity(p.X)
			r.evals++
		}
		if opt.Record != nil {
			opt.Record(r.extra[k*opt.Width:(k+1)*opt.Width], c, p.X)
		}
		for j := range r.rungs {
			r.rungs[j][k] = ladder.rung(j).LogLik
		}
	}
	r.scale = chain.Scale()
	if ladder != nil {
		r.swaps = make([]float64, ladder.rungs()-1)
		ladder.swapRates(r.swaps)
	}
	return nil
}

func findStart(t Density, start []float64, c int, opt *MCMCOptions, rng *rand.Rand) error {
	for range 100 {
		if opt.Start != nil {
			opt.Start(start, c, rng)
		} else {
			for i := range start {
				start[i] = rng.NormFloat64()
			}
		}
		base, loglik := t.LogDensity(start)
		if v := base + opt.Beta*loglik; !math.IsInf(v, 0) && !math.IsNaN(v) {
			return nil
		}
	}
	return ErrNoSupport
}
