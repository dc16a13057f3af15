package estimation_test

import (
	"math"
	"testing"

	"github.com/neuromanifold/neuromanifold/estimation"
	"github.com/neuromanifold/neuromanifold/models"
)

// White noise of known variance has no coordinates: its report is that of a fit of
// rank 0, with both criteria −2ℓ.
func TestReportOfAModelWithoutCoordinates(t *testing.T) {
	m, err := models.NewARMA(0, 0, models.ARMASettings{Var: 1})
	if err != nil {
		t.Fatal(err)
	}
	l, err := m.Bind(quantiles(20))
	if err != nil {
		t.Fatal(err)
	}
	ll := l.LogLik(nil)
	r := estimation.Describe(l, estimation.Fit{LogLik: ll})
	if r.Rank != 0 || r.Dim != 0 || len(r.SE) != 0 || math.Abs(r.AIC+2*ll) > 1e-12 || math.Abs(r.BIC+2*ll) > 1e-12 {
		t.Errorf("%+v", r)
	}
}
