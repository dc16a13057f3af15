package experiments

import (
	"fmt"
	"math"

	"github.com/neuromanifold/neuromanifold/dynamics"
	"github.com/neuromanifold/neuromanifold/internal/figs"
)

// portraitOrbits are drawn of the orbits of a cell: the first, which are spread evenly.
const portraitOrbits = 40

// drawPortrait has a row for each system and a column for each flow.
func drawPortrait(s portraitSpec, cells []Sample[portraitRow]) (Drawing, error) {
	fig := figs.New()
	fig.Rows = len(s.Systems)
	last := s.Systems[len(s.Systems)-1]
	for _, c := range cells {
		system, flow := c.Cell.Text("system"), c.Cell.Text("flow")
		p, err := newPortrait(s, system)
		if err != nil {
			return nil, err
		}
		label := portraitSystems[system].label
		if label == "" {
			label = system
		}
		panel := &figs.Panel{
			Title:  fmt.Sprintf("%s: %s", label, flow),
			XRange: [2]float64{-p.z, p.z}, YRange: [2]float64{-0.04 * p.u, p.u},
		}
		if system == last {
			panel.X = "z"
		}
		if flow == s.Flows[0] {
			panel.Y = "u"
		}
		p.drawField(panel, flow, c.Rows)
		for _, r := range c.Rows[:min(portraitOrbits, len(c.Rows))] {
			panel.Orbit("orbit", r.Z, r.U)
		}
		p.drawLine(panel, flow)
		fig.Panels = append(fig.Panels, panel)
	}
	return fig, nil
}

// drawLine draws the critical line by its stability, and the separatrix.
func (p *portrait) drawLine(panel *figs.Panel, flow string) {
	reduced := p.quasi
	if flow == "published" {
		reduced = p.published
	}
	for _, part := range [][2]float64{{-p.z, -1}, {-1, 1}, {1, p.z}} {
		if !(part[0] < part[1]) {
			continue
		}
		x, y := part[:], []float64{0, 0}
		switch p.line.Stability((part[0] + part[1]) / 2) {
		case dynamics.Unstable:
			panel.UnstableSet("line that repels", x, y)
		default:
			panel.Set("line that attracts", x, y)
		}
	}
	if p.line.Stability(0.5) == dynamics.Neutral || flow == "natural" {
		return
	}
	for _, side := range []float64{-1, 1} {
		var x, y []float64
		const n = 200
		for i := range n + 1 {
			z := side * (1 + (p.z-1)*float64(i)/n)
			if reduced.K < 0 {
				z = side * (1 - float64(i)/n*0.999)
			}
			if u := reduced.Separatrix(z); u <= 1.2*p.u {
				x, y = append(x, z), append(y, u)
			}
		}
		if len(x) > 1 {
			panel.Curve("separatrix", x, y)
		}
	}
}

// drawField draws arrows of one length: of the reduced field, or, where the flow has
// more coordinates than the plane, of the first orbit that comes through each cell.
func (p *portrait) drawField(panel *figs.Panel, flow string, rows []portraitRow) {
	const nz, nu, length = 20, 11, 0.032
	var x, y, tx, ty []float64
	arrow := func(z, u, dz, du float64) {
		dz, du = dz/(2*p.z), du/p.u
		if n := math.Hypot(dz, du); n > 0 {
			x, y = append(x, z), append(y, u)
			tx, ty = append(tx, z+2*p.z*length*dz/n), append(ty, u+p.u*length*1.2*du/n)
		}
	}
	switch flow {
	case "published", "quasi-steady":
		reduced := p.quasi
		if flow == "published" {
			reduced = p.published
		}
		f, at := make([]float64, 2), make([]float64, 2)
		for i := range nz {
			for j := range nu {
				at[1] = p.z * (2*(float64(i)+0.5)/nz - 1)
				at[0] = p.u * (float64(j) + 0.5) / nu
				reduced.Field(f, at)
				arrow(at[1], at[0], f[1], f[0])
			}
		}
	default:
		var taken [nz][nu]bool
		for _, r := range rows {
			// The first points are those of s and r on their way from the single unit.
			for k := 4; k+1 < len(r.U); k++ {
				i, j := int(nz*(r.Z[k]/p.z+1)/2), int(nu*r.U[k]/p.u)
				if i < 0 || i >= nz || j < 0 || j >= nu || taken[i][j] {
					continue
				}
				taken[i][j] = true
				arrow(r.Z[k], r.U[k], r.Z[k+1]-r.Z[k-1], r.U[k+1]-r.U[k-1])
			}
		}
	}
	panel.Field("field", x, y, tx, ty)
}
