package experiments

import (
	"math"
	"testing"

	"github.com/neuromanifold/neuromanifold/internal/mc"
)

// Every path has the slopes that are derived for it, to 0.05 at u = 0.001 (the next
// order, largest for mixture-elimination, is O(u)).
func TestFisherScalingSlopes(t *testing.T) {
	for _, p := range scalingPaths() {
		rows, err := p.rows([]float64{0.004, 0.002, 0.001})
		if err != nil {
			t.Fatal(err)
		}
		x := Sample[fisherScalingRow]{Rows: rows}
		for i, want := range p.slopes {
			if got, _, _ := lastSlope(i + 1)(x); !(math.Abs(got-want) < 0.05) {
				t.Errorf("%s: slope of eigenvalue %d is %v, want %v", p.name, i+1, got, want)
			}
		}
		for _, r := range rows {
			if r.Status != Converged {
				t.Errorf("%s: eigenvalue %d at u = %v is not resolved", p.name, r.Index, r.U)
			}
		}
	}
}

// The default cases are all of the paths.
func TestFisherScalingDefaultHasEveryPath(t *testing.T) {
	q, err := fisherScaling.Default()
	if err != nil {
		t.Fatal(err)
	}
	if cells := len(q.cellNames()); cells != len(scalingPaths()) {
		t.Errorf("%d cells for %d paths", cells, len(scalingPaths()))
	}
}

// The slope of log mass against log ε is the learning coefficient of the
// catalogue to ±0.05 with its multiplicity held fixed. The catalogue is proved;
// the slope comes from splitting runs that do not know it. Run-to-run standard
// errors are below 0.012, so that a false alarm needs four of them.
func TestPriorMassAgreesWithTheCatalogue(t *testing.T) {
	cases := []struct{ name, prior string }{
		{"cone1", "uniform"}, {"cone1", "jeffreys"}, {"cone5", "uniform"}, {"cone5", "normal"},
		{"contaminated", "uniform"}, {"binmix2", "uniform"}, {"unit", "uniform"},
		{"crossing11", "uniform"}, {"crossing12", "uniform"}, {"rrr212", "uniform"},
		{"arma11", "uniform"}, {"arma21", "uniform"}, {"regular", "normal"},
	}
	if testing.Short() {
		cases = cases[:2]
	}
	s := priorMassSpec{Particles: 600, Floor: 1e-8}
	for _, c := range cases {
		cell := NewCell(Var{"case", c.name}, Var{"prior", c.prior})
		x := sampleOf(t, 2, func(k mc.Key) (priorMassRow, error) {
			k.Cell = cell.Name
			return priorMassRun(s, cell, k)
		})
		got, _, _ := Mean(func(r priorMassRow) float64 { return r.Lambda })(x)
		truth, _ := priorMassFind(c.name)
		want, err := truth.known(c.prior)
		if err != nil {
			t.Errorf("%s: %v", cell.Name, err)
			continue
		}
		if !(math.Abs(got-want.Lambda) < 0.05) {
			t.Errorf("%s: λ = %.4f, catalogue %v", cell.Name, got, want.Lambda)
		}
	}
}
