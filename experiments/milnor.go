package experiments

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/neuromanifold/neuromanifold/dynamics"
	"github.com/neuromanifold/neuromanifold/internal/figs"
	"github.com/neuromanifold/neuromanifold/internal/mc"
	"github.com/neuromanifold/neuromanifold/models"
)

type milnorSpec struct {
	Model   string    `toml:"model" doc:"the student: two erf or radial units and one input"`
	Teacher []float64 `toml:"teacher" doc:"θ of the teacher, of the same model"`
	Parts   []string  `toml:"parts" doc:"edge (of the trap at a random distance), plane (starts near the line), positive and any (starts in a box of θ, with weights above 0 or of any sign)"`
	U       float64   `toml:"u" doc:"largest distance u of the edge and of the starts in the plane; the smallest of the edge is a tenth"`
	Z       float64   `toml:"z" doc:"largest |z| of the starts in the plane"`
	W       float64   `toml:"w" doc:"side of the box of input weights or centres, from 0 on"`
	V       float64   `toml:"v" doc:"largest |v| of the box"`
	Until   float64   `toml:"until" doc:"time τ to run to from the box"`
}

type milnorRow struct {
	U      float64   `parquet:"u" doc:"distance u = w₂ − w₁ at the start, of the edge if that is sought"`
	Z      float64   `parquet:"z" doc:"(v₁ − v₂)/(v₁ + v₂) at the start; of the edge the least trapped one"`
	Ratio  float64   `parquet:"ratio" doc:"of the edge: |z−1| r/u, 1 for the wedge of the reduced system; NaN elsewhere"`
	Theta  []float64 `parquet:"theta" doc:"start; of the edge the first trapped one"`
	Loss   float64   `parquet:"loss" unit:"nats" doc:"loss at the end; NaN for the edge"`
	Theory string    `parquet:"theory" doc:"trapped or leaves by the quasi-steady reduced system, in the plane"`
	Status string    `parquet:"status" doc:"trapped (ends on the overlap at the loss of the best single unit), leaves, waiting (neither by the end) or failed"`
}

const (
	trapped = "trapped"
	leaves  = "leaves"

	edgePart     = "edge"
	planePart    = "plane"
	positivePart = "positive"
	anyPart      = "any"
)

var _ = register(Experiment[milnorSpec, milnorRow]{
	Name:    "milnor",
	Version: 2,
	Doc: `The overlap of two units as an attractor in Milnor's sense, with its basin.

Part of the critical line attracts an open set of starts, and yet from points as near
to its end as one likes the gradient flow leaves: by the reduced systems the basin is
the wedge |u| < r|z−1| at its tip. Every start is followed by the exact averaged flow
until the distance has shrunk to a twentieth of what it was at the loss of the best
single unit, or the loss to half that.`,
	Cite: []string{
		"S. Amari, H. Park, T. Ozeki (2006), Singularities affect dynamics of learning in neuromanifolds, Neural Computation 18(5):1007-1065",
		"H. Wei, J. Zhang, F. Cousseau, T. Ozeki, S. Amari (2008), Dynamics of learning near singularities in layered networks, Neural Computation 20(3):813-843",
		"J. Milnor (1985), On the concept of attractor, Communications in Mathematical Physics 99:177-195",
	},
	Default: milnorSpec{
		Model: "mlp:hidden=2", Teacher: []float64{0.4, 4, 10, 5}, Parts: []string{edgePart, planePart, positivePart, anyPart},
		U: 2, Z: 2, W: 4, V: 12, Until: 2000,
	},
	Smoke: milnorSpec{
		Model: "mlp:hidden=2", Teacher: []float64{0.4, 4, 10, 5}, Parts: []string{edgePart, planePart, anyPart},
		U: 0.5, Z: 3, W: 4, V: 12, Until: 200,
	},
	Replicates: 240, SmokeReplicates: 2, Chunk: 10,
	Check: func(s milnorSpec) error {
		_, line, err := overlapLine(s.Model, s.Teacher)
		if err != nil {
			return KeyError("teacher", "%v", err)
		}
		if len(line.S) != 1 {
			return KeyError("model", "%s: allowed is one input", s.Model)
		}
		known := []string{edgePart, planePart, positivePart, anyPart}
		if len(s.Parts) == 0 {
			return KeyError("parts", "none given")
		}
		for _, p := range s.Parts {
			if !slices.Contains(known, p) {
				return KeyError("parts", "%q: known are %v", p, known)
			}
		}
		for _, c := range []struct {
			key string
			v   float64
		}{{"u", s.U}, {"z", s.Z}, {"w", s.W}, {"v", s.V}, {"until", s.Until}} {
			if !(c.v > 0 && c.v <= 1e6) {
				return KeyError(c.key, "%v: allowed is a number above 0 and at most 1e6", c.v)
			}
		}
		return nil
	},
	Cells: func(s milnorSpec) []Cell { return Grid(Axis("part", s.Parts...)) },
	Replicate: func(ctx context.Context, s milnorSpec, c Cell, k mc.Key) ([]milnorRow, error) {
		row, err := runMilnor(ctx, s, c.Text("part"), k.Stream("start"))
		return []milnorRow{row}, err
	},
	Compare: func(_ context.Context, s milnorSpec, c Cell) ([]Line[milnorRow], error) {
		share := Line[milnorRow]{Name: "P(trapped)", Measure: Fraction(func(r milnorRow) bool { return r.Status == trapped }), Theory: math.NaN()}
		switch c.Text("part") {
		case edgePart:
			return []Line[milnorRow]{{
				Name: "median |z−1| r/u", Measure: Quantile(0.5, func(r milnorRow) float64 { return r.Ratio }),
				Theory: 1, Limit: true, Source: "wedge of the reduced systems, u → 0 (Amari, Park and Ozeki 2006)",
			}}, nil
		case planePart:
			share.Theory, share.Limit, share.Source = s.wedge(), true, "area inside the separatrix, quasi-steady system, derived here"
			return []Line[milnorRow]{share, {
				Name: "P(reduced system errs)", Measure: Fraction(func(r milnorRow) bool { return r.Status != r.Theory }),
				Theory: 0, Limit: true, Source: "u → 0 and K → 0",
			}}, nil
		}
		return []Line[milnorRow]{share, {
			Name: fmt.Sprintf("P(neither by τ = %v)", s.Until), Measure: Fraction(func(r milnorRow) bool { return r.Status == waiting }), Theory: math.NaN(),
		}}, nil
	},
	Figures: []Figure[milnorSpec, milnorRow]{
		{Name: "basin", Doc: "Starts near the overlap by what the exact averaged flow does with them, with the separatrices of both reduced systems (left). Edge of the trap over its distance, as a multiple of that of the wedge (right).", Draw: drawMilnor},
	},
})

// wedge is the share of the plane inside the separatrix, by the midpoint rule.
func (s milnorSpec) wedge() float64 {
	_, line, err := overlapLine(s.Model, s.Teacher)
	if err != nil {
		return math.NaN()
	}
	reduced, err := line.Reduced(dynamics.QuasiSteady)
	if err != nil {
		return math.NaN()
	}
	const n = 4000
	sum := 0.0
	for i := range n {
		z := s.Z * (float64(i) + 0.5) / n
		if (z > 1) == (reduced.K > 0) {
			sum += min(reduced.Separatrix(z), s.U) / (n * s.U)
		}
	}
	return sum
}

// fate follows the averaged flow from start.
func fate(ctx context.Context, o *dynamics.Objective, line *dynamics.CriticalLine, start []float64, until float64) (status string, loss float64, err error) {
	u, at := make([]float64, 1), make([]float64, 1)
	line.Coordinates(u, at, start)
	// So near the line that its stable part is left at no z that matters.
	near := min(math.Abs(u[0])/20, 0.005)
	p, err := dynamics.Run(ctx, dynamics.NewGradientFlow(o, dynamics.Tolerances{}), o.Loss, start, dynamics.Clock{
		Until: until, Points: 2,
		Event: func(theta []float64) float64 {
			line.Coordinates(u, at, theta)
			loss := o.Loss(theta) / line.Loss
			// Units that cross each other elsewhere are not on the line.
			return min(max(math.Abs(u[0])/near-1, 50*math.Abs(loss-1)-1), 2*loss-1)
		},
	}, nil)
	if err != nil {
		return Failed, math.NaN(), err
	}
	end, _ := p.End()
	loss = p.Loss[len(p.Loss)-1]
	switch {
	case p.Stop == dynamics.NoEvent:
		return waiting, loss, nil
	case p.Stop != dynamics.AtEvent:
		return Failed, loss, nil
	case loss < 0.75*line.Loss:
		return leaves, loss, nil
	}
	// It has come to the overlap: it stays if it is at the attracting part of the line.
	z, _ := line.Coordinates(u, at, end)
	if line.Stability(z) == dynamics.Attracting {
		return trapped, loss, nil
	}
	return leaves, loss, nil
}

// nearUntil is long enough for what starts near the line: on the separatrix u falls as
// r/(2Kτ), to a twentieth of what it was in half this time.
func nearUntil(line *dynamics.CriticalLine, u float64) float64 {
	return 20 * math.Abs(line.R/(line.K.At(0, 0)*u))
}

// edge returns the trapped z that is nearest to 1 at distance u, to 1e-3 of |z−1|: by then the orbit
// passes at a twentieth of u, which is as good.
func edge(ctx context.Context, o *dynamics.Objective, line *dynamics.CriticalLine, u float64) (float64, error) {
	side := 1.0
	if line.K.At(0, 0) < 0 {
		side = -1
	}
	start := make([]float64, models.Dim(o.Model()))
	lo, hi := 0.0, 2*u/math.Abs(line.R)
	for hi-lo > 1e-3*hi {
		mid := (lo + hi) / 2
		line.Theta(start, []float64{u}, 1+side*mid)
		status, _, err := fate(ctx, o, line, start, nearUntil(line, u))
		if err != nil {
			return 0, err
		}
		if status == trapped {
			hi = mid
		} else {
			lo = mid
		}
	}
	return 1 + side*hi, nil
}

func runMilnor(ctx context.Context, s milnorSpec, part string, rng *rand.Rand) (milnorRow, error) {
	o, line, err := overlapLine(s.Model, s.Teacher)
	if err != nil {
		return milnorRow{}, err
	}
	r := milnorRow{Ratio: math.NaN(), Loss: math.NaN(), Theta: make([]float64, len(s.Teacher))}
	switch part {
	case edgePart:
		r.U = s.U * math.Pow(10, -rng.Float64())
		if r.Z, err = edge(ctx, o, line, r.U); err != nil {
			return r, err
		}
		r.Ratio, r.Status = math.Abs(r.Z-1)*math.Abs(line.R)/r.U, trapped
		line.Theta(r.Theta, []float64{r.U}, r.Z)
		return r, nil
	case planePart:
		r.U, r.Z = s.U*(1-rng.Float64()), s.Z*rng.Float64()
		line.Theta(r.Theta, []float64{r.U}, r.Z)
		reduced, err := line.Reduced(dynamics.QuasiSteady)
		if err != nil {
			return r, err
		}
		r.Theory = leaves
		if reduced.Orbit(r.U, r.Z).Trapped {
			r.Theory = trapped
		}
		r.Status, r.Loss, err = fate(ctx, o, line, r.Theta, nearUntil(line, r.U))
		return r, err
	}
	for i := range r.Theta {
		switch {
		case i < len(r.Theta)/2:
			r.Theta[i] = s.W * rng.Float64()
		case part == positivePart:
			r.Theta[i] = s.V * rng.Float64()
		default:
			r.Theta[i] = s.V * (2*rng.Float64() - 1)
		}
	}
	var u, at [1]float64
	r.Z, _ = line.Coordinates(u[:], at[:], r.Theta)
	r.U = u[0]
	r.Status, r.Loss, err = fate(ctx, o, line, r.Theta, s.Until)
	return r, err
}

func drawMilnor(s milnorSpec, cells []Sample[milnorRow]) (Drawing, error) {
	_, line, err := overlapLine(s.Model, s.Teacher)
	if err != nil {
		return nil, err
	}
	var panels []*figs.Panel
	for _, c := range cells {
		switch c.Cell.Text("part") {
		case planePart:
			p := &figs.Panel{X: "z", Y: "u", XRange: [2]float64{0, s.Z}, YRange: [2]float64{0, s.U}}
			for _, status := range []string{trapped, leaves, waiting} {
				var x, y []float64
				for _, r := range c.Rows {
					if r.Status == status {
						x, y = append(x, r.Z), append(y, r.U)
					}
				}
				if len(x) > 0 {
					p.Points(status, x, y)
				}
			}
			for _, closure := range []dynamics.Closure{dynamics.QuasiSteady, dynamics.Published} {
				reduced, err := line.Reduced(closure)
				if err != nil {
					return nil, err
				}
				lo, hi := 1.0, s.Z
				if reduced.K < 0 {
					lo, hi = 1e-3, 1
				}
				if lo < hi {
					p.Func(fmt.Sprintf("separatrix, %v", closure), reduced.Separatrix, lo, hi)
				}
			}
			panels = append(panels, p)
		case edgePart:
			p := &figs.Panel{X: "u", Y: "|z−1| r/u at the edge", LogX: true}
			var x, y []float64
			for _, r := range c.Rows {
				x, y = append(x, r.U), append(y, r.Ratio)
			}
			p.Points("edge of the exact flow", x, y)
			p.Reference("wedge", []float64{s.U / 10, s.U}, []float64{1, 1})
			panels = append(panels, p)
		}
	}
	if len(panels) == 0 { // only starts in a box were asked for: their fates
		p := &figs.Panel{X: "z", Y: "loss at the end (nats)"}
		for _, c := range cells {
			var x, y []float64
			for _, r := range c.Rows {
				if math.Abs(r.Z) <= s.Z {
					x, y = append(x, r.Z), append(y, r.Loss)
				}
			}
			p.Points(c.Cell.Name, x, y)
		}
		panels = append(panels, p)
	}
	slices.SortStableFunc(panels, func(a, b *figs.Panel) int { return strings.Compare(b.X, a.X) }) // the plane first
	return figs.New(panels...), nil
}
