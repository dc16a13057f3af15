package design

import (
	"gonum.org/v1/gonum/num/hyperdual"

	"github.com/neuromanifold/neuromanifold/design/pkpd"
)

// A dualCurve differentiates a formula by hyperdual numbers: exact and slow, and
// independent of package pkpd.
type dualCurve struct {
	p int
	f func(g []hyperdual.Number, at pkpd.Sample) hyperdual.Number
}

func (c dualCurve) Eval(out *pkpd.Jets, gamma []float64, at []pkpd.Sample, order int) error {
	out.Resize(len(at), c.p, order)
	g := make([]hyperdual.Number, c.p)
	for i, s := range at {
		for a := range c.p {
			for b := range a + 1 {
				for j := range g {
					g[j] = hyperdual.Number{Real: gamma[j]}
				}
				g[a].E1mag, g[b].E2mag = 1, 1
				v := c.f(g, s)
				out.Value[i] = v.Real
				if order > 0 {
					out.GradRow(i)[a] = v.E1mag
				}
				if order > 1 {
					out.HessRow(i)[a*c.p+b], out.HessRow(i)[b*c.p+a] = v.E1E2mag, v.E1E2mag
				}
			}
		}
	}
	return nil
}

// oral is the one-compartment model with first-order absorption in (CL, V, ka),
// in the textbook form, which is 0/0 at ka = CL/V.
func oral(dose float64) dualCurve {
	return dualCurve{3, func(g []hyperdual.Number, at pkpd.Sample) hyperdual.Number {
		cl, v, ka := g[0], g[1], g[2]
		k := hyperdual.Mul(cl, hyperdual.Inv(v))
		decay := func(r hyperdual.Number) hyperdual.Number { return hyperdual.Exp(hyperdual.Scale(-at.Time, r)) }
		c := hyperdual.Mul(hyperdual.Scale(dose, ka), hyperdual.Inv(hyperdual.Mul(v, hyperdual.Sub(ka, k))))
		return hyperdual.Mul(c, hyperdual.Sub(decay(k), decay(ka)))
	}}
}

func times(ts ...float64) []pkpd.Sample {
	out := make([]pkpd.Sample, len(ts))
	for i, t := range ts {
		out[i].Time = t
	}
	return out
}

func warfarin() *Population {
	return &Population{
		Effects: []Effect{
			{Name: "CL", Value: 0.15, Law: LogNormal, Variance: 0.07},
			{Name: "V", Value: 8, Law: LogNormal, Variance: 0.02},
			{Name: "ka", Value: 1, Law: LogNormal, Variance: 0.6},
		},
		Residuals: []Residual{{Proportional: 0.1}},
	}
}

// warfarin2 has an additive error besides.
func warfarin2() *Population {
	p := warfarin()
	p.Residuals[0].Additive = 0.5
	return p
}

var warfarinTimes = []float64{0.5, 1, 2, 6, 24, 36, 72, 120}
