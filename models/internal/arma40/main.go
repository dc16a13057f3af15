// Command arma40 computes exact Gaussian log-likelihoods of ARMA series to 40
// digits, the reference values of models/testdata/arma40/cases.json:
//
//	go run ./models/internal/arma40 > models/testdata/arma40/cases.json
//
// No certified reference set for ARMA likelihoods exists. Every value is computed
// twice, in floating point of 640 bits, by algorithms that share nothing but the
// final sum: the autocovariances and the Durbin–Levinson recursion (Brockwell and
// Davis, Time Series: Theory and Methods, 1991, §3.3 and §5.2), and a Kalman
// filter from the stationary state covariance (Harvey's form, as in Gardner,
// Harvey and Phillips, Applied Statistics 29, 1980). They must agree to 60 digits
// or nothing is written. Parameters and series are float64 numbers and enter
// exactly; the series are drawn here from fixed seeds.
package main

import (
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"os"
)

// A reference is one entry of cases.json.
type reference struct {
	Name   string    `json:"name"`
	AR     []float64 `json:"ar"`
	MA     []float64 `json:"ma"`
	Mean   float64   `json:"mean"`
	Sigma2 float64   `json:"sigma2"`
	Near   float64   `json:"near"` // least distance of an AR root to an MA root, 0 where nothing is close
	Y      []float64 `json:"y"`
	LogLik string    `json:"loglik"` // nats, 40 digits
}

// cases are twelve series and orders; the last five have a pole and a zero
// between 1e-3 and 1e-12 apart.
func cases() []reference {
	list := []reference{
		{Name: "ar1", AR: []float64{0.5}, Sigma2: 1, Y: make([]float64, 50)},
		{Name: "ma1", MA: []float64{0.9}, Sigma2: 2, Y: make([]float64, 60)},
		{Name: "arma11", AR: []float64{0.7}, MA: []float64{0.3}, Sigma2: 1, Y: make([]float64, 100)},
		{Name: "ar2 slow cycle", AR: []float64{1.9, -0.9604}, Sigma2: 0.25, Y: make([]float64, 120)},
		{Name: "arma11 near unit root", AR: []float64{0.9995}, MA: []float64{-0.5}, Sigma2: 1, Y: make([]float64, 150)},
		{Name: "arma22 with mean", AR: []float64{1.5747, -0.5986}, MA: []float64{-0.5255, -0.3061}, Mean: 579.05, Sigma2: 0.4745, Y: make([]float64, 98)},
		{Name: "arma32", AR: []float64{0.4, 0.2, -0.3}, MA: []float64{0.8, 0.35}, Sigma2: 3, Y: make([]float64, 80)},
		{Name: "arma11 at 9e-4", AR: []float64{0.6}, MA: []float64{-0.6009}, Sigma2: 1, Y: make([]float64, 100)},
		{Name: "arma11 at 1e-6", AR: []float64{-0.8}, MA: []float64{0.800001}, Sigma2: 1, Y: make([]float64, 100)},
		{Name: "arma21 at 1e-12", AR: []float64{1.2, -0.35}, MA: []float64{-0.700000000001}, Sigma2: 1, Y: make([]float64, 70)},
		{Name: "arma22 at 1e-4", AR: []float64{0.4, 0.45}, MA: []float64{-1.4001, 0.45005}, Sigma2: 1.5, Y: make([]float64, 100)},
		{Name: "arma33 at 5e-6", AR: []float64{0.3, 0.1, 0.2}, MA: []float64{-0.29999, -0.1, -0.2}, Mean: -2, Sigma2: 1, Y: make([]float64, 64)},
	}
	// Distances by construction. The AR roots of the tenth are 0.7 and 0.5, of the
	// eleventh 0.9 and −0.5, beside MA roots 0.9001 and 0.5; at the root z = 0.769
	// of the last its polynomial has slope 1.21, which a change of 1e-5 z² moves.
	near := map[string]float64{"arma11 at 9e-4": 9e-4, "arma11 at 1e-6": 1e-6, "arma21 at 1e-12": 1e-12, "arma22 at 1e-4": 1e-4, "arma33 at 5e-6": 4.9e-6}
	for i := range list {
		c := &list[i]
		c.Near = near[c.Name]
		draw(c, rand.New(rand.NewPCG(40, uint64(i))))
	}
	return list
}

// draw fills the series by the recursion, after 500 steps from rest, in float64.
func draw(c *reference, rng *rand.Rand) {
	const warm = 500
	n := warm + len(c.Y)
	x, e := make([]float64, n), make([]float64, n)
	for t := range x {
		e[t] = rng.NormFloat64()
		x[t] = e[t]
		for i, f := range c.AR {
			if t > i {
				x[t] += f * x[t-1-i]
			}
		}
		for j, f := range c.MA {
			if t > j {
				x[t] += f * e[t-1-j]
			}
		}
	}
	for t := range c.Y {
		c.Y[t] = c.Mean + x[warm+t]
	}
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "arma40:", err)
		os.Exit(1)
	}
}

func run() error {
	list, err := generate()
	if err != nil {
		return err
	}
	w := json.NewEncoder(os.Stdout)
	w.SetIndent("", " ")
	return w.Encode(list)
}

// generate computes every log-likelihood by both algorithms.
func generate() ([]reference, error) {
	if err := checkFunctions(); err != nil {
		return nil, err
	}
	list := cases()
	for i := range list {
		c := &list[i]
		a, err := durbinLevinson(c)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.Name, err)
		}
		b, err := kalman(c)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.Name, err)
		}
		if !agree(a, b, 200) { // 2^−200 < 1e-60
			return nil, fmt.Errorf("%s: Durbin–Levinson %s, Kalman filter %s", c.Name, a.Text('g', 70), b.Text('g', 70))
		}
		c.LogLik = a.Text('e', 39)
	}
	return list, nil
}

// agree reports whether a and b differ by less than 2^−bits of a.
func agree(a, b *big.Float, bits int) bool {
	d := sub(a, b)
	if d.Sign() == 0 {
		return true
	}
	return d.MantExp(nil) < a.MantExp(nil)-bits
}
