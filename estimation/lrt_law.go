package estimation

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/neuromanifold/neuromanifold/models"
	"github.com/neuromanifold/neuromanifold/singular"
)

// How a bound restricts H1.
type restriction int

const (
	noRestriction restriction = iota
	byMeans                   // the means of a mixture lie near the sample mean
	byKey                     // the family has the key bound
	byCoordinate              // |θ_i| ≤ bound, found among maxima and on the bound
)

// A limitLaw is the law of the statistic as n → ∞ under a singular null.
type limitLaw struct {
	name       string
	params     map[string]float64
	restrict   restriction
	unit       float64 // of the bound, under byKey
	coordinate int     // under byCoordinate
	opposite   int     // the coordinate that cancels it, or -1
}

// limitLawOf returns the limit law of the statistic of h0 against h1, or why there
// is none. The error is for a bound that the law does not take.
func limitLawOf(h0, h1 models.Model, bound float64) (law *limitLaw, reason string, err error) {
	unbounded := func(what, growth string) (*limitLaw, string, error) {
		return nil, fmt.Sprintf("without a bound on %s the statistic grows like %s and has no limit law: give a bound", what, growth), nil
	}
	check := func(l *limitLaw) (*limitLaw, string, error) {
		if _, err := singular.NewLaw(l.name, l.params); err != nil {
			return nil, "", fmt.Errorf("%w: %w", ErrHypotheses, err)
		}
		return l, "", nil
	}
	held, point := h0.(*Restricted)
	switch m := h1.(type) {
	case *models.Mixture:
		small, ok := h0.(*models.Mixture)
		if !ok || m.Shape().Q > 1 {
			break
		}
		form, err := formOf(m)
		if err != nil {
			return nil, "", err
		}
		null, err := formOf(small)
		if err != nil {
			return nil, "", err
		}
		switch {
		case form.k != 2 || null.k != 1 || form.variance != null.variance:
			return nil, "limit laws of mixtures are computed for two components against one, of one known or common unknown variance", nil
		case form.variance == models.VarFree:
			return nil, "with a variance of its own for each component the likelihood is unbounded and the statistic has no limit law", nil
		case bound == 0 && form.bounded:
			return nil, "the bound of the model is about 0, that of the law about the common mean: give the test a bound", nil
		case bound == 0:
			return unbounded("the means", "log log n")
		}
		name := "homogeneity"
		if form.variance == models.VarTied {
			name = "homogeneity-tied"
		}
		return check(&limitLaw{name: name, params: map[string]float64{"bound": bound}, restrict: byMeans})
	case *models.Contaminated:
		_, kv := settings(m)
		sd, err := strconv.ParseFloat(kv["sd"], 64)
		if err != nil {
			return nil, "", fmt.Errorf("%v: sd=%s is not a number", m, kv["sd"])
		}
		theta := make([]float64, 2)
		if !point || len(held.free) > 0 || !embed(theta, h1, h0, nil) || theta[0]*theta[1] != 0 {
			return nil, "the limit law of the contaminated normal is for H0 = N(0, sd²)", nil
		}
		law := &limitLaw{name: "contaminated", restrict: byKey, unit: sd}
		if bound == 0 {
			if bound = m.Params()[1].Hi / sd; math.IsInf(bound, 1) {
				return unbounded("b", "log log n")
			}
			law.restrict = noRestriction
		}
		law.params = map[string]float64{"bound": bound}
		return check(law)
	case *models.ARMA:
		small, ok := h0.(*models.ARMA)
		if !ok {
			break
		}
		_, k0 := settings(small)
		_, k1 := settings(m)
		if k1["p"] != "1" || k1["q"] != "1" || k0["p"] != "0" || k0["q"] != "0" || k0["mean"] != k1["mean"] || k0["var"] != k1["var"] {
			return nil, "the limit law of ARMA is computed for ARMA(1,1) against white noise", nil
		}
		if bound == 0 {
			return unbounded("the common root", "2 log log n")
		}
		return check(&limitLaw{name: "arma11", params: map[string]float64{"bound": bound}, restrict: byCoordinate, coordinate: 1, opposite: 0})
	case *models.Cone:
		_, kv := settings(m)
		if !point || fmt.Sprint(held.m) != fmt.Sprint(m) || held.value[0] != 0 {
			return nil, "the law of the cone is for H0 at its apex", nil
		}
		c, err := strconv.ParseFloat(kv["c"], 64)
		if err != nil {
			return nil, "", fmt.Errorf("%v: c=%s is not a number", m, kv["c"])
		}
		signed := 0.0
		if kv["signed"] == "true" {
			signed = 1
		}
		d := float64(models.Dim(m) - 1)
		return check(&limitLaw{name: "cone", params: map[string]float64{"d": d, "c": c, "signed": signed}})
	case *models.MLP:
		return limitOfUnit(held, point, m, bound, check, unbounded)
	}
	return nil, "no limit law is computed for these hypotheses", nil
}

// limitOfUnit is the law of one hidden unit of one normal input against none.
func limitOfUnit(held *Restricted, point bool, m *models.MLP, bound float64,
	check func(*limitLaw) (*limitLaw, string, error), unbounded func(what, growth string) (*limitLaw, string, error)) (*limitLaw, string, error) {
	_, kv := settings(m)
	input, normal := m.InputLaw().(models.NormalLaw)
	const only = "the limit law of a hidden unit is for one erf or tanh unit of one normal input without biases against no unit"
	law := map[string]string{"erf": "erf-unit", "tanh": "tanh-unit"}[kv["act"]]
	const w, v = 0, 1
	if !point || fmt.Sprint(held.m) != fmt.Sprint(m) || !normal || law == "" || m.Shape() != (models.Shape{P: 1, Q: 1}) ||
		kv["hidden"] != "1" || kv["bias"] != "false" || held.value[v] != 0 && held.value[w] != 0 {
		return nil, only, nil
	}
	if bound == 0 {
		return unbounded("the input weight", "a slow function of n")
	}
	sd := input.SD
	if sd == 0 {
		sd = 1
	}
	return check(&limitLaw{name: law, params: map[string]float64{"bound": bound * sd}, restrict: byCoordinate, coordinate: w, opposite: -1})
}

// limit runs the limit law.
func (p *pair) limit(r *TestResult, opt TestOptions) (PValue, error) {
	if p.law == nil {
		if r.Null == RegularNull {
			return PValue{P: r.Chi2.P, Law: r.Chi2.Law}, nil
		}
		return none("%s", p.reason), nil
	}
	law, err := singular.NewLaw(p.law.name, p.law.params)
	if err != nil {
		return PValue{}, err
	}
	run, err := law.Run(opt.Draws, opt.Each, opt.Rand)
	if err != nil {
		return PValue{}, err
	}
	e := run.PValue(r.Statistic)
	return PValue{P: e.Value, SE: e.SE, Law: run.Law}, nil
}

// emTest runs the EM-test where there is one.
func (p *pair) emTest(ctx context.Context, r *TestResult, z *models.Data, opt TestOptions) error {
	small, ok := p.h0.(*models.Mixture)
	large, is := p.h1.(*models.Mixture)
	if !ok || !is || p.form == nil {
		r.EM = none("the EM-test is for the number of components of a normal mixture in one dimension")
		return nil
	}
	null, err := formOf(small)
	if err != nil {
		return err
	}
	if null.variance != p.form.variance || large.K() <= small.K() {
		r.EM = none("the EM-test is for mixtures that differ in their number of components alone")
		return nil
	}
	t, err := EMTest(ctx, small, z, EMTestOptions{Rand: opt.Rand})
	switch {
	case errors.Is(err, context.Canceled), ctx.Err() != nil:
		return err
	case err != nil:
		r.EM = none("%v", err)
		return nil
	}
	r.EMTest = t
	r.EM = PValue{P: t.P, Law: t.Law}
	return nil
}
