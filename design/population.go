package design

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
)

// A Law is how a structural parameter varies between individuals.
type Law int

const (
	Constant  Law = iota // the same in everybody
	Normal               // γ_i = γ + b_i
	LogNormal            // γ_i = γ·exp(b_i)
)

func (l Law) String() string {
	switch l {
	case Constant:
		return "constant"
	case Normal:
		return "normal"
	case LogNormal:
		return "lognormal"
	}
	return fmt.Sprintf("Law(%d)", int(l))
}

// An Effect is one structural parameter: its typical value γ and the variance of
// its random effect b.
type Effect struct {
	Name  string
	Value float64
	Known bool // Value is known and not estimated
	Law   Law
	// Variance is ω², of b: on the log scale for LogNormal. It may be 0, the
	// boundary, where it is estimated all the same unless VarianceKnown.
	Variance      float64
	VarianceKnown bool
}

// A Covariance is an off-diagonal entry of Ω, between the random effects of two
// parameters given by index.
type Covariance struct {
	I, J  int
	Value float64
	Known bool
}

// An ErrorForm is how additive and proportional residual errors combine.
type ErrorForm int

const (
	// Variances: y = η + a·e₁ + b·η·e₂, variance a² + b²η² (NONMEM, PopED;
	// called combined2). Its parameters are the variances b² and a².
	Variances ErrorForm = iota
	// Deviations: y = η + (a + b·η)·e (PFIM, Monolix; called combined1). Its
	// parameters are b and a.
	Deviations
)

// A Residual is the residual error of one response. A component that is 0 is not
// in the model.
type Residual struct {
	Name              string // of the response; may be empty where there is one
	Form              ErrorForm
	Proportional      float64 // b, a standard deviation relative to η
	Additive          float64 // a, a standard deviation, in the unit of the response
	ProportionalKnown bool
	AdditiveKnown     bool
}

// A Scale is the parametrisation of θ, which changes information matrices and
// some criteria but no statement about the model: M' = JᵀMJ with J = ∂θ/∂θ'.
type Scale struct {
	LogFixed   bool // ln γ instead of γ, for positive γ
	OmegaSD    bool // ω instead of ω² (covariances stay)
	ResidualSD bool // a, b instead of a², b² (Deviations: always a and b)
}

// A Population is a nonlinear mixed-effects model around a structural model:
//
//	y_ij = η(x_ij, γ_i) + error,   γ_i from the laws of Effects,   b_i ~ N(0, Ω)
//
// θ lists what is estimated, in this order: typical values γ; variances ω² of
// the random effects in the order of Effects, then Covariances; for each
// response the proportional and then the additive residual parameter. A
// Population is not to be changed once it is in use.
type Population struct {
	Effects     []Effect
	Covariances []Covariance
	Residuals   []Residual // one per response
	Scale       Scale
}

// kind is what a coordinate of θ is.
type kind int

const (
	kindFixed kind = iota
	kindOmega
	kindProp
	kindAdd
)

// A coord is one coordinate of θ: of kind kindOmega it is the entry (i, j) of Ω
// counted over random effects, else i is an effect or a response.
type coord struct {
	kind  kind
	i, j  int
	name  string
	value float64 // on the scale of the Population
	jac   float64 // ∂(natural coordinate)/∂(coordinate)
}

// layout is what evaluation needs to know of a Population.
type layout struct {
	pop     *Population
	random  []int // effects that are random, in order
	omega   *mat.SymDense
	coords  []coord
	gamma   []float64
	singOm  bool // Ω is singular
	cholOm  mat.Cholesky
	fixedAt []int // coordinate of effect a, or −1
}

// layout checks the population and lays out θ.
func (p *Population) layout() (*layout, error) {
	l := &layout{pop: p, gamma: make([]float64, len(p.Effects)), fixedAt: make([]int, len(p.Effects))}
	if len(p.Effects) == 0 || len(p.Residuals) == 0 {
		return nil, errors.New("design: a population needs parameters and a residual error for every response")
	}
	at := make([]int, len(p.Effects)) // random effect of effect a, or −1
	for a, e := range p.Effects {
		l.gamma[a], l.fixedAt[a], at[a] = e.Value, -1, -1
		if math.IsNaN(e.Value) || math.IsInf(e.Value, 0) {
			return nil, fmt.Errorf("design: parameter %s: value %v is not finite", e.Name, e.Value)
		}
		if (e.Law == LogNormal || p.Scale.LogFixed && !e.Known) && !(e.Value > 0) {
			return nil, fmt.Errorf("design: parameter %s: value %v, want a positive number on the log scale", e.Name, e.Value)
		}
		if e.Law == Constant {
			if e.Variance != 0 {
				return nil, fmt.Errorf("design: parameter %s: a variance of %v between individuals but no law", e.Name, e.Variance)
			}
		} else {
			if !(e.Variance >= 0) || math.IsInf(e.Variance, 1) {
				return nil, fmt.Errorf("design: parameter %s: variance %v between individuals, want a number of at least 0", e.Name, e.Variance)
			}
			at[a] = len(l.random)
			l.random = append(l.random, a)
		}
		if !e.Known {
			c := coord{kind: kindFixed, i: a, name: e.Name, value: e.Value, jac: 1}
			if p.Scale.LogFixed {
				c.name, c.value, c.jac = "log "+e.Name, math.Log(e.Value), e.Value
			}
			l.fixedAt[a] = len(l.coords)
			l.coords = append(l.coords, c)
		}
	}
	if err := l.randomEffects(at); err != nil {
		return nil, err
	}
	for r := range p.Residuals {
		if err := l.residual(r); err != nil {
			return nil, err
		}
	}
	if len(l.coords) == 0 {
		return nil, errors.New("design: nothing is estimated")
	}
	return l, nil
}

func (l *layout) randomEffects(at []int) error {
	p := l.pop
	l.omega = &mat.SymDense{}
	if len(l.random) > 0 {
		l.omega = mat.NewSymDense(len(l.random), nil)
	}
	for r, a := range l.random {
		e := p.Effects[a]
		l.omega.SetSym(r, r, e.Variance)
		if e.VarianceKnown {
			continue
		}
		c := coord{kind: kindOmega, i: r, j: r, name: "ω²(" + e.Name + ")", value: e.Variance, jac: 1}
		if p.Scale.OmegaSD {
			c.name, c.value = "ω("+e.Name+")", math.Sqrt(e.Variance)
			c.jac = 2 * c.value
		}
		l.coords = append(l.coords, c)
	}
	for _, cv := range p.Covariances {
		n := len(p.Effects)
		if cv.I < 0 || cv.J < 0 || cv.I >= n || cv.J >= n || cv.I == cv.J || at[cv.I] < 0 || at[cv.J] < 0 {
			return fmt.Errorf("design: a covariance between parameters %d and %d, which are not two with random effects", cv.I, cv.J)
		}
		i, j := at[cv.I], at[cv.J]
		l.omega.SetSym(i, j, cv.Value)
		if !cv.Known {
			l.coords = append(l.coords, coord{kind: kindOmega, i: i, j: j, value: cv.Value, jac: 1,
				name: "ω(" + p.Effects[cv.I].Name + "," + p.Effects[cv.J].Name + ")"})
		}
	}
	if len(l.random) == 0 {
		return nil
	}
	var eig mat.EigenSym
	if !eig.Factorize(l.omega, false) {
		return errors.New("design: the covariance matrix of the random effects has entries that are not finite")
	}
	v := eig.Values(nil)
	if v[0] < -1e-12*v[len(v)-1] || v[len(v)-1] < 0 {
		return fmt.Errorf("design: the covariance matrix Ω of the random effects is not positive semidefinite: its smallest eigenvalue is %.6g", v[0])
	}
	l.singOm = !l.cholOm.Factorize(l.omega)
	return nil
}

func (l *layout) residual(r int) error {
	p := l.pop
	res := p.Residuals[r]
	who := res.Name
	if who == "" && len(p.Residuals) > 1 {
		who = fmt.Sprint("response ", r+1)
	}
	suffix := ""
	if who != "" {
		suffix = "(" + who + ")"
	}
	for _, c := range []struct {
		what  string
		value float64
		known bool
		kind  kind
	}{{"proportional", res.Proportional, res.ProportionalKnown, kindProp}, {"additive", res.Additive, res.AdditiveKnown, kindAdd}} {
		if !(c.value >= 0) || math.IsInf(c.value, 1) {
			return fmt.Errorf("design: %s residual error%s: %v, want a number of at least 0", c.what, suffix, c.value)
		}
		if c.value == 0 || c.known {
			continue
		}
		co := coord{kind: c.kind, i: r, value: c.value, jac: 1, name: map[kind]string{kindProp: "σ_prop", kindAdd: "σ_add"}[c.kind] + suffix}
		if res.Form == Variances {
			if p.Scale.ResidualSD {
				co.jac = 2 * c.value
			} else {
				co.value = c.value * c.value
				co.name = map[kind]string{kindProp: "σ²_prop", kindAdd: "σ²_add"}[c.kind] + suffix
			}
		}
		l.coords = append(l.coords, co)
	}
	if res.Proportional == 0 && res.Additive == 0 {
		return fmt.Errorf("design: response %d has no residual error: without one the information is infinite", r+1)
	}
	return nil
}

// Params describes θ. It returns an error for a population that is not one, in
// the words of the parameter concerned.
func (p *Population) Params() ([]models.Param, error) {
	l, err := p.layout()
	if err != nil {
		return nil, err
	}
	ps := make([]models.Param, len(l.coords))
	for i, c := range l.coords {
		ps[i] = models.Param{Name: c.name, Lo: math.Inf(-1), Hi: math.Inf(1)}
		if c.kind != kindFixed && c.i == c.j || c.kind == kindProp || c.kind == kindAdd {
			ps[i].Lo = 0
		}
	}
	return ps, nil
}

// Theta returns θ, on the scale of the population, in the order of Params.
func (p *Population) Theta() ([]float64, error) {
	l, err := p.layout()
	if err != nil {
		return nil, err
	}
	t := make([]float64, len(l.coords))
	for i, c := range l.coords {
		t[i] = c.value
	}
	return t, nil
}

// Units returns what counts as a change of 100 % of each coordinate of θ: its
// size, or 1 for a logarithm.
func (p *Population) Units() ([]float64, error) {
	l, err := p.layout()
	if err != nil {
		return nil, err
	}
	u := make([]float64, len(l.coords))
	for i, c := range l.coords {
		u[i] = math.Abs(c.value)
		if c.kind == kindFixed && p.Scale.LogFixed {
			u[i] = 1
		}
	}
	return u, nil
}

// variance returns the variance of a measurement whose mean is f, and whose mean
// square over individuals is f2 (f² for one individual).
func (r *Residual) variance(f, f2 float64) float64 {
	a, b := r.Additive, r.Proportional
	if r.Form == Deviations {
		return a*a + 2*a*b*f + b*b*f2
	}
	return a*a + b*b*f2
}

// slopes returns the derivatives of variance by f and f2.
func (r *Residual) slopes() (df, df2 float64) {
	a, b := r.Additive, r.Proportional
	if r.Form == Deviations {
		return 2 * a * b, b * b
	}
	return 0, b * b
}

// slope returns the derivative of variance by the residual parameter, in natural
// coordinates: a², b² for Variances, a, b for Deviations.
func (r *Residual) slope(k kind, f, f2 float64) float64 {
	a, b := r.Additive, r.Proportional
	switch {
	case r.Form == Variances && k == kindProp:
		return f2
	case r.Form == Variances:
		return 1
	case k == kindProp:
		return 2*a*f + 2*b*f2
	}
	return 2*a + 2*b*f
}
