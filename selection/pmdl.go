package selection

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/neuromanifold/neuromanifold/estimation"
	"github.com/neuromanifold/neuromanifold/models"
)

// A Prequential is the accumulated predictive code length of a model that is
// refitted while the data come in.
type Prequential struct {
	NL     float64   // Σ_{t>First} −log p(y_t | y_<t; θ̂ of the rows before), nats, mean over the orders
	SE     float64   // of that mean, from its spread between orders; NaN for a series, which has one
	First  int       // rows that are conditioned on, the same for every candidate: NL is of the others
	Codes  []float64 // NL of each random order of the rows, one for a series
	Refits int       // fits for one order of the rows
	Worst  int       // fits that ended on a variance floor or at a small component

	refused string // why there is none, with First = 0
}

const (
	prequentialRefits = 12
	prequentialOrders = 4
	prequentialStarts = 3
)

// prefixes computes the prequential codes.
func (c *comparison) prefixes(ctx context.Context) error {
	if c.needs&NeedPrefixes == 0 {
		return nil
	}
	first := 0
	for _, m := range c.all {
		first = max(first, 2*models.Dim(m.Model)+2)
	}
	first = max(first, 10)
	n := c.all[0].Likelihood.N()
	if 2*first > n {
		for _, m := range c.all {
			m.Prequential = &Prequential{refused: fmt.Sprintf("needs %d rows: twice the %d on which the largest model is first fitted", 2*first, first)}
		}
		return nil
	}
	c.opt.Progress("coding prefixes")
	rng, each := c.opt.Streams("prefix")
	orders := reorder(c.z, c.all[0].Model.Shape().Series, rng) // the same for all candidates
	// The largest models first: their tasks take longest.
	by := c.byDim()
	slices.Reverse(by)
	parts := make([][]Prequential, len(c.all))
	for i := range parts {
		parts[i] = make([]Prequential, len(orders))
	}
	err := each(len(by)*len(orders), func(t int, rng *rand.Rand) error {
		i, o := by[t/len(orders)], t%len(orders)
		var err error
		if parts[i][o], err = prequential(ctx, c.all[i].Model, orders[o], first, rng); err != nil {
			return fmt.Errorf("%s: %w", c.all[i].Name, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i, m := range c.all {
		m.Prequential = collect(parts[i])
	}
	return nil
}

// reorder returns the orders of the rows in which they are coded: exchangeable ones
// in several random orders, because a plug-in code depends on it, a series in its own.
func reorder(z *models.Data, series bool, rng *rand.Rand) []*models.Data {
	if series {
		return []*models.Data{z}
	}
	out := make([]*models.Data, prequentialOrders)
	for o := range out {
		rows := z.Clone()
		rng.Shuffle(z.N, func(i, j int) {
			a, b := rows.Row(i), rows.Row(j)
			for k := range a {
				a[k], b[k] = b[k], a[k]
			}
		})
		out[o] = rows
	}
	return out
}

// collect averages over the orders.
func collect(orders []Prequential) *Prequential {
	values := make([]float64, len(orders))
	out := &Prequential{First: orders[0].First, Codes: values, Refits: orders[0].Refits, SE: math.NaN()}
	for o, p := range orders {
		values[o] = p.NL
		out.Worst += p.Worst
	}
	mean, v := meanVar(values)
	out.NL = mean
	if len(orders) > 1 {
		out.SE = math.Sqrt(v / float64(len(orders)))
	}
	return out
}

// prequential computes the predictive code of Dawid (1984, J. R. Statist. Soc. A
// 147, 278) and Rissanen (1986) of the rows in this order from Terms: θ̂ is refitted on
// growing prefixes at geometric times, from the last fit and fresh starts, and codes
// the rows up to the next refit.
func prequential(ctx context.Context, m models.Model, z *models.Data, first int, rng *rand.Rand) (Prequential, error) {
	p := Prequential{First: first, SE: math.NaN()}
	all, err := m.Bind(z)
	if err != nil {
		return p, err
	}
	terms := make([]float64, z.N)
	var last []float64
	step := math.Pow(float64(z.N)/float64(p.First), 1.0/prequentialRefits)
	for from := p.First; from < z.N; {
		to := min(max(int(float64(from)*step+0.5), from+1), z.N)
		prefix := &models.Data{N: from, P: z.P, Q: z.Q, V: z.V[:from*(z.P+z.Q)]}
		l, err := m.Bind(prefix)
		if err != nil {
			return p, fmt.Errorf("the first %d rows: %w", from, err)
		}
		theta, sound, err := refit(ctx, l, last, rng)
		if err != nil {
			return p, err
		}
		if !sound {
			p.Worst++
		}
		p.Refits++
		all.Terms(terms, theta)
		for _, v := range terms[from:to] {
			p.NL -= v
		}
		from, last = to, theta
	}
	return p, nil
}

// refit maximises from the last fit and a few fresh starts. A solution on the
// variance floor, or with a component on a few points, is passed over where there
// is another: as a predictor it is worthless.
func refit(ctx context.Context, l models.Likelihood, last []float64, rng *rand.Rand) (theta []float64, sound bool, err error) {
	ms := estimation.Default(l.Model())
	ms.Interior, ms.Starts = true, prequentialStarts
	if last != nil {
		ms.Given = [][]float64{last}
	}
	if models.Dim(l.Model()) == 0 {
		return nil, true, nil
	}
	fit, err := ms.Maximize(ctx, l, nil, rng)
	if err != nil {
		return nil, false, err
	}
	for _, m := range fit.Maxima {
		if m.Sound() {
			return m.Theta, true, nil
		}
	}
	return fit.Theta, len(fit.Maxima) == 0, nil
}

var pmdl = Criterion{
	Name: "pmdl", Aim: Predict, Needs: NeedPrefixes,
	Doc: "prequential description length: the rows after the first ones, each coded by a fit to rows before it",
	Ref: "A. P. Dawid (1984), Journal of the Royal Statistical Society A 147:278-292",
	Score: func(all []*Material, i int) Score {
		p := all[i].Prequential
		if p.First == 0 {
			return refuse(p.refused)
		}
		s := Score{Value: 2 * p.NL, SE: 2 * p.SE}
		s.Details = []Detail{{"first", float64(p.First)}, {"orders", float64(len(p.Codes))}, {"unsound_fits", float64(p.Worst)}}
		if orders := len(p.Codes); orders > 1 {
			for _, v := range p.Codes { // the orders are the same for all candidates
				s.Pointwise = append(s.Pointwise, 2*v/float64(orders))
			}
		}
		if p.Worst > 0 {
			s.Warnings = append(s.Warnings, "fits to prefixes found no sound maximum")
		}
		return s
	},
}
