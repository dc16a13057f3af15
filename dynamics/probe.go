package dynamics

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/singular"
)

// DistanceProbes returns a probe for the distance to each stratum of m, named
// distance[stratum]; none for a family without strata.
func DistanceProbes(m models.Model) []Probe {
	s, ok := m.(models.Stratified)
	if !ok {
		return nil
	}
	var out []Probe
	for _, st := range s.Strata() {
		out = append(out, Probe{Name: "distance[" + st.Name + "]", Read: st.Distance})
	}
	return out
}

// SpeedProbe reads |∂L/∂θ|, the speed of the gradient flow; NaN where it does not
// exist.
func SpeedProbe(o *Objective) Probe {
	g := make([]float64, models.Dim(o.Model()))
	return Probe{Name: "speed", Read: func(theta []float64) float64 {
		if !o.Field(g, theta) {
			return math.NaN()
		}
		s := 0.0
		for _, v := range g {
			s = math.Hypot(s, v)
		}
		return s
	}}
}

// EigenvalueProbes returns a probe for each eigenvalue of the Fisher information,
// ascending: eigenvalue[1] is the smallest, the square of a singular value where the
// model has a factor, and so accurate near the singular set.
func EigenvalueProbes(m models.Model) ([]Probe, error) {
	f, err := singular.NewFisher(m, singular.FisherOptions{})
	if err != nil {
		return nil, err
	}
	d := models.Dim(m)
	var factor func([]float64) *mat.Dense
	if fm, ok := m.(models.Factorer); ok {
		factor, _ = fm.FisherFactor()
	}
	var info singular.Information
	var svd mat.SVD
	var eig mat.EigenSym
	at, values := make([]float64, 0, d), make([]float64, d)
	read := func(theta []float64) {
		same := len(at) == len(theta)
		for i := range at {
			same = same && at[i] == theta[i]
		}
		if same {
			return // all probes of one point share one decomposition
		}
		at = append(at[:0], theta...)
		for i := range values {
			values[i] = math.NaN()
		}
		if factor != nil {
			if r := factor(theta); r != nil && svd.Factorize(r, mat.SVDNone) {
				s := svd.Values(nil) // descending
				for i := range values {
					values[i] = 0
					if k := d - 1 - i; k < len(s) {
						values[i] = s[k] * s[k]
					}
				}
			}
			return
		}
		if f.Into(&info, theta) == nil && eig.Factorize(info.F, false) {
			eig.Values(values)
		}
	}
	out := make([]Probe, d)
	for i := range out {
		out[i] = Probe{Name: fmt.Sprintf("eigenvalue[%d]", i+1), Read: func(theta []float64) float64 {
			read(theta)
			return values[i]
		}}
	}
	return out, nil
}
