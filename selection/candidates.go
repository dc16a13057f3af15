package selection

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/neuromanifold/neuromanifold/models"
)

// MostCandidates is the largest grid of orders that Candidates makes.
const MostCandidates = 200

// OrderKeys returns the keys of a family that are its orders, as "k" or "p", "q".
// It is an error for a family that is not registered or has no orders.
func OrderKeys(family string) ([]string, error) {
	if _, err := models.LookupFamily(family); err != nil {
		return nil, err
	}
	switch family {
	case "mixture", "binmix":
		return []string{"k"}, nil
	case "mlp", "rbf", "rrr":
		return []string{"hidden"}, nil
	case "arma":
		return []string{"p", "q"}, nil
	}
	return nil, fmt.Errorf("the family %s has no order to select: those that have are arma, binmix, mixture, mlp, rbf, rrr", family)
}

// Candidates returns the members of a family, written as models.Parse takes it but
// without its orders, on the grid of the given orders: one list for every key of
// OrderKeys, the last one running fastest.
func Candidates(family string, orders [][]int) ([]Candidate, error) {
	name, settings, _ := strings.Cut(family, ":")
	name = strings.TrimSpace(name)
	keys, err := OrderKeys(name)
	if err != nil {
		return nil, err
	}
	for part := range strings.SplitSeq(settings, ",") {
		if k, _, _ := strings.Cut(part, "="); slices.Contains(keys, strings.TrimSpace(k)) {
			return nil, fmt.Errorf("%s: the key %s is an order and is given by the orders", family, strings.TrimSpace(k))
		}
	}
	if len(orders) != len(keys) {
		return nil, fmt.Errorf("%d lists of orders for %s, which has %s", len(orders), name, strings.Join(keys, ", "))
	}
	total := 1
	for _, o := range orders {
		total *= len(o)
	}
	if total == 0 || total > MostCandidates {
		return nil, fmt.Errorf("%d models: allowed are 1 to %d", total, MostCandidates)
	}
	out := make([]Candidate, 0, total)
	for i := range total {
		c := Candidate{Order: make([]int, len(keys))}
		rest := i
		for a := len(keys) - 1; a >= 0; a-- {
			c.Order[a] = orders[a][rest%len(orders[a])]
			rest /= len(orders[a])
		}
		var parts []string
		for a, k := range keys {
			parts = append(parts, k+"="+strconv.Itoa(c.Order[a]))
		}
		c.Label = strings.Join(parts, ",")
		if settings != "" {
			parts = append(parts, settings)
		}
		if c.Model, err = models.Parse(name + ":" + strings.Join(parts, ",")); err != nil {
			return nil, err
		}
		c.Name = fmt.Sprint(c.Model)
		out = append(out, c)
	}
	return out, nil
}
