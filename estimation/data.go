package estimation

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/neuromanifold/neuromanifold/models"
)

// ErrData is wrapped by the errors for data that a model can be bound to and not
// fitted to: constant where a variance is free, or too large or too small for
// their squares.
var ErrData = errors.New("the data cannot be fitted")

// checkData returns an error that wraps ErrData if the likelihood of m on z has no
// maximum, or none in this arithmetic, whatever the fit does.
func checkData(m models.Model, z *models.Data) error {
	for j := range z.Q {
		sum, lo, hi := 0.0, math.Inf(1), math.Inf(-1)
		for i := range z.N {
			y := z.Y(i)[j]
			sum += y * y
			lo, hi = min(lo, y), max(hi, y)
		}
		column := z.P + j + 1
		if math.IsInf(sum, 1) {
			return fmt.Errorf("%w: the squares of column %d of the data overflow (from %.4g to %.4g): rescale it", ErrData, column, lo, hi)
		}
		if !freeVariance(m) {
			continue
		}
		if lo == hi && followsConstant(m, lo) {
			return fmt.Errorf("%w: column %d of the data is constant: with a free variance the likelihood is unbounded", ErrData, column)
		}
		if lo < hi && (hi-lo)*(hi-lo)/float64(z.N) < 1e-290 {
			return fmt.Errorf("%w: the variance of column %d of the data underflows (from %.4g to %.4g): rescale it", ErrData, column, lo, hi)
		}
	}
	return nil
}

// followsConstant reports whether m can follow a column that is c in every row with
// no error at all. Whether a regression does depends on its inputs, and shows in its
// fit.
func followsConstant(m models.Model, c float64) bool {
	if m.Shape().P > 0 {
		return false
	}
	_, kv := settings(m)
	return !m.Shape().Series || c == 0 || kv["mean"] == "true" || kv["p"] != "0"
}

// freeVariance reports whether a variance is among the coordinates.
func freeVariance(m models.Model) bool {
	for _, p := range m.Params() {
		if strings.HasPrefix(p.Name, "var") || strings.HasPrefix(p.Name, "cov") || p.Name == "sigma2" {
			return true
		}
	}
	return false
}
