package pkpd_test

import (
	"fmt"
	"log"

	"github.com/pelletier/go-toml/v2"

	"github.com/neuromanifold/neuromanifold/design/pkpd"
)

// Warfarin: the concentration after 70 mg and how it depends on the parameters.
func ExampleNewLinear() {
	m, err := pkpd.NewLinear(pkpd.LinearSettings{Depot: true})
	if err != nil {
		log.Fatal(err)
	}
	c, err := m.Bind(pkpd.Regimen{{Amount: 70}})
	if err != nil {
		log.Fatal(err)
	}
	gamma := []float64{0.15, 8, 1} // CL, V, ka
	var out pkpd.Jets
	if err := c.Eval(&out, gamma, []pkpd.Sample{{Time: 6}, {Time: 72}}, 1); err != nil {
		log.Fatal(err)
	}
	for i, t := range []float64{6, 72} {
		fmt.Printf("C(%v h) = %.4f mg/L, gradient %.4f\n", t, out.Value[i], out.GradRow(i))
	}
	// Output:
	// C(6 h) = 7.9463 mg/L, gradient [-4.9640 -0.9002 -0.0192]
	// C(72 h) = 2.3117 mg/L, gradient [-20.5108 0.0956 -0.0442]
}

// A model of one's own: saturable elimination, written in TOML.
func ExampleSpec() {
	const text = `
name = "saturable elimination"

[[parameters]]
name = "Vmax"
unit = "mg/h"

[[parameters]]
name = "Km"
unit = "mg/L"

[[parameters]]
name = "V"
unit = "L"

[[states]]
name = "A"
unit = "mg"
derivative = "-Vmax*C/(Km + CC)"

[[definitions]]
name = "C"
value = "A/V"

[[responses]]
name = "C"
unit = "mg/L"
value = "C"
`
	var s pkpd.Spec
	if err := toml.Unmarshal([]byte(text), &s); err != nil {
		log.Fatal(err)
	}
	_, err := s.Compile()
	fmt.Println(err)

	s.States[0].Derivative = "-Vmax*C/(Km + C)"
	m, err := s.Compile()
	if err != nil {
		log.Fatal(err)
	}
	c, err := m.Bind(pkpd.Regimen{{Amount: 200, Duration: 1}})
	if err != nil {
		log.Fatal(err)
	}
	var out pkpd.Jets
	if err := c.Eval(&out, []float64{10, 2, 20}, []pkpd.Sample{{Time: 1}, {Time: 10}}, 0); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%.4f\n", out.Value)
	// Output:
	// pkpd: states[0] "A", derivative: column 15: unknown name "CC"; known: parameters Vmax, Km, V; states A; definitions C; the time t
	//   -Vmax*C/(Km + CC)
	//                 ^
	// [9.6813 6.1039]
}
