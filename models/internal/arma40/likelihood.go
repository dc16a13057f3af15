package main

import "math/big"

// gauss is −½ (n log 2πσ² + log Π D_t + Σ v_t²/D_t / σ²).
func gauss(n int, sigma2, product, ss *big.Float) *big.Float {
	twoPi := mul(mul(num(2), pi()), sigma2)
	s := add(mul(num(float64(n)), logarithm(twoPi)), logarithm(product))
	s = add(s, div(ss, sigma2))
	return mul(num(-0.5), s)
}

func centred(c *reference) []*big.Float {
	y := make([]*big.Float, len(c.Y))
	for t, v := range c.Y {
		y[t] = sub(num(v), num(c.Mean))
	}
	return y
}

// autocovariances returns γ_0 … γ_{n−1} for σ² = 1: the p+1 first from the linear
// system γ_k − Σ φ_i γ_{|k−i|} = Σ_{j≥k} θ_j ψ_{j−k} (θ_0 = 1, ψ the moving-average
// expansion), the rest by its recursion.
func autocovariances(c *reference, n int) ([]*big.Float, error) {
	p, q := len(c.AR), len(c.MA)
	theta := []*big.Float{num(1)}
	for _, v := range c.MA {
		theta = append(theta, num(v))
	}
	psi := vector(q + 1)
	for k := range psi {
		psi[k].Set(theta[k])
		for i := 1; i <= min(k, p); i++ {
			psi[k] = add(psi[k], mul(num(c.AR[i-1]), psi[k-i]))
		}
	}
	right := func(k int) *big.Float {
		s := zero()
		for j := k; j <= q; j++ {
			s = add(s, mul(theta[j], psi[j-k]))
		}
		return s
	}
	a, b := square(p+1), vector(p+1)
	for k := range p + 1 {
		a[k][k] = add(a[k][k], num(1))
		for i := 1; i <= p; i++ {
			l := max(k-i, i-k)
			a[k][l] = sub(a[k][l], num(c.AR[i-1]))
		}
		b[k] = right(k)
	}
	gamma, err := solve(a, b)
	if err != nil {
		return nil, err
	}
	for k := p + 1; k < n; k++ {
		g := right(k)
		for i := 1; i <= p; i++ {
			g = add(g, mul(num(c.AR[i-1]), gamma[k-i]))
		}
		gamma = append(gamma, g)
	}
	return gamma[:n], nil
}

// durbinLevinson factorises the covariance matrix of the whole series.
func durbinLevinson(c *reference) (*big.Float, error) {
	n := len(c.Y)
	gamma, err := autocovariances(c, n)
	if err != nil {
		return nil, err
	}
	y := centred(c)
	d := zero().Set(gamma[0])
	product, ss := zero().Set(d), div(mul(y[0], y[0]), d)
	var phi []*big.Float
	for t := 1; t < n; t++ {
		k := zero().Set(gamma[t])
		for j, f := range phi {
			k = sub(k, mul(f, gamma[t-1-j]))
		}
		k = div(k, d)
		next := make([]*big.Float, t)
		for j, f := range phi {
			next[j] = sub(f, mul(k, phi[len(phi)-1-j]))
		}
		next[t-1] = k
		phi = next
		d = mul(d, sub(num(1), mul(k, k)))
		e := zero().Set(y[t])
		for j, f := range phi {
			e = sub(e, mul(f, y[t-1-j]))
		}
		product = mul(product, d)
		ss = add(ss, div(mul(e, e), d))
	}
	return gauss(n, num(c.Sigma2), product, ss), nil
}

// kalman filters the state a_t of dimension r = max(p, q+1), a_t = T a_{t−1} + R e_t,
// T with φ in its first column and ones above the diagonal, R = (1, θ), from the
// solution of P = TPTᵀ + RRᵀ, a linear system in the r² entries of P.
func kalman(c *reference) (*big.Float, error) {
	p, q := len(c.AR), len(c.MA)
	r := max(p, q+1)
	t, load := square(r), vector(r)
	for i := range r {
		if i < p {
			t[i][0] = num(c.AR[i])
		}
		if i+1 < r {
			t[i][i+1] = add(t[i][i+1], num(1))
		}
	}
	load[0] = num(1)
	for j, v := range c.MA {
		load[j+1] = num(v)
	}
	a, b := square(r*r), vector(r*r)
	for i := range r {
		for j := range r {
			row := i*r + j
			for k := range r {
				for l := range r {
					a[row][k*r+l] = zero().Neg(mul(t[i][k], t[j][l]))
				}
			}
			a[row][row] = add(a[row][row], num(1))
			b[row] = mul(load[i], load[j])
		}
	}
	flat, err := solve(a, b)
	if err != nil {
		return nil, err
	}
	cov := square(r)
	for i := range r {
		copy(cov[i], flat[i*r:i*r+r])
	}
	state, product, ss := vector(r), num(1), zero()
	for _, y := range centred(c) {
		// Observation is the first coordinate of the state.
		d := cov[0][0]
		e := sub(y, state[0])
		product = mul(product, d)
		ss = add(ss, div(mul(e, e), d))
		after, left := vector(r), square(r)
		for i := range r {
			gain := div(cov[i][0], d)
			after[i] = add(state[i], mul(gain, e))
			for j := range r {
				left[i][j] = sub(cov[i][j], mul(gain, cov[0][j]))
			}
		}
		half := square(r)
		for i := range r {
			state[i] = zero()
			for k := range r {
				state[i] = add(state[i], mul(t[i][k], after[k]))
				for j := range r {
					half[i][j] = add(half[i][j], mul(t[i][k], left[k][j]))
				}
			}
		}
		for i := range r {
			for j := range r {
				cov[i][j] = mul(load[i], load[j])
				for k := range r {
					cov[i][j] = add(cov[i][j], mul(half[i][k], t[j][k]))
				}
			}
		}
	}
	return gauss(len(c.Y), num(c.Sigma2), product, ss), nil
}
