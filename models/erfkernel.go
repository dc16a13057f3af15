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

// reluPair returns the averages of two units φ(h) = max(h, 0), with ϑ the angle
// between a and b (arc-cosine kernels, Cho and Saul, NIPS 22 (2009)):
//
//	E[φ′_a φ′_b xxᵀ] = {(π−ϑ) I + sin ϑ M}/2π,
//
// where M exchanges the directions of a and b and vanishes across them. The rest
// follows from φ(a·x) = φ′(a·x) a·x. A zero weight gives a dead unit, φ = φ′ = 0.
func reluPair(a, b []float64) GaussPair {
	checkLen(len(b), len(a))
	var qaa, qab, qbb float64
	for k, v := range a {
		qaa += v * v
		qab += v * b[k]
		qbb += b[k] * b[k]
	}
	if qaa == 0 || qbb == 0 {
		return GaussPair{}
	}
	// |across| = |a| |b| sin ϑ from the part of b across a, not from 1 − cos².
	c, area := qab/qaa, 0.0
	for k, v := range a {
		d := b[k] - c*v
		area += d * d
	}
	across := math.Sqrt(qaa * area)
	angle := math.Atan2(across, qab)
	eye := (math.Pi - angle) / (2 * math.Pi)
	na, nb := math.Sqrt(qaa), math.Sqrt(qbb)
	p := GaussPair{
		PhiPhi: eye*qab + across/(2*math.Pi),
		// E[φ′_a φ_b x] = (Eye I + sinϑ M/2π) b, and M b = (|b|/|a|) a.
		SlopeAOnA: across / (2 * math.Pi * qaa), SlopeAOnB: eye,
		SlopeBOnA: eye, SlopeBOnB: across / (2 * math.Pi * qbb),
		Eye: eye,
	}
	if across > 0 { // sin ϑ M → 0 with the angle
		s := na * nb / (2 * math.Pi * across) // 1/(2π sin ϑ)
		p.AB = s / (na * nb)
		p.AA = -s * qab / (na * nb) / qaa
		p.BB = -s * qab / (na * nb) / qbb
	}
	return p
}
