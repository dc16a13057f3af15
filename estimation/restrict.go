package estimation

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/neuromanifold/neuromanifold/models"
)

// A Restricted is a model with some coordinates held at fixed values: the null
// hypothesis of a test, or a point of a profile likelihood. With all of them
// held it has no coordinates, and its law is one law.
type Restricted struct {
	m      models.Model
	value  []float64 // of every coordinate of m; NaN where free
	free   []int     // the free coordinates
	params []models.Param
}

// Restrict holds the coordinates of m at the values that are not NaN; at must
// have one value for each coordinate. It returns an error for a value outside
// the bounds.
func Restrict(m models.Model, at []float64) (*Restricted, error) {
	ps := m.Params()
	if len(at) != len(ps) {
		return nil, fmt.Errorf("%v: %d values for %d coordinates", m, len(at), len(ps))
	}
	r := &Restricted{m: m, value: append([]float64(nil), at...)}
	for i, v := range at {
		switch {
		case math.IsNaN(v):
			r.free = append(r.free, i)
			r.params = append(r.params, ps[i])
		case math.IsInf(v, 0) || v < ps[i].Lo || v > ps[i].Hi:
			return nil, fmt.Errorf("%v: %s = %v %w [%v, %v]", m, ps[i].Name, v, models.ErrDomain, ps[i].Lo, ps[i].Hi)
		}
	}
	if len(r.free) == 0 {
		if err := models.CheckTheta(m, at); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// Base returns the model whose coordinates are held.
func (r *Restricted) Base() models.Model { return r.m }

// Expand fills dst with all coordinates of the base model.
func (r *Restricted) Expand(dst, theta []float64) {
	if len(dst) != len(r.value) || len(theta) != len(r.free) {
		panic("estimation: slice length mismatch")
	}
	copy(dst, r.value)
	for i, j := range r.free {
		dst[j] = theta[i]
	}
}

// String returns the base model with the held values, as "cone:d=1,c=1,signed=true@xi=0,alpha1=0".
func (r *Restricted) String() string {
	var parts []string
	for i, p := range r.m.Params() {
		if !math.IsNaN(r.value[i]) {
			parts = append(parts, p.Name+"="+formatNumber(r.value[i]))
		}
	}
	return fmt.Sprintf("%v@%s", r.m, strings.Join(parts, ","))
}

// Params returns the free coordinates.
func (r *Restricted) Params() []models.Param { return r.params }

// Shape is that of the base model.
func (r *Restricted) Shape() models.Shape { return r.m.Shape() }

// Sample draws from the base model.
func (r *Restricted) Sample(z *models.Data, theta []float64, rng *rand.Rand) {
	full := make([]float64, len(r.value))
	r.Expand(full, theta)
	r.m.Sample(z, full, rng)
}

// Bind binds the base model.
func (r *Restricted) Bind(z *models.Data) (models.Likelihood, error) {
	l, err := r.m.Bind(z)
	if err != nil {
		return nil, err
	}
	k := &restrictedLik{r: r, l: l, theta: make([]float64, len(r.value)), s: make([]float64, len(r.value))}
	k.score, _ = models.Score(l)
	if starter, ok := l.(models.Starter); ok {
		return struct {
			*restrictedLik
			restrictedStart
		}{k, restrictedStart{k, starter}}, nil
	}
	return k, nil
}

type restrictedLik struct {
	r        *Restricted
	l        models.Likelihood
	theta, s []float64
	score    func(dst, theta []float64) float64
}

// Model returns the restricted model.
func (k *restrictedLik) Model() models.Model { return k.r }

// N is the number of terms.
func (k *restrictedLik) N() int { return k.l.N() }

// Weight is that of the base likelihood.
func (k *restrictedLik) Weight() float64 { return models.Weight(k.l) }

// LogLik is the log-likelihood at the expanded point.
func (k *restrictedLik) LogLik(theta []float64) float64 {
	k.r.Expand(k.theta, theta)
	return k.l.LogLik(k.theta)
}

// Terms are those at the expanded point.
func (k *restrictedLik) Terms(dst, theta []float64) {
	k.r.Expand(k.theta, theta)
	k.l.Terms(dst, k.theta)
}

// Score is the score of the free coordinates.
func (k *restrictedLik) Score(dst, theta []float64) float64 {
	k.r.Expand(k.theta, theta)
	ll := k.score(k.s, k.theta)
	for i, j := range k.r.free {
		dst[i] = k.s[j]
	}
	return ll
}

// Floored forwards what the base likelihood says.
func (k *restrictedLik) Floored(theta []float64) []string {
	f, ok := k.l.(models.FloorReporter)
	if !ok {
		return nil
	}
	k.r.Expand(k.theta, theta)
	return f.Floored(k.theta)
}

type restrictedStart struct {
	k *restrictedLik
	s models.Starter
}

// Start proposes a start of the base likelihood and keeps its free coordinates.
func (s restrictedStart) Start(dst []float64, rng *rand.Rand) {
	s.s.Start(s.k.s, rng)
	for i, j := range s.k.r.free {
		dst[i] = s.k.s[j]
	}
}
