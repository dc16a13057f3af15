package estimation

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/neuromanifold/neuromanifold/models"
)

// bootstrap draws data from the fit of H0, fits both hypotheses to each draw as
// to the data, and fills in the p-value (1 + #{T* ≥ T})/(B + 1) with its binomial
// standard error (Davison and Hinkley 1997, section 4.2; McLachlan 1987 for
// mixtures). A replicate without a statistic counts as one that reached T, so
// that failures never make a result significant.
func (p *pair) bootstrap(ctx context.Context, r *TestResult, f *pairFit, z *models.Data, opt TestOptions) error {
	starts := opt.BootstrapStarts
	if starts == 0 {
		starts = opt.Starts
		if p.form != nil && p.form.variance != models.VarFree {
			starts = 5
		}
	}
	theta := r.Fit0.Theta // in the units and place of the data
	stats := make([]float64, opt.Bootstrap)
	each := opt.Each
	if each == nil {
		each = models.Serial(opt.Rand)
	}
	err := each(opt.Bootstrap, func(i int, rng *rand.Rand) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if opt.Replicated != nil {
			defer opt.Replicated()
		}
		stats[i] = math.NaN()
		draw := z.Clone() // conditioning columns stay
		p.h0.Sample(draw, theta, rng)
		if draw.Check() != nil {
			return nil
		}
		g, err := p.fit(ctx, draw, starts, nil, rng)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil || g.fit0.Status == Failed || g.fit1.Status == Failed:
			return nil // counted below
		}
		stats[i] = g.statistic
		return nil
	})
	if err != nil {
		return err
	}
	reached := 0
	for _, t := range stats {
		switch {
		case math.IsNaN(t):
			r.Failed++
			reached++
		case t >= r.Statistic:
			reached++
		}
	}
	b := float64(opt.Bootstrap)
	r.Replicates = opt.Bootstrap
	pv := (1 + float64(reached)) / (b + 1)
	r.Bootstrap = PValue{P: pv, SE: math.Sqrt(pv * (1 - pv) / b), Law: fmt.Sprintf("parametric bootstrap, %d replicates", opt.Bootstrap)}
	if r.Failed > 0 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("%d of %d bootstrap replicates failed and count against H1", r.Failed, opt.Bootstrap))
	}
	return nil
}
