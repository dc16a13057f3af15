package singular

import "math"

// Correlations of limit scores. Each is written so that the removable 0/0 at the
// singular point itself, where the normalised score has a limit, costs no
// digits.

// expTail is f_k(p) e^{−p} for p ≥ 0 and f_k(p) for p < 0, where
// f_k(p) = Σ_{j≥k} p^{j−k}/j! = (e^p − Σ_{j<k} p^j/j!)/p^k, k = 1, 2, 3.
func expTail(k int, p float64) float64 {
	if math.Abs(p) < 2 {
		// Below 2 in size the closed form cancels; 30 terms reach 1e-17.
		fact := 1.0
		for j := 2; j <= k; j++ {
			fact *= float64(j)
		}
		term := 1 / fact
		sum := term
		for j := k + 1; j < k+30; j++ {
			term *= p / float64(j)
			sum += term
		}
		if p >= 0 {
			return sum * math.Exp(-p)
		}
		return sum
	}
	poly, power := 1.0, p // Σ_{j<k} p^j/j!, p^k
	term := 1.0
	for j := 1; j < k; j++ {
		term *= p / float64(j)
		poly += term
		power *= p
	}
	if p > 0 {
		return (1 - poly*math.Exp(-p)) / power
	}
	return (math.Exp(p) - poly) / power
}

// hermiteKernel returns the correlation of the processes Σ_{j≥k} g_j t^{j−k}/√j!,
// normalised: what remains of e^{tx − t²/2} under N(0,1) after the Hermite
// polynomials of degree below k have been projected out. At t and −t it takes
// the sign that continues smoothly through 0; the score itself has the sign of
// t^k more.
func hermiteKernel(k int) func(s, t float64) float64 {
	return func(s, t float64) float64 {
		var num float64
		if p := s * t; p >= 0 {
			num = expTail(k, p) * math.Exp(-(s-t)*(s-t)/2)
		} else {
			num = expTail(k, p) * math.Exp(-(s*s+t*t)/2)
		}
		return num / math.Sqrt(expTail(k, s*s)*expTail(k, t*t))
	}
}

// sechKernel is the correlation of √(1−ρ²) Σ ρ^k g_k in the coordinate
// s = artanh ρ.
func sechKernel(s, t float64) float64 { return 1 / math.Cosh(s-t) }

// unitKernel returns the correlation of the scores of v in y = vφ(wx) + e at v = 0
// in the coordinate log(1+w), from the function E φ(ax)φ(bx).
func unitKernel(moment func(a, b float64) float64) func(s, t float64) float64 {
	return func(s, t float64) float64 {
		a, b := math.Expm1(s), math.Expm1(t)
		return moment(a, b) / math.Sqrt(moment(a, a)*moment(b, b))
	}
}

// erfMoment is E erf(ax/√2) erf(bx/√2) for x ~ N(0,1) (Williams, Neural
// Computation 10 (1998) 1203–1216).
func erfMoment(a, b float64) float64 {
	return 2 / math.Pi * math.Asin(a*b/math.Sqrt((1+a*a)*(1+b*b)))
}

// tanhMoment returns E tanh(ax) tanh(bx) for x ~ N(0,1), for weights a, b in
// [1e-4, 1e4]. In the coordinate log x the integrand is analytic in a strip and
// decays at both ends, so that the trapezoidal rule converges geometrically
// whatever the slope of the units: with step 1/8 the error is below 1e-14.
func tanhMoment() func(a, b float64) float64 {
	const lo, hi, step = -20, 2.5, 0.125
	var xs, ws []float64
	for y := float64(lo); y <= hi; y += step {
		x := math.Exp(y)
		xs = append(xs, x)
		ws = append(ws, 2*step*x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi))
	}
	return func(a, b float64) float64 {
		sum := 0.0
		for i, x := range xs {
			sum += ws[i] * math.Tanh(a*x) * math.Tanh(b*x)
		}
		return sum
	}
}

// arcsineKernel is the correlation of the scores of ξ in y = ξ φ(β ω·x) + e,
// erf units, at ξ = 0 for directions of the unit circle at angles s and t.
func arcsineKernel(beta float64) func(s, t float64) float64 {
	c := beta * beta / (1 + beta*beta)
	top := math.Asin(c)
	return func(s, t float64) float64 { return math.Asin(c*math.Cos(s-t)) / top }
}
