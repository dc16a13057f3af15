package selection

import "fmt"

var loo = Criterion{
	Name: "loo", Aim: Predict, Needs: NeedRows | NeedDraws,
	Doc: "leave-one-out cross-validation by Pareto-smoothed importance sampling: −2 elpd",
	Ref: "A. Vehtari, A. Gelman, J. Gabry (2017), Statistics and Computing 27:1413-1432",
	Score: func(all []*Material, i int) Score {
		l := PSISLOO(all[i].Posterior.Draws, 1)
		s := l.score()
		if l.Bad > 0 {
			s.Warnings = append(s.Warnings, fmt.Sprintf("Pareto k above %.2f for %d of %d rows: their terms are not to be trusted", l.Limit, l.Bad, len(l.K)))
		}
		return s
	},
}
