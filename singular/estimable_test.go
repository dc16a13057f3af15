package singular

import (
	"testing"

	"github.com/neuromanifold/neuromanifold/models"
)

// A weight of 0.01 is not on the elimination of its component because a variance is 10⁸.
func TestOnAStratumDoesNotDependOnOtherUnits(t *testing.T) {
	m, err := models.Parse("mixture:k=2,sd=tied")
	if err != nil {
		t.Fatal(err)
	}
	strata, _ := StrataAt(m, []float64{0.01, -1e4, 2e4, 1e8})
	for _, s := range strata {
		if s.On {
			t.Errorf("on %s at distance %v", s.Name, s.Distance)
		}
	}
	strata, _ = StrataAt(m, []float64{0.01, 2e4, 2e4 + 1e-6, 1e8})
	if !strata[0].On {
		t.Errorf("off %s at distance %v", strata[0].Name, strata[0].Distance)
	}
}
