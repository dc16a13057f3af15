package selection

import (
	"math"

	"github.com/neuromanifold/neuromanifold/models"
)

// Needs lists what a criterion reads beside the maximum-likelihood fit.
type Needs uint

// What a criterion may need.
const (
	NeedRows     Needs = 1 << iota // exchangeable rows: a series is refused
	NeedPrefixes                   // fits of growing prefixes of the data
	NeedDraws                      // posterior draws with the terms of each
	NeedTempered                   // the posterior at β = 1/log n
	NeedEvidence                   // the free energy
)

const needPosterior = NeedDraws | NeedTempered | NeedEvidence

// Bayesian reports whether a posterior has to be computed.
func (n Needs) Bayesian() bool { return n&needPosterior != 0 }

// A Bound says how a value stands to the quantity that the criterion is after.
type Bound int

const (
	Plain      Bound = iota // the quantity itself
	Upper                   // at least the quantity
	Asymptotic              // a leading term
)

// String returns "", "upper bound" or "asymptotic".
func (b Bound) String() string { return [...]string{"", "upper bound", "asymptotic"}[b] }

// A Score is the value of a criterion for one model.
type Score struct {
	Value  float64 // textbook scale; NaN where it does not exist
	Reason string  // why Value is NaN, else ""
	// SE is the standard error of Value: NaN where none is known, 0 for a
	// function of the data alone. For waic and loo it is the sampling error over
	// rows, for the others that of the Monte Carlo.
	SE       float64
	Bound    Bound
	Warnings []string // without numbers, so that equal ones can be told together
	Details  []Detail // what went into the value
	// Pointwise are the contributions of the rows, or for pmdl of the orders in
	// which it codes them, for the error of a difference between two models; nil
	// where there are none.
	Pointwise []float64
}

// A Detail is a number that a criterion computed on the way.
type Detail struct {
	Name  string // as p_d, rank, k_above
	Value float64
}

// refuse returns the score of a criterion that does not apply.
func refuse(reason string) Score { return Score{Value: math.NaN(), SE: math.NaN(), Reason: reason} }

// OK reports whether the score has a value.
func (s Score) OK() bool { return !math.IsNaN(s.Value) }

// A Criterion is one way to score a model.
type Criterion struct {
	Name  string // as on the command line
	Doc   string // one line
	Ref   string
	Needs Needs
	// Aim is what the criterion estimates, for the verdict.
	Aim Aim
	// Score computes the value of candidate i; what Needs asks for is there.
	// Criteria that look at the smaller models find them in all.
	Score func(all []*Material, i int) Score
}

// Aim tells criteria for prediction from those for the probability of the model.
type Aim int

const (
	Predict  Aim = iota // loss on new data
	Evidence            // probability of the data under the model; consistent
)

// Criteria returns all criteria in the order of the tables.
func Criteria() []Criterion {
	return []Criterion{
		aic, aicc, tic, bic, hqic, mdl, nml, pmdl, dic, waic, loo, wbic, sbic, icl, fe,
	}
}

// Lookup returns the criteria of the given names, in the order of the tables, or
// all for none. The error of an unknown name knows the nearest ones.
func Lookup(names ...string) ([]Criterion, error) {
	all := Criteria()
	if len(names) == 0 {
		return all, nil
	}
	wanted := map[string]bool{}
	known := make([]string, len(all))
	for i, c := range all {
		known[i] = c.Name
		wanted[c.Name] = false
	}
	for _, n := range names {
		if _, ok := wanted[n]; !ok {
			return nil, &models.UnknownNameError{What: "criterion", Name: n, Known: known}
		}
		wanted[n] = true
	}
	var out []Criterion
	for _, c := range all {
		if wanted[c.Name] {
			out = append(out, c)
		}
	}
	return out, nil
}
