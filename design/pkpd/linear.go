package pkpd

import (
	"errors"
	"math"

	"github.com/neuromanifold/neuromanifold/models"
)

// LinearSettings chooses a linear compartment model. The zero value is one
// compartment with intravenous doses.
type LinearSettings struct {
	Peripheral      bool // a second compartment
	Depot           bool // first-order absorption from a depot, which becomes the default place of a dose
	Lag             bool // doses to the depot arrive there late
	Bioavailability bool // a fraction of a dose to the depot arrives
	EffectSite      bool // a second response: the concentration at an effect site that lags behind
	Rates           bool // parameters k, V, k12, k21 in place of CL, V1, Q, V2
}

// Linear is the family of linear compartment models with one or two
// compartments, in closed form. Its transfer functions are, with
// k10 = CL/V1, k12 = Q/V1, k21 = Q/V2, S = k10+k12+k21 and P = k10 k21,
//
//	central → C    1/(V(s+k))  or  (s+k21)/(V1(s²+Ss+P))
//	depot → C      F e^{−s tlag} ka/(s+ka) times that
//	C → Ce         ke0/(s+ke0)
//
// (Gibaldi and Perrier, Pharmacokinetics, 2nd ed., ch. 1, 2 and 6). Repeated doses
// are added up, steady state is the geometric series. Derivatives are those of
// the transfer function: in S and P, not in the rates α and β of the two phases,
// which are not smooth where they meet. So no coincidence of ka, ke0, k, α and β
// is a special case, nor is Q = 0 or CL = 0 (as long as no dose is at steady
// state).
//
// Parameters, in order: CL (or k), V (V1), then if chosen Q, V2 (k12, k21), ka, tlag,
// F, ke0. The derivative in tlag is that from the side after the dose arrives.
type Linear struct {
	set       LinearSettings
	params    []models.Param
	ka, lag   int // indices in params, −1 if absent
	bio, ke0  int
	responses []Response
	places    []string
}

// NewLinear returns the model. It is an error to choose a lag or a
// bioavailability without a depot.
func NewLinear(set LinearSettings) (*Linear, error) {
	if !set.Depot && (set.Lag || set.Bioavailability) {
		return nil, errors.New("pkpd: lag and bioavailability belong to a depot")
	}
	m := &Linear{set: set, ka: -1, lag: -1, bio: -1, ke0: -1}
	param := func(name, unit string, lo, hi float64, doc string) int {
		m.params = append(m.params, models.Param{Name: name, Unit: unit, Lo: lo, Hi: hi, Doc: doc})
		return len(m.params) - 1
	}
	inf := math.Inf(1)
	volume := "V"
	if set.Peripheral && !set.Rates {
		volume = "V1"
	}
	if set.Rates {
		param("k", "1/h", 0, inf, "rate of elimination")
	} else {
		param("CL", "L/h", 0, inf, "clearance")
	}
	param(volume, "L", positive, inf, "volume of the central compartment")
	switch {
	case set.Peripheral && set.Rates:
		param("k12", "1/h", 0, inf, "rate from the central to the peripheral compartment")
		param("k21", "1/h", 0, inf, "rate back")
	case set.Peripheral:
		param("Q", "L/h", 0, inf, "clearance between the compartments")
		param("V2", "L", positive, inf, "volume of the peripheral compartment")
	}
	if set.Depot {
		m.places = append(m.places, "depot")
		m.ka = param("ka", "1/h", 0, inf, "rate of absorption")
	}
	if set.Lag {
		m.lag = param("tlag", "h", 0, inf, "time until absorption starts")
	}
	if set.Bioavailability {
		m.bio = param("F", "1", 0, 1, "fraction absorbed")
	}
	m.places = append(m.places, "central")
	m.responses = []Response{{Name: "C", Unit: "mg/L", Doc: "concentration in the central compartment"}}
	if set.EffectSite {
		m.ke0 = param("ke0", "1/h", 0, inf, "rate of the effect site")
		m.responses = append(m.responses, Response{Name: "Ce", Unit: "mg/L", Doc: "concentration at the effect site"})
	}
	return m, nil
}

// positive is the lower bound of what must not be 0, such as a volume.
const positive = 1e-12

// Settings returns what the model was made with.
func (m *Linear) Settings() LinearSettings { return m.set }

// Params implements Structure.
func (m *Linear) Params() []models.Param { return append([]models.Param(nil), m.params...) }

// Responses implements Structure.
func (m *Linear) Responses() []Response { return append([]Response(nil), m.responses...) }

// Compartments implements Structure.
func (m *Linear) Compartments() []string { return append([]string(nil), m.places...) }

// Bind implements Structure.
func (m *Linear) Bind(reg Regimen) (Curve, error) {
	if err := reg.Check(m.places); err != nil {
		return nil, err
	}
	c := &linearCurve{m: m}
	for _, d := range reg {
		if d.Compartment == "central" || !m.set.Depot {
			c.doses[routeCentral] = append(c.doses[routeCentral], d)
		} else {
			c.doses[routeDepot] = append(c.doses[routeDepot], d)
		}
	}
	return c, nil
}

const (
	routeCentral = iota
	routeDepot
	routes
)

// A variable of a transfer function other than the scale.
type variable struct {
	id     int // which jet in γ it is
	factor int // the denominator that it moves, or −1
	spow   int // its derivative multiplies the numerator by ±s^spow
	sign   float64
	num    bool // it is k21 in the numerator
}

// Jets in γ that every evaluation needs.
const (
	jetK = iota // 1-compartment elimination
	jetKa
	jetKe0
	jetS
	jetP
	jetK21
	jetLag
	jetCount
)

// A term is one value or derivative of a transfer function: coef · L⁻¹ of
// s^spow (times the numerator) over the compartments start … end of a chain.
type term struct {
	at           int // index in the jet in the variables
	coef         float64
	spow         int
	num          bool
	chain        int
	start, end   int
	first, other int // factors with one compartment more, or −1
}

// A transfer is the impulse response of one response to one route as a function
// of its variables: numerator (1 or s+k21) over a product of factors s+r, the last
// of them s+k or s²+Ss+P.
type transfer struct {
	order   int
	pair    bool // the last factor is quadratic
	factors int
	single  []int // jets of the linear factors
	vars    []variable
	terms   []term
	chains  []*chain
	fast    bool // two linear factors: chain.two
	state   []chainState
	acc     []float64 // of all samples
}

// chainState holds the matrices of one chain during the evaluation of a dose.
type chainState struct {
	w, m, q, x []float64
}

func (m *Linear) newTransfer(route, response, order int) *transfer {
	tr := &transfer{order: order, pair: m.set.Peripheral}
	if route == routeDepot {
		tr.single = append(tr.single, jetKa)
	}
	if response == 1 {
		tr.single = append(tr.single, jetKe0)
	}
	if !tr.pair {
		tr.single = append(tr.single, jetK)
	}
	for f, id := range tr.single {
		tr.vars = append(tr.vars, variable{id: id, factor: f, sign: -1})
	}
	tr.factors = len(tr.single)
	if tr.pair {
		f := tr.factors
		tr.factors++
		tr.vars = append(tr.vars,
			variable{id: jetS, factor: f, spow: 1, sign: -1},
			variable{id: jetP, factor: f, sign: -1},
			variable{id: jetK21, factor: -1, sign: 1, num: true})
	}
	if route == routeDepot && m.set.Lag {
		tr.vars = append(tr.vars, variable{id: jetLag, factor: -1, spow: 1, sign: -1})
	}
	tr.fast = tr.factors == 2 && !tr.pair
	n := len(tr.vars)
	tr.term(term{at: 0, coef: 1, num: tr.pair, first: -1, other: -1})
	if order >= 1 {
		for v, a := range tr.vars {
			tr.term(term{at: 1 + v, coef: a.sign, spow: a.spow, num: tr.pair && !a.num, first: a.factor, other: -1})
		}
	}
	if order >= 2 {
		at := 1 + n
		for v, a := range tr.vars {
			for _, b := range tr.vars[:v+1] {
				t := term{at: at, coef: a.sign * b.sign, spow: a.spow + b.spow, num: tr.pair && !a.num && !b.num, first: a.factor, other: b.factor}
				if a.factor >= 0 && a.factor == b.factor {
					t.coef *= 2 // ∂²/∂r² 1/(s+r) = 2/(s+r)³
				}
				if !(a.num && b.num) { // the numerator is linear in k21
					tr.term(t)
				}
				at++
			}
		}
	}
	for _, c := range tr.chains {
		n := len(c.node) * len(c.node)
		tr.state = append(tr.state, chainState{w: make([]float64, n), m: make([]float64, n), q: make([]float64, n), x: make([]float64, n)})
	}
	return tr
}

// term finds, or makes, a chain in which the compartments of t are neighbours:
// one factor repeated at the start, another one at the end.
func (tr *transfer) term(t term) {
	last := tr.factors - 1
	lo, hi := min(t.first, t.other), max(t.first, t.other)
	if hi < 0 {
		hi = last
	}
	if lo < 0 || lo == hi {
		lo, hi = min(hi, max(last-1, 0)), last
		if t.first >= 0 && t.first < last {
			lo = t.first
		}
		if t.first < 0 && t.other >= 0 && t.other < last {
			lo = t.other
		}
	}
	size := func(f int) int {
		if tr.pair && f == last {
			return 2
		}
		return 1
	}
	count := func(f int) int {
		c := 1
		if t.first == f {
			c++
		}
		if t.other == f {
			c++
		}
		return c
	}
	rep := tr.order + 1
	var node []int
	push := func(f, times int) {
		for range times {
			for k := range size(f) {
				node = append(node, f+k)
			}
		}
	}
	if lo < hi {
		push(lo, rep)
		t.start = rep - count(lo) // lo is never the quadratic factor
		for f := range tr.factors {
			if f != lo && f != hi {
				push(f, 1)
			}
		}
	}
	t.end = len(node) + size(hi)*count(hi) - 1
	push(hi, rep)
	t.chain = -1
	for i, c := range tr.chains {
		if equal(c.node, node) {
			t.chain = i
		}
	}
	if t.chain < 0 {
		t.chain = len(tr.chains)
		c := newChain(node)
		tr.chains = append(tr.chains, c)
	}
	tr.terms = append(tr.terms, t)
}

func equal(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
