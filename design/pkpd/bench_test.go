package pkpd

import "testing"

func benchCurve(b *testing.B, s Structure, reg Regimen, gamma []float64, order int, at []Sample) {
	b.Helper()
	c, err := s.Bind(reg)
	if err != nil {
		b.Fatal(err)
	}
	var out Jets
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Eval(&out, gamma, at, order); err != nil {
			b.Fatal(err)
		}
	}
}

var warfarinTimes = []Sample{{0, 0.5}, {0, 1}, {0, 2}, {0, 6}, {0, 24}, {0, 36}, {0, 72}, {0, 120}}

// Eight sampling times in each.
func BenchmarkLinear(b *testing.B) {
	one := mustLinear(b, LinearSettings{Depot: true})
	two := mustLinear(b, LinearSettings{Depot: true, Peripheral: true})
	for _, c := range []struct {
		name  string
		m     *Linear
		reg   Regimen
		gamma []float64
		order int
	}{
		{"warfarin/gradient", one, Regimen{{Amount: 70}}, []float64{0.15, 8, 1}, 1},
		{"warfarin/hessian", one, Regimen{{Amount: 70}}, []float64{0.15, 8, 1}, 2},
		{"two-oral/gradient", two, Regimen{{Amount: 70}}, []float64{2, 10, 3, 30, 1.2}, 1},
		{"two-oral/hessian", two, Regimen{{Amount: 70}}, []float64{2, 10, 3, 30, 1.2}, 2},
		{"two-steady/hessian", two, Regimen{{Amount: 70, Every: 24, SteadyState: true}}, []float64{2, 10, 3, 30, 1.2}, 2},
	} {
		b.Run(c.name, func(b *testing.B) { benchCurve(b, c.m, c.reg, c.gamma, c.order, warfarinTimes) })
	}
}

// The structural half of the information of the example of Nyberg et al.: both
// responses at twelve times with all first and second derivatives.
func BenchmarkHCV(b *testing.B) {
	m := compile(b, HCV())
	var at []Sample
	for r := range 2 {
		for _, t := range []float64{0, .25, .5, 1, 2, 3, 4, 7, 10, 14, 21, 28} {
			at = append(at, Sample{r, t})
		}
	}
	for order, name := range []string{"value", "gradient", "hessian"} {
		b.Run(name, func(b *testing.B) { benchCurve(b, m, hcvRegimen, hcvTheta, order, at) })
	}
}
