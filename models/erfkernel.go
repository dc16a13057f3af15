package models

import "math"

// A GaussPair holds the averages over x ~ N(0, I) of two hidden units φ(a·x) and
// φ(b·x) and of their derivatives: everything that the Fisher information, the
// population loss and the averaged learning equations of a network need. Vectors
// and matrices are given by their coefficients on a, b and the identity, so that
// a pair allocates nothing.
type GaussPair struct {
	// PhiPhi = E[φ(a·x) φ(b·x)].
	PhiPhi float64
	// E[φ′(a·x) φ(b·x) x] = SlopeAOnA a + SlopeAOnB b.
	SlopeAOnA, SlopeAOnB float64
	// E[φ(a·x) φ′(b·x) x] = SlopeBOnA a + SlopeBOnB b.
	SlopeBOnA, SlopeBOnB float64
	// E[φ′(a·x) φ′(b·x) x xᵀ] = Eye I + AA aaᵀ + AB (abᵀ + baᵀ) + BB bbᵀ.
	Eye, AA, AB, BB float64
}

// ErfPair returns the averages of two erf units φ(h) = erf(h/√2). It panics if a
// and b differ in length. With Q the Gram matrix of a and b and
// Δ = (1+Q_aa)(1+Q_bb) − Q_ab²,
//
//	E[φ_a φ_b]       = (2/π) arcsin(Q_ab/√((1+Q_aa)(1+Q_bb)))
//	E[φ_a φ′_b x]    = (2/π) Δ^{−1/2} (a − Q_ab/(1+Q_bb) b)
//	E[φ′_a φ′_b xxᵀ] = (2/π) Δ^{−1/2} (I + aaᵀ + bbᵀ)^{−1}
//
// (Saad and Solla, Physical Review E 52 (1995); Rattray, Saad and Amari, Physical
// Review Letters 81 (1998)). The last follows because φ′_a φ′_b times the normal
// density is (2/π) times a Gaussian of that precision matrix, whose determinant
// is Δ.
func ErfPair(a, b []float64) GaussPair {
	checkLen(len(b), len(a))
	if len(a) == 1 {
		return erfPair1(a[0], b[0])
	}
	var qaa, qab, qbb float64
	for k, v := range a {
		qaa += v * v
		qab += v * b[k]
		qbb += b[k] * b[k]
	}
	// Δ = 1 + Q_aa + Q_bb + |a|²|b⊥|² with b⊥ the part of b across a: no
	// cancellation for large weights that are nearly parallel.
	area := 0.0
	if qaa > 0 {
		c := qab / qaa
		for k, v := range a {
			d := b[k] - c*v
			area += d * d
		}
		area *= qaa
	}
	delta := 1 + qaa + qbb + area
	root := math.Sqrt(delta)
	d := (2 / math.Pi) / root
	return GaussPair{
		PhiPhi:    (2 / math.Pi) * math.Atan2(qab, root), // arcsin without loss near ±1
		SlopeAOnA: -d * qab / (1 + qaa), SlopeAOnB: d,
		SlopeBOnA: d, SlopeBOnB: -d * qab / (1 + qbb),
		Eye: d, AA: -d * (1 + qbb) / delta, AB: d * qab / delta, BB: -d * (1 + qaa) / delta,
	}
}

// erfPair1 is ErfPair for scalars, where the differences above are done by hand:
// a − ab²/(1+b²) = a/(1+b²) and (1 + a² + b²)^{−1} need no subtraction.
func erfPair1(a, b float64) GaussPair {
	delta := 1 + a*a + b*b
	root := math.Sqrt(delta)
	d := (2 / math.Pi) / root
	return GaussPair{
		PhiPhi:    (2 / math.Pi) * math.Atan2(a*b, root),
		SlopeAOnB: d / (1 + a*a),
		SlopeBOnA: d / (1 + b*b),
		Eye:       d / delta,
	}
}

// ErfKernel returns C(a, b) = E[φ(ax)φ(bx)] = (2/π) arcsin(ab/√((1+a²)(1+b²)))
// for scalar weights, the erf unit φ(h) = erf(h/√2) and x ~ N(0, 1).
func ErfKernel(a, b float64) float64 {
	return (2 / math.Pi) * math.Atan2(a*b, math.Sqrt(1+a*a+b*b))
}

// ErfKernelA returns ∂C/∂a = E[φ′(ax)φ(bx)x] = (2/π) b/((1+a²)√(1+a²+b²)).
func ErfKernelA(a, b float64) float64 {
	return (2 / math.Pi) * b / ((1 + a*a) * math.Sqrt(1+a*a+b*b))
}

// ErfKernelAB returns ∂²C/∂a∂b = E[φ′(ax)φ′(bx)x²] = (2/π)(1+a²+b²)^{−3/2}.
func ErfKernelAB(a, b float64) float64 {
	d := 1 + a*a + b*b
	return (2 / math.Pi) / (d * math.Sqrt(d))
}

// ErfKernelAA returns ∂²C/∂a² = E[φ″(ax)φ(bx)x²]
// = −(2/π) ab [2/(1+a²) + 1/(1+a²+b²)]/((1+a²)√(1+a²+b²)).
func ErfKernelAA(a, b float64) float64 {
	p, d := 1+a*a, 1+a*a+b*b
	return -(2 / math.Pi) * a * b * (2/p + 1/d) / (p * math.Sqrt(d))
}

// ErfCurvature returns the second derivative of C(a, b) = E[φ(a·x)φ(b·x)] by a,
//
//	E[φ″(a·x) φ(b·x) xxᵀ] = eye I + aa aaᵀ + ab (abᵀ + baᵀ) + bb bbᵀ
//
// for the erf unit (differentiating E[φ′_a φ_b x] of ErfPair).
func ErfCurvature(a, b []float64) (eye, aa, ab, bb float64) {
	checkLen(len(b), len(a))
	var qaa, qab, qbb float64
	for k, v := range a {
		qaa += v * v
		qab += v * b[k]
		qbb += b[k] * b[k]
	}
	delta := (1+qaa)*(1+qbb) - qab*qab
	d := (2 / math.Pi) / math.Sqrt(delta)
	c := qab / (1 + qaa)
	return -d * c, d * c * (2/(1+qaa) + (1+qbb)/delta), -d * (1 + qbb) / delta, d * qab / delta
}

// acrossPair is a function that fills c with the second vector of a basis of the
// plane of a and b and returns a GaussPair whose coefficients on b refer to c.
type acrossPair func(c, a, b []float64) GaussPair

// erfAcross is ErfPair: c is b itself.
func erfAcross(c, a, b []float64) GaussPair {
	copy(c, b)
	return ErfPair(a, b)
}

// reluAcross returns the averages of two units φ(h) = max(h, 0) on the basis of a
// and the part c of b across a, with ϑ the angle between a and b (arc-cosine
// kernels, Cho and Saul, NIPS 22 (2009)):
//
//	E[φ′_a φ′_b xxᵀ] = {(π−ϑ) I + sin ϑ M}/2π,
//
// where M exchanges the directions of a and b and vanishes across their plane.
// The rest follows from φ(a·x) = φ′(a·x) a·x. With the unit vectors ā along a and
// e along c, M = cos ϑ (āāᵀ − eeᵀ) + sin ϑ (āeᵀ + eāᵀ): on a and b themselves its
// coefficients would grow as 1/sin²ϑ and cancel. A zero weight gives a dead
// unit, φ = φ′ = 0.
func reluAcross(c, a, b []float64) GaussPair {
	var qaa, qab, qbb float64
	for k, v := range a {
		qaa += v * v
		qab += v * b[k]
		qbb += b[k] * b[k]
	}
	if qaa == 0 || qbb == 0 {
		clear(c)
		return GaussPair{}
	}
	along, area := qab/qaa, 0.0
	for k, v := range a {
		c[k] = b[k] - along*v
		area += c[k] * c[k]
	}
	across := math.Sqrt(qaa * area) // |a| |b| sin ϑ
	eye := (math.Pi - math.Atan2(across, qab)) / (2 * math.Pi)
	t := across / (2 * math.Pi)
	p := GaussPair{
		PhiPhi:    eye*qab + t,
		SlopeAOnA: eye*along + t/qaa, SlopeAOnB: eye,
		SlopeBOnA: eye + t/qbb*along, SlopeBOnB: t / qbb,
		Eye: eye, AA: t * qab / (qaa * qaa * qbb), AB: t / (qaa * qbb),
	}
	if area > 0 {
		p.BB = -t * qab / (qaa * qbb * area)
	}
	return p
}
