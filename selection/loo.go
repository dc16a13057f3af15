package selection

import (
	"fmt"
	"slices"
)

var loo = Criterion{
	Name: "loo", Aim: Predict, Needs: NeedRows | NeedDraws,
	Doc: "leave-one-out cross-validation by Pareto-smoothed importance sampling: −2 elpd",
	Ref: "A. Vehtari, A. Gelman, J. Gabry (2017), Statistics and Computing 27:1413-1432",
	Score: func(all []*Material, i int) Score {
		l := PSISLOO(all[i].Posterior.Draws, 1)
		s := l.score()
		if l.Bad > 0 {
			s.Warnings = append(s.Warnings, fmt.Sprintf("Pareto k above %.2f for some rows: their terms are not to be trusted", l.Limit))
		}
		s.Details = []Detail{{"p", l.P}, {"max_k", slices.Max(l.K)}, {"k_above", float64(l.Bad)}}
		return s
	},
}
