package estimation

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/neuromanifold/neuromanifold/models"
)

// settings returns the family of a registered model and the keys of its text
// form, which is what Parse reads.
func settings(m models.Model) (family string, kv map[string]string) {
	family, rest, _ := strings.Cut(fmt.Sprint(m), ":")
	kv = map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		if k, v, ok := strings.Cut(part, "="); ok {
			kv[k] = v
		}
	}
	return family, kv
}

// with returns the model of the same family with one key changed.
func with(m models.Model, key, value string) (models.Model, error) {
	name, kv := settings(m)
	f, err := models.LookupFamily(name)
	if err != nil {
		return nil, err
	}
	kv[key] = value
	return f.FromMap(kv)
}

func formatNumber(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }

// A mixtureForm is what the tests need to know of a mixture.
type mixtureForm struct {
	k, dim   int
	variance models.MixtureVariance
	sigma    float64 // where the variance is known
	bounded  bool
}

func formOf(m *models.Mixture) (mixtureForm, error) {
	_, kv := settings(m)
	f := mixtureForm{k: m.K(), dim: m.Shape().Q}
	_, f.bounded = kv["bound"]
	switch sd := kv["sd"]; {
	case f.dim > 1 || sd == "":
	case sd == "tied":
		f.variance = models.VarTied
	default:
		f.variance = models.VarKnown
		var err error
		if f.sigma, err = strconv.ParseFloat(sd, 64); err != nil {
			return f, fmt.Errorf("%v: sd=%s is not a number", m, sd)
		}
	}
	return f, nil
}
