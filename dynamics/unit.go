package dynamics

import (
	"errors"
	"fmt"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
)

// A unit is a hidden unit φ(x; s) with its location s ∈ R^D, and the averages
// C(a, b) = E[φ(x; a) φ(x; b)] that a network of such units lives on.
type unit interface {
	// first returns C and fills da with ∂C/∂a.
	first(da, a, b []float64) float64
	// second fills aa with ∂²C/∂a∂a and ab with ∂²C/∂a∂b.
	second(aa, ab *mat.Dense, a, b []float64)
}

// An erfUnit is erf(s·x/√2) for x ~ N(0, sd² I).
type erfUnit struct {
	sd   float64
	a, b []float64 // scaled by sd, so that the inputs are N(0, I)
}

func (u *erfUnit) scale(a, b []float64) {
	for i := range a {
		u.a[i], u.b[i] = u.sd*a[i], u.sd*b[i]
	}
}

func (u *erfUnit) first(da, a, b []float64) float64 {
	u.scale(a, b)
	p := models.ErfPair(u.a, u.b)
	for i := range da {
		da[i] = u.sd * (p.SlopeAOnA*u.a[i] + p.SlopeAOnB*u.b[i])
	}
	return p.PhiPhi
}

func (u *erfUnit) second(aa, ab *mat.Dense, a, b []float64) {
	u.scale(a, b)
	p := models.ErfPair(u.a, u.b)
	eye, ca, cab, cb := models.ErfCurvature(u.a, u.b)
	for i, x := range u.a {
		for j, y := range u.a {
			xy, xb, bx, bb := x*y, x*u.b[j], u.b[i]*y, u.b[i]*u.b[j]
			g := ca*xy + cab*(xb+bx) + cb*bb
			h := p.AA*xy + p.AB*(xb+bx) + p.BB*bb
			if i == j {
				g += eye
				h += p.Eye
			}
			aa.Set(i, j, u.sd*u.sd*g)
			ab.Set(i, j, u.sd*u.sd*h)
		}
	}
}

// A bellUnit is exp(−|x−s|²/2width²) for x ~ N(0, sd² I).
type bellUnit struct{ width, sd float64 }

func (u bellUnit) first(da, a, b []float64) float64 {
	p := models.NewRBFPair(a, b, u.width, u.sd)
	for i := range da {
		da[i] = p.PhiPhi * (p.Near*a[i] + p.Far*b[i])
	}
	return p.PhiPhi
}

func (u bellUnit) second(aa, ab *mat.Dense, a, b []float64) {
	p := models.NewRBFPair(a, b, u.width, u.sd)
	for i := range a {
		pi := p.Near*a[i] + p.Far*b[i]
		for j := range a {
			g, h := pi*(p.Near*a[j]+p.Far*b[j]), pi*(p.Far*a[j]+p.Near*b[j])
			if i == j {
				g += p.Near
				h += p.Far
			}
			aa.Set(i, j, p.PhiPhi*g)
			ab.Set(i, j, p.PhiPhi*h)
		}
	}
}

// An atom is one unit of a network with its output weight.
type atom struct {
	c float64
	w []float64
}

// A network is what a regression of units of one kind consists of.
type network struct {
	unit  unit
	in    int
	noise float64 // variance of the noise
	atoms func(theta []float64) []atom
}

// networkOf takes the model apart; it fails for one that is no network of units
// with closed averages and one output.
func networkOf(m models.Model) (network, error) {
	switch m := m.(type) {
	case *models.MLP:
		s := m.Settings()
		law, normal := s.Inputs.(models.NormalLaw)
		if s.Act != models.ErfUnit || s.Out != 1 || s.Bias || s.FreeSigma || !normal {
			return network{}, fmt.Errorf("%v: erf units without bias, one output, normal inputs and known noise are needed", m)
		}
		return network{
			unit: &erfUnit{law.SD, make([]float64, s.In), make([]float64, s.In)},
			in:   s.In, noise: s.Sigma * s.Sigma,
			atoms: func(theta []float64) []atom { return atomsOf(theta, s.Hidden, s.In) },
		}, nil
	case *models.RBF:
		s := m.Settings()
		law, normal := s.Inputs.(models.NormalLaw)
		if s.FreeSigma || !normal {
			return network{}, fmt.Errorf("%v: normal inputs and known noise are needed", m)
		}
		return network{
			unit: bellUnit{s.Width, law.SD}, in: s.In, noise: s.Sigma * s.Sigma,
			atoms: func(theta []float64) []atom { return atomsOf(theta, s.Hidden, s.In) },
		}, nil
	}
	return network{}, fmt.Errorf("%v: a network of erf or radial units is needed", m)
}

// networksOf returns the student and the units of the teacher, which must be of the
// same kind.
func networksOf(o *Objective) (student network, teacher []atom, err error) {
	truth, at := o.Truth()
	if truth == nil {
		return network{}, nil, errors.New("this theory needs a teacher, not data")
	}
	if student, err = networkOf(o.Model()); err != nil {
		return network{}, nil, err
	}
	t, err := networkOf(truth)
	if err != nil {
		return network{}, nil, err
	}
	same := false
	switch u := student.unit.(type) {
	case *erfUnit:
		v, ok := t.unit.(*erfUnit)
		same = ok && u.sd == v.sd
	case bellUnit:
		same = t.unit == unit(u)
	}
	if !same {
		return network{}, nil, fmt.Errorf("the units or the inputs of the teacher %v are not those of %v", truth, o.Model())
	}
	return student, t.atoms(at), nil
}

// atomsOf reads locations, unit by unit, and then output weights.
func atomsOf(theta []float64, hidden, in int) []atom {
	out := make([]atom, hidden)
	for i := range out {
		out[i] = atom{theta[hidden*in+i], append([]float64(nil), theta[i*in:(i+1)*in]...)}
	}
	return out
}
