package dynamics

import (
	"errors"
	"math"
)

// Closure says how a reduced system treats the single unit (s, r) while u moves.
type Closure int

const (
	// Published keeps the residual orthogonal to the tangent space of the single
	// unit, ∂L/∂s = 0 and ∂L/∂r = −(1−z²)u²K/2r:
	//
	//	du/dτ = 2(1−z²)K u,  dz/dτ = −z(z²+3)K u²/r²
	//
	// (Amari, Springer 2016, (12.141) and (12.142)). For a mixture, which has no r,
	// the same closure gives dz/dτ = −4zK u².
	Published Closure = iota
	// QuasiSteady has s and r stand still:
	//
	//	du/dτ = 2(1−z²)K u/(1+z²),  dz/dτ = −4zK u²/(r²(1+z²))
	//
	// (derived here), which is what the flow does for small K. For a mixture r² = ½.
	QuasiSteady
)

// String returns the name in words.
func (c Closure) String() string { return [...]string{"published", "quasi-steady"}[c] }

// A Reduced is the slow flow of x = (u, z) near a critical line with one input. Its
// orbits are the level sets of
//
//	Invariant = ½u² − F(z),
//
// F = (2r²/3) log((z²+3)²/|z|) for the published closure and
// (r²/2)(z²/2 − log|z|) for the quasi-steady one. F has its least value at
// |z| = 1, so that level sets below that of (0, ±1) end on the line and those above
// never reach it. A Reduced is immutable and safe for concurrent use.
type Reduced struct {
	Closure Closure
	K       float64
	Scale   float64 // |r|; 1/√2 for a mixture
	Level   float64 // loss on the line
	// Flat is above 0 on a line with K = 0, where the teacher is the single unit
	// itself: the loss is ½Flat(1−z²)²u⁴, and in the quasi-steady closure
	//
	//	du/dτ = −4 Flat (1−z²)² u³/(1+z²),  dz/dτ = 8 Flat z(1−z²) u⁴/(r²(1+z²))
	//
	// (derived here), on the same orbits: u ∝ τ^{−1/2}, and z runs to 1.
	Flat float64

	mixture bool
}

// Reduced returns the reduced system of the line, which must have one input.
func (l *CriticalLine) Reduced(c Closure) (*Reduced, error) {
	if len(l.S) != 1 {
		return nil, errors.New("the reduced system is that of one input")
	}
	r := &Reduced{Closure: c, K: l.K.At(0, 0), Scale: math.Abs(l.R), Level: l.Loss, mixture: l.mixture}
	if l.mixture {
		r.Scale = 1 / math.Sqrt2
	}
	if l.Stability(0) == Neutral {
		r.K = 0
		if c == QuasiSteady {
			var err error
			if r.Flat, err = l.flat(); err != nil {
				return nil, err
			}
		}
	}
	return r, nil
}

// Field fills dst with d(u, z)/dτ. It always reports true.
func (r *Reduced) Field(dst, x []float64) bool {
	u, z := x[0], x[1]
	if r.Flat > 0 {
		w, n := 1-z*z, 1+z*z
		dst[0] = -4 * r.Flat * w * w * u * u * u / n
		dst[1] = 8 * r.Flat * z * w * u * u * u * u / (r.Scale * r.Scale * n)
		return true
	}
	grow, turn := 2*(1-z*z), z*(z*z+3)
	switch {
	case r.Closure == QuasiSteady:
		grow, turn = grow/(1+z*z), 4*z/(1+z*z)
	case r.mixture:
		turn = 2 * z
	}
	dst[0] = grow * r.K * u
	dst[1] = -turn * r.K * u * u / (r.Scale * r.Scale)
	return true
}

// Loss returns the loss near the line, to the order in u that the system stands for.
func (r *Reduced) Loss(x []float64) float64 {
	d := (1 - x[1]*x[1]) * x[0] * x[0]
	return r.Level - 0.5*d*r.K + 0.5*d*d*r.Flat
}

// potential is F.
func (r *Reduced) potential(z float64) float64 {
	z = math.Abs(z)
	r2 := r.Scale * r.Scale
	switch {
	case r.Closure == QuasiSteady:
		return r2 / 2 * (z*z/2 - math.Log(z))
	case r.mixture:
		return r2 * (z*z/2 - math.Log(z))
	}
	return 2 * r2 / 3 * (2*math.Log(z*z+3) - math.Log(z))
}

// Invariant is the first integral ½u² − F(z); −Inf at z = 0.
func (r *Reduced) Invariant(u, z float64) float64 { return u*u/2 - r.potential(z) }

// Separatrix returns the |u| at which the level set through (0, ±1) passes z: the
// boundary of the basin of the line. Near |z| = 1 it is r|z−1| for both closures.
func (r *Reduced) Separatrix(z float64) float64 {
	// Near 1 the difference of the two values of F has lost half its digits.
	if d := math.Abs(z) - 1; math.Abs(d) < 1e-5 {
		return r.cone() * math.Abs(d)
	}
	return math.Sqrt(2 * max(0, r.potential(z)-r.potential(1)))
}

// cone is √F″(1).
func (r *Reduced) cone() float64 {
	if r.mixture && r.Closure == Published {
		return math.Sqrt2 * r.Scale
	}
	return r.Scale
}

// Orbit says what the reduced flow does from (u, z).
type Orbit struct {
	Trapped bool    // it ends on the line
	Z       float64 // where it ends on the line; NaN if it does not
	Nearest float64 // the least |u| on its way: 0 if trapped, √(2(C − C(0,1))) if it gets to |z| = 1, |u| otherwise
}

// Orbit follows the level set of (u, z) forwards. u must not be 0, nor K and Flat both.
func (r *Reduced) Orbit(u, z float64) Orbit {
	outside := math.Abs(z) > 1
	attracting := (r.Flat > 0 || outside == (r.K > 0)) && math.Abs(z) != 1
	level := r.Invariant(u, z) + r.potential(1)
	switch {
	case !attracting:
		return Orbit{Z: math.NaN(), Nearest: math.Abs(u)}
	case level >= 0:
		return Orbit{Z: math.NaN(), Nearest: math.Sqrt(2 * level)}
	}
	return Orbit{Trapped: true, Z: math.Copysign(r.reach(-level, outside), z)}
}

// reach solves F(z) − F(1) = rise > 0 for z > 1 or for 0 < z < 1, by bisection of
// log z.
func (r *Reduced) reach(rise float64, outside bool) float64 {
	lo, hi := -700.0, 0.0
	if outside {
		lo, hi = 0, 350
	}
	least := r.potential(1)
	for range 200 {
		mid := (lo + hi) / 2
		if mid == lo || mid == hi {
			break
		}
		if (r.potential(math.Exp(mid))-least > rise) == outside {
			hi = mid
		} else {
			lo = mid
		}
	}
	return math.Exp((lo + hi) / 2)
}

// Flow returns the reduced system as a Flow of (u, z).
func (r *Reduced) Flow(tol Tolerances) Flow {
	return explicitFlow{newDopri5(r.Field, 2, tol), nil}
}

// Plateau returns how long |u| takes from its value at (u, z) until it has grown to
// exit. It is +Inf for an orbit that does not get there, and 0 if it is there.
//
// An orbit that first approaches the line is followed in z along its level set,
// past the turning point |z| = 1; one that leaves it in log |u|.
func (r *Reduced) Plateau(u, z, exit float64) float64 {
	u, z = math.Abs(u), math.Abs(z)
	if u >= exit {
		return 0
	}
	if r.K == 0 || u == 0 || r.Orbit(u, z).Trapped {
		return math.Inf(1)
	}
	var tau float64
	f, at := make([]float64, 2), make([]float64, 2)
	speed := func(u, z float64) []float64 {
		at[0], at[1] = u, z
		r.Field(f, at)
		return f
	}
	if outside := z > 1; z == 1 || outside == (r.K > 0) {
		least := r.potential(1)
		level := u*u/2 - (r.potential(z) - least) // ½u² at |z| = 1
		rise := min(level, max(0, exit*exit/2-level))
		end := r.reach(rise, r.K < 0)
		height := func(z float64) float64 { return math.Sqrt(2 * (level + r.potential(z) - least)) }
		way := end - z
		y := []float64{0}
		if !follow(func(dst, y []float64, x float64) bool {
			dst[0] = way / speed(height(z+x*way), z+x*way)[1]
			return true
		}, y, 1) {
			return math.Inf(1)
		}
		tau, z = y[0], end
		u = math.Sqrt(2 * (level + rise))
	}
	y, from := []float64{z, tau}, math.Log(u)
	if !follow(func(dst, y []float64, x float64) bool {
		u := math.Exp(from + x)
		f := speed(u, y[0])
		dst[0], dst[1] = f[1]*u/f[0], u/f[0]
		return f[0] > 0
	}, y, math.Log(exit)-from) {
		return math.Inf(1)
	}
	return y[1]
}

// follow integrates dy/dx = f from x = 0 to end.
func follow(f func(dst, y []float64, x float64) bool, y []float64, end float64) bool {
	n := len(y)
	s := newDopri5(func(dst, y []float64) bool {
		dst[n] = 1
		return f(dst[:n], y[:n], y[n])
	}, n+1, Tolerances{})
	at := append(append([]float64(nil), y...), 0)
	for range 1000000 {
		left := end - at[n]
		if left <= 1e-13*end {
			copy(y, at)
			return true
		}
		if _, err := s.step(at, left); err != nil {
			return false
		}
	}
	return false
}
