package singular

import (
	"fmt"
	"math"
)

// A MixtureScore computes the supremum of the empirical score process of the test
// of one normal against two, variance 1 known, on given data:
//
//	T_n = sup_{|t| ≤ M} max(0, W_n(t))²,
//	W_n(t) = Σ_i [e^{t x_i − t²/2} − 1 − t x_i] / √(n e₁(t²)),  x centred at its mean,
//
// with e₁(p) = e^p − 1 − p. It is what the likelihood ratio is close to, sample
// by sample, long before either is close to the limit law "homogeneity"
// (Dacunha-Castelle and Gassiat 1997; Liu and Shao 2003). It owns scratch: one
// goroutine at a time.
type MixtureScore struct {
	bound float64
	step  float64
	half  int       // grid t_j = j step, −half ≤ j ≤ half
	path  []float64 // W_n on the grid
	up    []float64 // e^{t x_i − t²/2} at the current grid point
	ratio []float64 // e^{step x_i}
	x     []float64 // centred data
}

const (
	// scoreStep keeps neighbours of the grid within the distance at which the
	// quartic through five of them is good to 1e-7.
	scoreStep = 0.05
	// smallT is where e^{tx − t²/2} − 1 − tx would cancel and its Hermite series
	// takes over; six terms reach 1e-9 of the leading one.
	smallT = 0.02
	// hermiteTerms is the number of terms of that series, from degree 2.
	hermiteTerms = 6
)

// NewMixtureScore returns the process for |t| ≤ bound. It returns an error unless
// 0 < bound ≤ 30.
func NewMixtureScore(bound float64) (*MixtureScore, error) {
	if !(bound > 0 && bound <= 30) {
		return nil, fmt.Errorf("singular: bound %v: allowed is above 0 and at most 30", bound)
	}
	half := max(2, int(math.Ceil(bound/scoreStep)))
	return &MixtureScore{bound: bound, step: bound / float64(half), half: half, path: make([]float64, 2*half+1)}, nil
}

// Sup returns T_n and the t at which it is attained (0 if T_n is 0). data is only
// read; it is centred here and must have standard deviation 1 under the null
// hypothesis. It panics on an empty slice. It allocates only when data is longer
// than before.
func (m *MixtureScore) Sup(data []float64) (statistic, at float64) {
	n := len(data)
	if n == 0 {
		panic("singular: no data")
	}
	if cap(m.x) < n {
		m.x, m.up, m.ratio = make([]float64, n), make([]float64, n), make([]float64, n)
	}
	m.x, m.up, m.ratio = m.x[:n], m.up[:n], m.ratio[:n]
	mean := 0.0
	for _, v := range data {
		mean += v
	}
	mean /= float64(n)
	for i, v := range data {
		m.x[i] = v - mean
	}
	m.fill()
	best := 0.0
	for j, v := range m.path {
		if v < best-peakMargin || j > 0 && m.path[j-1] > v || j+1 < len(m.path) && m.path[j+1] > v {
			continue
		}
		t, w := m.refine(j)
		if w > best {
			best, at = w, t
		}
	}
	return best * best, at
}

// fill computes W_n on the grid with one exponential per observation and sign: by
// e^{(t+h)x} = e^{tx} e^{hx}.
func (m *MixtureScore) fill() {
	n := float64(len(m.x))
	for _, sign := range [2]float64{1, -1} {
		for i, v := range m.x {
			m.ratio[i] = math.Exp(sign * m.step * v)
			m.up[i] = 1
		}
		for k := 0; k <= m.half; k++ {
			t := sign * float64(k) * m.step
			j := m.half + int(sign)*k
			sum := n
			if k > 0 {
				sum = advance(m.up, m.ratio)
			}
			if math.Abs(t) < smallT {
				m.path[j] = m.series(t)
				continue
			}
			// Σ t x_i = 0: the data is centred.
			m.path[j] = (sum*math.Exp(-t*t/2) - n) / math.Sqrt(n*(math.Expm1(t*t)-t*t))
		}
	}
}

// advance multiplies up by ratio and returns the sum of the products, in four parts so
// that an addition need not wait for the one before.
func advance(up, ratio []float64) float64 {
	ratio = ratio[:len(up)]
	var a, b, c, d float64
	i := 0
	for ; i+4 <= len(up); i += 4 {
		u, r := up[i:i+4:i+4], ratio[i:i+4:i+4]
		u[0] *= r[0]
		u[1] *= r[1]
		u[2] *= r[2]
		u[3] *= r[3]
		a, b, c, d = a+u[0], b+u[1], c+u[2], d+u[3]
	}
	for ; i < len(up); i++ {
		up[i] *= ratio[i]
		a += up[i]
	}
	return (a + b) + (c + d)
}

// value is W_n(t) from its definition.
func (m *MixtureScore) value(t float64) float64 {
	if math.Abs(t) < smallT {
		return m.series(t)
	}
	n, sum := float64(len(m.x)), 0.0
	for _, v := range m.x {
		sum += math.Exp(t*v - t*t/2)
	}
	return (sum - n) / math.Sqrt(n*(math.Expm1(t*t)-t*t))
}

// series is W_n(t) = Σ_{k≥2} t^{k−2} h_k/√n / √(2 Σ_{k≥2} t^{2k−4}/k!), times √2,
// with h_k = Σ_i He_k(x_i)/k!, near t = 0.
func (m *MixtureScore) series(t float64) float64 {
	var h [hermiteTerms]float64
	for _, x := range m.x {
		a, b, fact := x, x*x-1, 2.0 // He_{k−1}, He_k, k!
		for k := range hermiteTerms {
			h[k] += b / fact
			deg := float64(k + 2)
			a, b = b, x*b-deg*a
			fact *= deg + 1
		}
	}
	num, den := 0.0, 0.0
	power, square, fact := 1.0, 1.0, 2.0
	for k := range hermiteTerms {
		num += power * h[k]
		den += square / fact
		power *= t
		square *= t * t
		fact *= float64(k + 3)
	}
	return num / math.Sqrt(float64(len(m.x))*den)
}

// refine maximises W_n between the neighbours of grid point j by successive
// parabolic interpolation on the process itself.
func (m *MixtureScore) refine(j int) (t, w float64) {
	grid := func(j int) float64 { return float64(j-m.half) * m.step }
	lo, hi := grid(max(j-1, 0)), grid(min(j+1, len(m.path)-1))
	t, w = grid(j), m.path[j]
	// Four parabolas through the best three points bring the error of W from
	// step⁴ to rounding; each costs one pass over the data.
	a, fa, b, fb := lo, m.path[max(j-1, 0)], hi, m.path[min(j+1, len(m.path)-1)]
	if a == t || b == t { // at an end of the interval
		mid := (lo + hi) / 2
		fm := m.value(mid)
		if fm <= w {
			return t, w
		}
		t, w = mid, fm
		a, fa, b, fb = lo, m.value(lo), hi, m.value(hi)
	}
	for range 4 {
		d1, d2 := t-a, t-b
		q1, q2 := d1*(w-fb), d2*(w-fa)
		if q1 == q2 {
			break
		}
		next := t - (d1*q1-d2*q2)/(2*(q1-q2))
		if !(next > a && next < b) || next == t {
			break
		}
		f := m.value(next)
		switch {
		case f > w && next > t:
			a, fa, t, w = t, w, next, f
		case f > w:
			b, fb, t, w = t, w, next, f
		case next > t:
			b, fb = next, f
		default:
			a, fa = next, f
		}
	}
	return t, w
}
