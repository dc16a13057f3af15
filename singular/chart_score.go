package singular

import "math"

// Score fills dst (d) with the derivative in the chart coordinates of the expected
// log-likelihood under a truth, and returns the divergence KL(truth‖at), up to
// terms that the truth alone decides: ½σ⁻² E(f₀−f)² for a network, whose mean at
// input x is truth(x), and E log(q/p) for a mixture, truth the density q. reach
// is the largest size of a location of the truth, 0 if it is no larger than those
// at at. Unlike a score transformed from θ it keeps its digits as u → 0. The
// errors are those of Inverse.
func (c *Chart) Score(dst, at []float64, truth func(x float64) float64, reach float64) (loss float64, err error) {
	if len(dst) != len(c.coords) {
		panic(badLength)
	}
	q, err := c.measure(at)
	if err != nil {
		return math.NaN(), err
	}
	step, lo, hi := c.grid(q)
	if c.mix > 0 {
		lo = min(lo, int(math.Floor((-reach-9*c.mix)/step)))
		hi = max(hi, int(math.Ceil((reach+9*c.mix)/step)))
	} else if fine := 0.2 / c.narrow(reach); fine < step {
		lo, hi = int(math.Floor(float64(lo)*step/fine)), int(math.Ceil(float64(hi)*step/fine))
		step = fine
	}
	for i := range dst {
		dst[i] = 0
	}
	for i := lo; i <= hi; i++ {
		x := float64(i) * step
		g, law := c.gradient(q, x)
		w := step
		if c.mix > 0 {
			p0 := truth(x)
			if law == 0 || p0 == 0 {
				continue
			}
			w *= p0 / law
			// q log(q/p) − q + p ≥ 0 has the same integral and no negative terms.
			loss += step * p0 * excess(math.Log(law/p0))
		} else {
			y := x / c.sd
			e := truth(x) - q.r*law // law is the mean for r = 1
			w *= math.Exp(-y*y/2) / (c.sd * math.Sqrt(2*math.Pi) * c.noise * c.noise)
			loss += 0.5 * w * e * e
			w *= e
		}
		for a := range dst {
			dst[a] += w * g[a]
		}
	}
	return loss, nil
}
