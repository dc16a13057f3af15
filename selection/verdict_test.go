package selection

import (
	"math"
	"strings"
	"testing"

	"github.com/neuromanifold/neuromanifold/estimation"
)

// verdictTable makes a table of the given scores: one row of values for every
// criterion, the models being k = 1, 2, … with as many coordinates.
func verdictTable(t *testing.T, values map[string][]float64, flagged ...int) *Table {
	t.Helper()
	table := &Table{N: 50}
	for _, c := range Criteria() {
		v, ok := values[c.Name]
		if !ok {
			continue
		}
		table.Criteria = append(table.Criteria, c)
		best := 0
		for i, x := range v {
			if len(table.Rows) <= i {
				m := &Material{Candidate: Candidate{Label: "k=" + string(rune('1'+i)), Order: []int{i + 1}}, Fit: &estimation.Report{Dim: i + 1, Rank: i + 1}}
				m.Within = make([]Nested, i+1)
				for j := range m.Within {
					m.Within[j] = Nested{Index: j}
				}
				table.Rows = append(table.Rows, Row{Material: m})
			}
			s := Score{Value: x}
			if c.Name == "loo" {
				s.Pointwise = []float64{x / 2, x/2 + float64(i)}
			}
			table.Rows[i].Scores = append(table.Rows[i].Scores, s)
			if x < v[best] {
				best = i
			}
		}
		table.Choice = append(table.Choice, best)
		for _, name := range posteriorCriteria {
			if name == c.Name {
				var scores []Score
				for _, r := range table.Rows {
					scores = append(scores, r.Scores[len(r.Scores)-1])
				}
				table.Orders = append(table.Orders, orderPosterior(name, scores))
			}
		}
	}
	for _, i := range flagged {
		table.Rows[i].Fit.Flags = []string{"component 1 holds 2.00 observations, fewer than 4"}
	}
	return table
}

func TestVerdict(t *testing.T) {
	for _, c := range []struct {
		name    string
		values  map[string][]float64
		flagged []int
		want    []string
	}{
		{"agreement", map[string][]float64{"aic": {10, 2, 9}, "bic": {11, 3, 12}}, nil, []string{"believe k=2: both criteria"}},
		{"bic over-charges", map[string][]float64{"bic": {10, 12, 20}, "fe": {14, 10, 19}}, nil,
			[]string{"believe k=2: fe gives it the probability 0.8", "(k=1 0.12)", "bic chooses k=1, but its d log n over-charges"}},
		{"undecided", map[string][]float64{"bic": {9, 12, 20}, "fe": {10.2, 10, 10.1}}, nil, []string{"undecided: fe gives k=2"}},
		{"spurious", map[string][]float64{"aic": {5, 6, 9}, "bic": {10, 2, 4}}, []int{1}, []string{"undecided: bic prefers k=2, but by a maximum that is flagged", "maxima of k=2 are flagged"}},
		{"spurious to all", map[string][]float64{"aic": {5, 2, 9}, "bic": {10, 2, 4}}, []int{1}, []string{"undecided: bic prefers k=2, but by a maximum that is flagged"}},
		{"end of the range", map[string][]float64{"aic": {9, 8, 2}, "bic": {9, 8, 3}}, nil, []string{"k=3 is at the end of the orders"}},
		{"prediction", map[string][]float64{"bic": {1, 5, 20}, "loo": {12, 10, 90}}, nil, []string{"believe k=1", "for prediction loo prefers k=2"}},
	} {
		got := verdictTable(t, c.values, c.flagged...).Verdict()
		for _, w := range c.want {
			if !strings.Contains(got, w) {
				t.Errorf("%s: %q lacks %q", c.name, got, w)
			}
		}
		if strings.Contains(got, "\n") {
			t.Errorf("%s: more than one line", c.name)
		}
	}
	noisy := verdictTable(t, map[string][]float64{"bic": {9, 12, 20}, "fe": {14, 10, 11}})
	noisy.Rows[2].Scores[1].SE = 2.5
	if v, want := noisy.Verdict(), "undecided: fe prefers k=2, but by less than two Monte Carlo errors to k=3"; !strings.HasPrefix(v, want) || !strings.Contains(v, "up to 2.5: ask for more particles") {
		t.Errorf("large Monte Carlo errors: %q", v)
	}
	none := verdictTable(t, map[string][]float64{"nml": {math.NaN(), math.NaN()}})
	none.Choice[0] = -1
	if v := none.Verdict(); !strings.Contains(v, "no criterion applies") {
		t.Errorf("nothing applies: %q", v)
	}
}
