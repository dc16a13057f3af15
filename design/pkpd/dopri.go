package pkpd

import "math"

// dopri integrates the jets of a system of ordinary differential equations, and
// thereby its sensitivity equations of first and second order, by the pair of
// orders 5 and 4 of Dormand and Prince (J. Comput. Appl. Math. 6 (1980) 19) with
// the step control of Hairer, Nørsett and Wanner (Solving Ordinary Differential
// Equations I, 2nd ed., II.4, IV.2: PI with β = 0.04). The error of every
// component is held below tol times its size, where the size of a derivative in γ_a
// counts times |γ_a| against that of the state: sensitivities are as accurate as
// the solution. It is explicit: on a stiff system it ends with an error.
type dopri struct {
	alg    algebra
	states int
	tol    float64
	rhs    func(du []float64, t float64, u []float64)

	u, next, stage []float64
	k              [7][]float64
	peak           []float64 // largest |u_j| so far
	weight         []float64 // of the components of a jet: 1, 1/|γ_a|, 1/|γ_aγ_b|
	h, errOld      float64
	fresh          bool // k[0] holds the derivative at u
	steps          int
}

const (
	// tolerance keeps η and its derivatives good to about 1e-9.
	tolerance = 1e-10
	// negligible is the part of the largest value of a state so far below which
	// its relative error does not matter.
	negligible = 1e-8
	maxSteps   = 200_000
)

func newDopri(alg algebra, states int, rhs func(du []float64, t float64, u []float64)) *dopri {
	size := alg.size()
	n := states * size
	d := &dopri{alg: alg, states: states, tol: tolerance, rhs: rhs}
	d.u, d.next, d.stage = make([]float64, n), make([]float64, n), make([]float64, n)
	for i := range d.k {
		d.k[i] = make([]float64, n)
	}
	d.peak, d.weight = make([]float64, states), make([]float64, size)
	return d
}

// reset starts a new problem; the caller sets u.
func (d *dopri) reset(gamma []float64) {
	inv := func(a int) float64 {
		if gamma[a] == 0 {
			return 1
		}
		return 1 / math.Abs(gamma[a])
	}
	d.weight[0] = 1
	if d.alg.order > 0 {
		for a := range gamma {
			d.weight[1+a] = inv(a)
		}
	}
	if d.alg.order > 1 {
		i := 1 + d.alg.p
		for a := range gamma {
			for b := range a + 1 {
				d.weight[i] = inv(a) * inv(b)
				i++
			}
		}
	}
	clear(d.peak)
	d.h, d.errOld, d.fresh, d.steps = 0, 1e-4, false, 0
}

// Coefficients of the pair: stages, nodes, and the difference of the two
// solutions.
var (
	dpA = [7][6]float64{
		{},
		{1. / 5},
		{3. / 40, 9. / 40},
		{44. / 45, -56. / 15, 32. / 9},
		{19372. / 6561, -25360. / 2187, 64448. / 6561, -212. / 729},
		{9017. / 3168, -355. / 33, 46732. / 5247, 49. / 176, -5103. / 18656},
		{35. / 384, 0, 500. / 1113, 125. / 192, -2187. / 6784, 11. / 84},
	}
	dpC = [7]float64{0, 1. / 5, 3. / 10, 4. / 5, 8. / 9, 1, 1}
	dpE = [7]float64{71. / 57600, 0, -71. / 16695, 71. / 1920, -17253. / 339200, 22. / 525, -1. / 40}
)

// integrate moves the solution from t to end and stops exactly there. If it
// cannot, it returns the time, the state to blame and why.
func (d *dopri) integrate(t, end float64) (at float64, state int, why string) {
	if end <= t {
		return t, 0, ""
	}
	if !d.fresh {
		d.rhs(d.k[0], t, d.u)
		d.fresh = true
	}
	if d.h == 0 {
		d.h = d.start(end - t)
	}
	least := 1e-14 * (end - t)
	rejected := false
	for {
		h, last := d.h, false
		if t+1.000001*h >= end {
			h, last = end-t, true
		}
		err, worst := d.step(t, h)
		d.steps++
		switch {
		case d.steps > maxSteps:
			return t, worst, "too many steps; the system is stiff, or its right-hand side jumps"
		case !(err <= 1): // or not a number
			rejected = true
			shrink := 5.0
			if !math.IsNaN(err) && !math.IsInf(err, 0) {
				shrink = min(5, math.Pow(err, 0.2-0.75*0.04)/0.9)
			}
			d.h = h / shrink
			if d.h <= max(least, 4e-16*t) {
				return t, worst, "no step is short enough to follow it"
			}
			continue
		}
		fac := math.Pow(err, 0.2-0.75*0.04) / math.Pow(d.errOld, 0.04) / 0.9
		grown := h / min(5, max(0.1, fac))
		if rejected {
			grown = min(grown, h)
		}
		rejected = false
		d.errOld = max(err, 1e-4)
		if last {
			grown = max(grown, d.h) // the end cut the step short, not the error
		}
		d.h = grown
		d.u, d.next = d.next, d.u
		d.k[0], d.k[6] = d.k[6], d.k[0]
		size := d.alg.size()
		for j := range d.peak {
			d.peak[j] = max(d.peak[j], math.Abs(d.u[j*size]))
		}
		if last {
			return end, 0, ""
		}
		t += h
	}
}

// start proposes a first step: a hundredth of the time in which the derivative
// would change the solution by its own size.
func (d *dopri) start(most float64) float64 {
	h := most
	size := d.alg.size()
	for j := range d.states {
		u, f := math.Abs(d.u[j*size]), math.Abs(d.k[0][j*size])
		if u > 0 && f > 0 {
			h = min(h, 0.01*u/f)
		}
	}
	return max(min(h, 0.01*most), 1e-9*most)
}

// step fills next and k[6] and returns the largest error relative to what is
// allowed and the state it is in.
func (d *dopri) step(t, h float64) (float64, int) {
	for s := 1; s < 7; s++ {
		dst := d.stage
		if s == 6 {
			dst = d.next // the last stage is the solution of order 5
		}
		d.combine(dst, h, s)
		d.rhs(d.k[s], t+dpC[s]*h, dst)
	}
	size := d.alg.size()
	most, worst := 0.0, 0
	k0, k2, k3, k4, k5, k6 := d.k[0], d.k[2], d.k[3], d.k[4], d.k[5], d.k[6]
	for j := range d.states {
		s := max(math.Abs(d.u[j*size]), math.Abs(d.next[j*size]), negligible*d.peak[j])
		for c, w := range d.weight {
			i := j*size + c
			e := math.Abs(h * (dpE[0]*k0[i] + dpE[2]*k2[i] + dpE[3]*k3[i] + dpE[4]*k4[i] + dpE[5]*k5[i] + dpE[6]*k6[i]))
			if e == 0 {
				continue
			}
			r := e / (d.tol * max(s*w, math.Abs(d.u[i]), math.Abs(d.next[i])))
			if !(r <= most) {
				most, worst = r, j
				if math.IsNaN(r) || math.IsInf(d.next[i], 0) {
					return math.NaN(), j
				}
			}
		}
	}
	return most, worst
}

// combine sets dst = u + h Σ_{i<s} a_si k_i.
func (d *dopri) combine(dst []float64, h float64, s int) {
	u := d.u[:len(dst)]
	k0 := d.k[0][:len(dst)]
	a := dpA[s]
	for i := range a {
		a[i] *= h
	}
	switch s {
	case 1:
		for i := range dst {
			dst[i] = u[i] + a[0]*k0[i]
		}
	case 2:
		k1 := d.k[1][:len(dst)]
		for i := range dst {
			dst[i] = u[i] + a[0]*k0[i] + a[1]*k1[i]
		}
	case 3:
		k1, k2 := d.k[1][:len(dst)], d.k[2][:len(dst)]
		for i := range dst {
			dst[i] = u[i] + a[0]*k0[i] + a[1]*k1[i] + a[2]*k2[i]
		}
	case 4:
		k1, k2, k3 := d.k[1][:len(dst)], d.k[2][:len(dst)], d.k[3][:len(dst)]
		for i := range dst {
			dst[i] = u[i] + a[0]*k0[i] + a[1]*k1[i] + a[2]*k2[i] + a[3]*k3[i]
		}
	default:
		k1, k2, k3, k4 := d.k[1][:len(dst)], d.k[2][:len(dst)], d.k[3][:len(dst)], d.k[4][:len(dst)]
		k5 := d.k[5][:len(dst)]
		if s == 5 {
			k5 = k4 // with coefficient 0
		}
		for i := range dst {
			dst[i] = u[i] + a[0]*k0[i] + a[1]*k1[i] + a[2]*k2[i] + a[3]*k3[i] + a[4]*k4[i] + a[5]*k5[i]
		}
	}
}
