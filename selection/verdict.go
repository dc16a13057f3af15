package selection

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/neuromanifold/neuromanifold/estimation"
)

// Verdict says in one line what to believe of the table, and why. The order is told
// by the best criterion for the evidence that was asked for (the free energy, then
// sbic, wbic, bic), the prediction by the best one for the loss (loo, waic, pmdl,
// tic, aic); the others are explained where they differ.
func (t *Table) Verdict() string {
	order := t.first("fe", "sbic", "wbic", "bic", "hqic", "mdl", "nml", "icl")
	predict := t.first("loo", "waic", "pmdl", "tic", "aicc", "aic", "dic")
	if order < 0 && predict < 0 {
		return "no criterion applies: see the reasons"
	}
	authority := order
	if order < 0 {
		authority = predict
	}
	if v := t.unanimous(); v != "" && !t.spurious(authority) {
		if order >= 0 {
			if o := t.probabilities(order); o != nil {
				v += fmt.Sprintf(" (%s: probability %s)", o.Criterion, o.text(t.Choice[order]))
			}
		}
		return v + t.remarks(authority)
	}
	var parts []string
	if order >= 0 {
		parts = append(parts, t.believe(order))
	}
	if predict >= 0 {
		parts = append(parts, t.prediction(predict, order))
	}
	if d := t.dissent(order, predict); d != "" {
		parts = append(parts, d)
	}
	return strings.Join(parts, "; ") + t.remarks(authority)
}

// first returns the first criterion of the names that made a choice.
func (t *Table) first(names ...string) int {
	for _, n := range names {
		if i := t.Of(n); i >= 0 && t.Choice[i] >= 0 {
			return i
		}
	}
	return -1
}

func (t *Table) label(row int) string { return t.Rows[row].Label }

func (t *Table) unanimous() string {
	chosen, count := -1, 0
	for _, c := range t.Choice {
		switch {
		case c < 0:
		case chosen >= 0 && c != chosen:
			return ""
		default:
			chosen = c
			count++
		}
	}
	if count < 2 || len(t.Rows) < 2 {
		return ""
	}
	all := fmt.Sprintf("all %d", count)
	if count == 2 {
		all = "both"
	}
	return fmt.Sprintf("believe %s: %s criteria that apply choose it", t.label(chosen), all)
}

// believe states what the evidence says.
func (t *Table) believe(order int) string {
	name, best := t.Criteria[order].Name, t.Choice[order]
	if t.spurious(order) {
		return fmt.Sprintf("undecided: %s prefers %s, but by a maximum that is flagged as spurious; fe and loo average over such maxima, ask them", name, t.label(best))
	}
	if bic := t.leastBIC(); name == "sbic" && unbounded(t.Rows[best].Model) && t.Rows[best].Fit.Dim > t.Rows[bic].Fit.Dim {
		return fmt.Sprintf("undecided: sbic prefers %s, but nothing is proved of it with free variances, because the likelihood ratio has no bound: ask fe, or a bootstrap of the likelihood ratio", t.label(best))
	}
	if close := t.withinError(order); len(close) > 0 {
		return fmt.Sprintf("undecided: %s prefers %s, but by less than two Monte Carlo errors to %s", name, t.label(best), strings.Join(close, ", "))
	}
	o := t.probabilities(order)
	if o == nil {
		return fmt.Sprintf("believe %s (%s)", t.label(best), name)
	}
	near := []string{}
	for i, v := range o.P {
		if i != best && v > 0.1 {
			near = append(near, t.label(i)+" "+o.text(i))
		}
	}
	if o.P[best] < 0.5 {
		return fmt.Sprintf("undecided: %s gives %s the probability %s (%s)", name, t.label(best), o.text(best), strings.Join(near, ", "))
	}
	s := fmt.Sprintf("believe %s: %s gives it the probability %s", t.label(best), name, o.text(best))
	if len(near) > 0 {
		s += " (" + strings.Join(near, ", ") + ")"
	}
	return s
}

// leastBIC returns the row of the least BIC, whether it was asked for or not.
func (t *Table) leastBIC() int {
	best := 0
	for i, r := range t.Rows {
		if r.Fit.BIC < t.Rows[best].Fit.BIC || math.IsNaN(t.Rows[best].Fit.BIC) {
			best = i
		}
	}
	return best
}

// spurious reports whether a criterion of the maximum chooses one that is flagged.
func (t *Table) spurious(criterion int) bool {
	return len(t.Rows[t.Choice[criterion]].Fit.Flags) > 0 && !t.Criteria[criterion].Needs.Bayesian()
}

// largeError is the Monte Carlo error of a difference above which it decides: 2 moves
// a probability by a factor e.
const largeError = 2

// withinError returns the rivals of the choice that a criterion for the evidence does
// not tell from it for a large Monte Carlo error.
func (t *Table) withinError(criterion int) []string {
	if t.Criteria[criterion].Needs&(NeedTempered|NeedEvidence) == 0 {
		return nil
	}
	best := t.Rows[t.Choice[criterion]].Scores[criterion]
	var close []string
	for i, r := range t.Rows {
		v := r.Scores[criterion]
		se := math.Hypot(v.SE, best.SE)
		if i != t.Choice[criterion] && v.OK() && se > largeError && v.Value-best.Value < 2*se {
			close = append(close, t.label(i))
		}
	}
	return close
}

// probabilities returns those of the candidates by a criterion, nil where it gives
// none.
func (t *Table) probabilities(criterion int) *OrderPosterior {
	name := t.Criteria[criterion].Name
	if at := slices.IndexFunc(t.Orders, func(o OrderPosterior) bool { return o.Criterion == name }); at >= 0 {
		return &t.Orders[at]
	}
	return nil
}

// prediction states what predicts best, and what cannot be told from it.
func (t *Table) prediction(predict, order int) string {
	name, best := t.Criteria[predict].Name, t.Choice[predict]
	var close []string
	for i := range t.Rows {
		d, se, ok := t.Difference(predict, i, best)
		if ok && i != best && d < 2*se {
			close = append(close, t.label(i))
		}
	}
	s := fmt.Sprintf("for prediction %s prefers %s", name, t.label(best))
	if order >= 0 && t.Choice[order] == best {
		s = fmt.Sprintf("%s agrees", name)
	}
	if len(close) > 0 {
		s += " and cannot tell it from " + strings.Join(close, ", ") + " (two standard errors)"
	}
	return s
}

// dissent explains the classical criteria that choose otherwise.
func (t *Table) dissent(order, predict int) string {
	singular := slices.ContainsFunc(t.Rows, func(r Row) bool { return r.singular() })
	var out []string
	for _, c := range []struct {
		name    string
		against int
		why     string
	}{
		{"bic", order, "its d log n over-charges a model that is singular at the truth"},
		{"aic", predict, "2d is not the optimism of a fit at a singular point"},
	} {
		i := t.Of(c.name)
		if !singular || i < 0 || t.Choice[i] < 0 || c.against < 0 || i == c.against || t.Choice[i] == t.Choice[c.against] ||
			order >= 0 && t.Choice[i] == t.Choice[order] {
			continue
		}
		mine, theirs := t.Rows[t.Choice[i]], t.Rows[t.Choice[c.against]]
		if c.name == "bic" && mine.Fit.Dim > theirs.Fit.Dim {
			continue // it does not over-charge here
		}
		out = append(out, fmt.Sprintf("%s chooses %s, but %s", c.name, mine.Label, c.why))
	}
	return strings.Join(out, "; ")
}

// remarks warns of spurious maxima and near-degenerate fits among what was chosen.
func (t *Table) remarks(authority int) string {
	var flagged []string
	for _, r := range t.Rows {
		if len(r.Fit.Flags) > 0 && r.Fit.Status != estimation.NoMaximum {
			flagged = append(flagged, r.Label)
		}
	}
	s := ""
	if len(flagged) > 0 {
		s += fmt.Sprintf("; the maxima of %s are flagged: criteria of the maximum may be too low there", strings.Join(flagged, ", "))
	}
	if chosen := t.Choice[authority]; chosen >= 0 {
		if k := t.Criteria[authority]; k.Needs&(NeedTempered|NeedEvidence) != 0 {
			var worst float64
			for _, r := range t.Rows {
				if v := r.Scores[authority]; v.OK() && v.Value-t.Rows[chosen].Scores[authority].Value < 10+2*v.SE {
					worst = max(worst, v.SE)
				}
			}
			if worst > largeError {
				s += fmt.Sprintf("; the Monte Carlo error of %s is up to %.2g: ask for more particles", k.Name, worst)
			}
		}
		if up := t.atTop(chosen); up {
			s += fmt.Sprintf("; %s is at the end of the orders that were asked for", t.label(chosen))
		}
		if r := t.Rows[chosen].Fit; r.Rank >= 0 && r.Rank < r.Dim {
			s += fmt.Sprintf("; the information of %s has rank %d of %d", t.label(chosen), r.Rank, r.Dim)
		}
	}
	return s
}

// atTop reports whether a row has the largest value of one of its orders, where
// more than one was tried.
func (t *Table) atTop(row int) bool {
	for a, o := range t.Rows[row].Order {
		lo, hi := o, o
		for _, r := range t.Rows {
			if a < len(r.Order) {
				lo, hi = min(lo, r.Order[a]), max(hi, r.Order[a])
			}
		}
		if lo < hi && o == hi {
			return true
		}
	}
	return false
}

// Truth returns the row that the best criterion for the evidence chooses, as the
// working truth in which learning coefficients are quoted; -1 if there is none.
func (t *Table) Truth() int {
	if i := t.first("fe", "sbic", "wbic", "bic", "hqic", "mdl", "nml", "icl", "loo", "waic", "aic"); i >= 0 {
		return t.Choice[i]
	}
	return -1
}

// Coefficient returns the learning coefficient of a row with Truth as the truth
// where the row contains it, else with its own fit, and which row that is.
func (t *Table) Coefficient(row int) (lambda float64, mult int, kind string, truth int) {
	truth = t.Truth()
	c, ok := t.Rows[row].coefficient(truth)
	if !ok {
		truth = row
		if c, ok = t.Rows[row].coefficient(row); !ok {
			return math.NaN(), 0, "", -1
		}
	}
	return c.Lambda, c.Mult, c.Kind.String(), truth
}
