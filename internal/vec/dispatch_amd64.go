//go:build amd64 && !purego

package vec

import "golang.org/x/sys/cpu"

// chosen is the path that the kernels take. Only tests change it.
var chosen = detect()

func detect() path {
	switch x := cpu.X86; {
	case x.HasAVX512F && x.HasAVX512DQ && x.HasAVX2 && x.HasFMA:
		return avx512
	case x.HasAVX2 && x.HasFMA:
		return avx2
	}
	return portable
}

// vectorised reports whether there is assembly for this machine.
func vectorised() bool { return chosen != portable }

func expLanes(dst, x []float64) {
	switch chosen {
	case avx512:
		exp512(&dst[0], &x[0], len(x))
	case avx2:
		exp256(&dst[0], &x[0], len(x))
	default:
		expPortable(dst, x)
	}
}

func tanhLanes(dst, x []float64) {
	switch chosen {
	case avx512:
		tanh512(&dst[0], &x[0], len(x))
	case avx2:
		tanh256(&dst[0], &x[0], len(x))
	default:
		tanhPortable(dst, x)
	}
}

func erfLanes(dst, x []float64) {
	switch chosen {
	case avx512:
		erf512(&dst[0], &x[0], len(x))
	case avx2:
		erf256(&dst[0], &x[0], len(x))
	default:
		erfPortable(dst, x)
	}
}

func sumLanes(v *vector, x []float64) {
	switch chosen {
	case avx512:
		sum512(&v[0], &x[0], len(x))
	case avx2:
		sum256(&v[0], &x[0], len(x))
	default:
		sumPortable(v, x)
	}
}

func dotLanes(v *vector, x, y []float64) {
	switch chosen {
	case avx512:
		dot512(&v[0], &x[0], &y[0], len(x))
	case avx2:
		dot256(&v[0], &x[0], &y[0], len(x))
	default:
		dotPortable(v, x, y)
	}
}

func sumExpLanes(v *vector, x []float64, top float64) {
	switch chosen {
	case avx512:
		sumExp512(&v[0], &x[0], len(x), top)
	case avx2:
		sumExp256(&v[0], &x[0], len(x), top)
	default:
		sumExpPortable(v, x, top)
	}
}

func pairLanes(m *Mixture, y []float64) {
	switch chosen {
	case avx512:
		pair512(&m.state[0][0], &m.C[0].LogC, &y[0], len(y))
	case avx2:
		pair256(&m.state[0][0], &m.C[0].LogC, &y[0], len(y))
	default:
		mixturePortable(m, y, true)
	}
}

func pairLogLikLanes(m *Mixture, y []float64) {
	switch chosen {
	case avx512:
		pairLogLik512(&m.state[0][0], &m.C[0].LogC, &y[0], len(y))
	case avx2:
		pairLogLik256(&m.state[0][0], &m.C[0].LogC, &y[0], len(y))
	default:
		mixturePortable(m, y, false)
	}
}

func pairCurveLanes(m *Mixture, y []float64) {
	switch chosen {
	case avx512:
		pairCurve512(&m.state[0][0], &m.C[0].LogC, &y[0], len(y))
	case avx2:
		pairCurve256(&m.state[0][0], &m.C[0].LogC, &y[0], len(y))
	default:
		pairCurvePortable(m, y)
	}
}

func mixtureLanes(m *Mixture, y []float64, moments bool) {
	if chosen == portable {
		mixturePortable(m, y, moments)
		return
	}
	k := len(m.C)
	switch {
	case chosen == avx512 && moments:
		mixture512(&m.state[0][0], &m.rows[0][0], &m.C[0].LogC, k, &y[0], len(y))
	case chosen == avx512:
		mixtureLogLik512(&m.state[0][0], &m.rows[0][0], &m.C[0].LogC, k, &y[0], len(y))
	case moments:
		mixture256(&m.state[0][0], &m.rows[0][0], &m.C[0].LogC, k, &y[0], len(y))
	default:
		mixtureLogLik256(&m.state[0][0], &m.rows[0][0], &m.C[0].LogC, k, &y[0], len(y))
	}
}

func logitLanes(out *logitSums, l *Logit, y []float64) {
	switch chosen {
	case avx512:
		logit512(&out.product, &l.Odds, &y[0], len(y))
	case avx2:
		logit256(&out.product, &l.Odds, &y[0], len(y))
	default:
		logitPortable(out, l, y)
	}
}

func wideARMA() bool { return chosen != portable }

func armaLanes(st *armaState, y []float64, points int) {
	if chosen == avx512 {
		arma512(&st[0][0], &y[0], len(y))
		return
	}
	arma256(&st[0][0], &y[0], len(y))
	if points > lanes/2 {
		arma256(&st[0][lanes/2], &y[0], len(y))
	}
}

func tileLanes(c []float64, stride int, a, b []float64, k int) {
	switch chosen {
	case avx512:
		tile512(&c[0], 8*stride, &a[0], &b[0], k)
	case avx2:
		tile256(&c[0], 8*stride, &a[0], &b[0], k)
	default:
		tilePortable(c, stride, a, b, k)
	}
}

func normalLanes(g *Generators, dst []float64) {
	switch chosen {
	case avx512:
		normal512(&g[0][0], &dst[0], len(dst))
	case avx2:
		normal256(&g[0][0], &dst[0], len(dst))
		normal256(&g[0][lanes/2], &dst[lanes/2], len(dst))
	default:
		normalPortable(g, dst)
	}
}

func learnLanes(l *Learner, x []float64, steps int) {
	kernel := learnTanh512
	switch {
	case chosen == portable:
		learnPortable(l, x, steps)
		return
	case chosen == avx512 && l.Unit == ErfUnit:
		kernel = learnErf512
	case chosen == avx2 && l.Unit == ErfUnit:
		kernel = learnErf256
	case chosen == avx2:
		kernel = learnTanh256
	}
	teachers := len(l.Teacher) / (l.Inputs + 1)
	for i := 0; i < lanes; i += lanes / 2 {
		kernel(&l.State[i], &l.Teacher[0], &x[i], &l.phi[i], l.Hidden, teachers, 8*lanes*l.Inputs, steps, l.Rate, l.Noise)
		if chosen == avx512 {
			break
		}
	}
}
