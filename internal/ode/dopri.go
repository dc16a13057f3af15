// Package ode holds the embedded pair of Dormand and Prince, of which the explicit
// integrators of dynamics and of design/pkpd are made: the stages of a step, its
// error and its continuous extension. How long a step may be is for them to say,
// because what counts as an error differs.
package ode

// The pair of orders 5 and 4 (J. Comput. Appl. Math. 6 (1980) 19): stages, nodes,
// and the difference of the two solutions.
var (
	stages = [7][6]float64{
		{},
		{1. / 5},
		{3. / 40, 9. / 40},
		{44. / 45, -56. / 15, 32. / 9},
		{19372. / 6561, -25360. / 2187, 64448. / 6561, -212. / 729},
		{9017. / 3168, -355. / 33, 46732. / 5247, 49. / 176, -5103. / 18656},
		{35. / 384, 0, 500. / 1113, 125. / 192, -2187. / 6784, 11. / 84},
	}
	nodes  = [7]float64{0, 1. / 5, 3. / 10, 4. / 5, 8. / 9, 1, 1}
	defect = [7]float64{71. / 57600, 0, -71. / 16695, 71. / 1920, -17253. / 339200, 22. / 525, -1. / 40}
	// bend is the term of highest order of the continuous extension of order 4
	// (Hairer, Nørsett & Wanner, Solving ODEs I, §II.6, and their code DOPRI5).
	bend = [7]float64{
		-12715105075. / 11282082432, 0, 87487479700. / 32700410799, -10690763975. / 1880347072,
		701980252875. / 199316789632, -1453857185. / 822651844, 69997945. / 29380423,
	}
)

// A RHS fills dst with dx/dt at (t, x) and reports whether it exists there. It keeps
// neither slice.
type RHS func(dst []float64, t float64, x []float64) bool

// A Dopri holds the derivatives of one step of the pair. The cycle is: First at the
// start, Step as often as the step is refused, Advance when one is accepted, Step
// again.
type Dopri struct {
	k [7][]float64
}

// NewDopri returns the workspace for n components.
func NewDopri(n int) *Dopri {
	d := new(Dopri)
	all := make([]float64, 7*n)
	for i := range d.k {
		d.k[i] = all[i*n : (i+1)*n : (i+1)*n]
	}
	return d
}

// First returns the derivative at the start of the step, for the caller to fill
// before the first step and to read.
func (d *Dopri) First() []float64 { return d.k[0] }

// Step fills dst with the solution of order 5 a time h after (t, x) and reports
// whether the derivative existed at all six points it asked for, in the order of the
// stages; where it did not, dst is of no use. First and x are as before.
func (d *Dopri) Step(dst, x []float64, t, h float64, f RHS) bool {
	for s := 1; s < 7; s++ {
		d.combine(dst, x, h, s)
		if !f(d.k[s], t+nodes[s]*h, dst) {
			return false
		}
	}
	return true
}

// Defect returns the difference of the solutions of order 5 and 4 of the last step,
// which was of size h. The slice is valid until the next call.
func (d *Dopri) Defect(h float64) []float64 {
	dst := d.k[1] // its weight is 0 here and in At
	k0, k2, k3 := d.k[0][:len(dst)], d.k[2][:len(dst)], d.k[3][:len(dst)]
	k4, k5, k6 := d.k[4][:len(dst)], d.k[5][:len(dst)], d.k[6][:len(dst)]
	for i := range dst {
		dst[i] = h * (defect[0]*k0[i] + defect[2]*k2[i] + defect[3]*k3[i] + defect[4]*k4[i] + defect[5]*k5[i] + defect[6]*k6[i])
	}
	return dst
}

// Advance accepts the last step: its last derivative is the first of the next one.
func (d *Dopri) Advance() { d.k[0], d.k[6] = d.k[6], d.k[0] }

// At fills dst with the continuous extension of the step just accepted, which went
// from x to y in a time h, a time dt after its start: the error is O(h⁵) and no
// derivative is asked for. It holds between Advance and the next Step.
func (d *Dopri) At(dst, x, y []float64, h, dt float64) {
	t := dt / h
	u := 1 - t
	first, last := d.k[6], d.k[0] // exchanged by Advance
	for j := range dst {
		top := bend[0]*first[j] + bend[6]*last[j]
		for l := 2; l < 6; l++ {
			top += bend[l] * d.k[l][j]
		}
		move := y[j] - x[j]
		c := h*first[j] - move
		dst[j] = x[j] + t*(move+u*(c+t*(move-h*last[j]-c+u*h*top)))
	}
}

// combine sets dst = x + h Σ_{i<s} a_si k_i.
func (d *Dopri) combine(dst, x []float64, h float64, s int) {
	x = x[:len(dst)]
	k0 := d.k[0][:len(dst)]
	a := stages[s]
	for i := range a {
		a[i] *= h
	}
	switch s {
	case 1:
		for i := range dst {
			dst[i] = x[i] + a[0]*k0[i]
		}
	case 2:
		k1 := d.k[1][:len(dst)]
		for i := range dst {
			dst[i] = x[i] + a[0]*k0[i] + a[1]*k1[i]
		}
	case 3:
		k1, k2 := d.k[1][:len(dst)], d.k[2][:len(dst)]
		for i := range dst {
			dst[i] = x[i] + a[0]*k0[i] + a[1]*k1[i] + a[2]*k2[i]
		}
	case 4:
		k1, k2, k3 := d.k[1][:len(dst)], d.k[2][:len(dst)], d.k[3][:len(dst)]
		for i := range dst {
			dst[i] = x[i] + a[0]*k0[i] + a[1]*k1[i] + a[2]*k2[i] + a[3]*k3[i]
		}
	default:
		k1, k2, k3, k4 := d.k[1][:len(dst)], d.k[2][:len(dst)], d.k[3][:len(dst)], d.k[4][:len(dst)]
		k5 := d.k[5][:len(dst)]
		if s == 5 {
			k5 = k4 // with coefficient 0
		}
		for i := range dst {
			dst[i] = x[i] + a[0]*k0[i] + a[1]*k1[i] + a[2]*k2[i] + a[3]*k3[i] + a[4]*k4[i] + a[5]*k5[i]
		}
	}
}
