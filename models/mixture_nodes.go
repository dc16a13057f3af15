package models

import (
	"fmt"
	"math"
)

const (
	mixNodeReach = 9.0 // standard deviations
	mixMaxNodes  = 1 << 22
)

// Nodes discretises the law of one observation: for every component with
// positive weight the trapezoidal rule in its whitened coordinates, Points nodes
// per dimension over ±9 standard deviations. By default 145 in one dimension and
// 121 in two; more dimensions need an explicit number. For g analytic in a strip
// of half-width a (in standard deviations) the error falls like exp(−2πa/h), h
// the step (Trefethen and Weideman, SIAM Review 56 (2014), theorem 5.1).
func (m *Mixture) Nodes(theta []float64, rule Rule) (z *Data, w []float64, err error) {
	if err := CheckTheta(m, theta); err != nil {
		return nil, nil, err
	}
	if rule.Points == 0 && m.dim > 2 {
		return nil, nil, fmt.Errorf("%v: no default rule in %d dimensions: give the number of nodes", m, m.dim)
	}
	points := rule.points(145)
	if m.dim == 2 {
		points = rule.points(121)
	}
	if points < 2 {
		return nil, nil, fmt.Errorf("%v: %d nodes per dimension: allowed is 2 or more", m, points)
	}
	c := m.newComponents()
	c.set(theta)
	present := 0
	for _, pi := range c.w {
		if pi > 0 {
			present++
		}
	}
	size := math.Pow(float64(points), float64(m.dim))
	if size*float64(present) > mixMaxNodes {
		return nil, nil, fmt.Errorf("%v: %d nodes in each of %d dimensions are too many: allowed are %d in all", m, points, m.dim, mixMaxNodes)
	}
	n := int(size)
	z = NewData(n*present, 0, m.dim)
	w = make([]float64, 0, n*present)
	h := 2 * mixNodeReach / float64(points-1)
	t := make([]float64, m.dim)
	for j, pi := range c.w {
		if pi == 0 {
			continue
		}
		start, sum := len(w), 0.0
		for i := range n {
			q := 0.0
			for a, rest := 0, i; a < m.dim; a++ {
				t[a] = -mixNodeReach + h*float64(rest%points)
				rest /= points
				q += t[a] * t[a]
			}
			y, l := z.Y(start+i), c.chol[j*m.dim*m.dim:]
			for a := range y {
				y[a] = c.mu[j*m.dim+a]
				for b := range a + 1 {
					y[a] += l[a*m.dim+b] * t[b]
				}
			}
			w = append(w, math.Exp(-0.5*q))
			sum += w[start+i]
		}
		for i := range n {
			w[start+i] *= pi / sum
		}
	}
	return z, w, nil
}
