package dynamics

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/integrate/quad"
	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
)

// An Elimination is the slow flow of one unit vφ(x; w) of a network whose output
// weight v is small, with the other units frozen. With the residual e = f₀ − f of
// those,
//
//	ψ(w) = E[e φ(x; w)]/σ²,  dv/dτ = ψ(w),  dw/dτ = v ∇ψ(w),
//
// the flow of the loss −vψ(w) + const to first order in v (derived here). On v = 0
// every w has the same law; v crosses 0 with speed ψ and is slow only near the zeros
// of ψ. With one input
//
//	½v² − ∫ ψ/ψ′ dw
//
// is constant. An Elimination owns scratch and serves one goroutine.
type Elimination struct {
	net  network
	rest []atom // teacher, and the other units with a minus sign
	dw   []float64
	at   []float64
	aa   *mat.Dense
	ab   *mat.Dense
}

// NewElimination freezes all units but unit (from 0) of θ. The student and the teacher
// are networks of erf or of radial units with one output and normal inputs.
func NewElimination(o *Objective, theta []float64, unit int) (*Elimination, error) {
	student, teacher, err := networksOf(o)
	if err != nil {
		return nil, err
	}
	if err := models.CheckTheta(o.Model(), theta); err != nil {
		return nil, err
	}
	atoms := student.atoms(theta)
	if unit < 0 || unit >= len(atoms) {
		return nil, fmt.Errorf("unit %d of %v: it has %d, counted from 0", unit, o.Model(), len(atoms))
	}
	d := student.in
	e := &Elimination{net: student, rest: teacher, dw: make([]float64, d), at: make([]float64, d), aa: mat.NewDense(d, d, nil), ab: mat.NewDense(d, d, nil)}
	for i, a := range atoms {
		if i != unit {
			e.rest = append(e.rest, atom{-a.c, a.w})
		}
	}
	return e, nil
}

// Psi returns ψ(w), and fills grad with ∇ψ.
func (e *Elimination) Psi(grad, w []float64) float64 {
	psi := 0.0
	clear(grad)
	for _, a := range e.rest {
		psi += a.c * e.net.unit.first(e.dw, w, a.w)
		for i, v := range e.dw {
			grad[i] += a.c * v
		}
	}
	for i := range grad {
		grad[i] /= e.net.noise
	}
	return psi / e.net.noise
}

// Field fills dst with the derivative of (w, v) by τ. It always reports true.
func (e *Elimination) Field(dst, x []float64) bool {
	d := e.net.in
	dst[d] = e.Psi(dst[:d], x[:d])
	for i := range d {
		dst[i] *= x[d]
	}
	return true
}

// Flow returns the reduced system as a flow of (w, v).
func (e *Elimination) Flow(tol Tolerances) Flow {
	return explicitFlow{newDopri5(e.Field, e.net.in+1, tol), nil}
}

// Rise returns ∫ ψ/ψ′ from a to b, which is the change of ½v² along an orbit from
// input weight a to b, and an estimate of its error; by 20-point Gauss rules on
// pieces that are halved until they agree. Both are NaN where ψ′ has a zero between:
// no orbit crosses one. It needs one input.
func (e *Elimination) Rise(a, b float64) (rise, errEst float64) {
	if e.net.in != 1 {
		panic("dynamics: the first integral is that of one input")
	}
	g := make([]float64, 1)
	slope := func(w float64) float64 {
		e.at[0] = w
		e.Psi(g, e.at)
		return g[0]
	}
	sign := slope(a)
	const looks = 64
	for i := range looks + 1 {
		if slope(a+(b-a)*float64(i)/looks)*sign <= 0 {
			return math.NaN(), math.NaN()
		}
	}
	var x, w [20]float64
	quad.Legendre{}.FixedLocations(x[:], w[:], 0, 1)
	piece := func(a, b float64) float64 {
		s := 0.0
		for i, t := range x {
			e.at[0] = a + t*(b-a)
			psi := e.Psi(g, e.at)
			s += w[i] * psi / g[0]
		}
		return s * (b - a)
	}
	var refine func(a, b, whole float64, depth int)
	refine = func(a, b, whole float64, depth int) {
		mid := (a + b) / 2
		l, r := piece(a, mid), piece(mid, b)
		d := math.Abs(l + r - whole)
		if d < 1e-14*(1+math.Abs(whole)) || depth == 0 {
			rise += l + r
			errEst += d
			return
		}
		refine(a, mid, l, depth-1)
		refine(mid, b, r, depth-1)
	}
	refine(a, b, piece(a, b), 30)
	return rise, errEst
}

// Saddle returns the rate |g| at v = w = 0 of odd units, g = ∇ψ(0): there
// dv = g·w, dw = gv, so that v² − (w along g)² is constant and a start at distance
// ε stays for about log(1/ε)/|g|.
func (e *Elimination) Saddle() float64 {
	clear(e.at)
	g := make([]float64, e.net.in)
	e.Psi(g, e.at)
	return mat.Norm(mat.NewVecDense(len(g), g), 2)
}
