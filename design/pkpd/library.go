package pkpd

import (
	"fmt"
	"slices"
	"strings"
)

// An Entry is a model that Lookup knows by name.
type Entry struct {
	Name string
	Doc  string
	New  func() (Structure, error)
}

// Library lists the named models in the order of the manual.
func Library() []Entry {
	linear := func(set LinearSettings) func() (Structure, error) {
		return func() (Structure, error) {
			m, err := NewLinear(set)
			return structure(m, err)
		}
	}
	effect := func(set LinearSettings, e EmaxSettings) func() (Structure, error) {
		return func() (Structure, error) {
			m, err := NewLinear(set)
			if err != nil {
				return nil, err
			}
			em, err := NewEmax(m, e)
			return structure(em, err)
		}
	}
	custom := func(s Spec) func() (Structure, error) {
		return func() (Structure, error) {
			m, err := s.Compile()
			return structure(m, err)
		}
	}
	site := EmaxSettings{Driver: 1, Baseline: true}
	return []Entry{
		{"iv1", "one compartment, intravenous: CL, V", linear(LinearSettings{})},
		{"iv2", "two compartments, intravenous: CL, V1, Q, V2", linear(LinearSettings{Peripheral: true})},
		{"oral1", "one compartment, first-order absorption: CL, V, ka", linear(LinearSettings{Depot: true})},
		{"oral1-lag", "oral1 with a lag: CL, V, ka, tlag", linear(LinearSettings{Depot: true, Lag: true})},
		{"oral1-f", "oral1 with bioavailability: CL, V, ka, F", linear(LinearSettings{Depot: true, Bioavailability: true})},
		{"oral1-rates", "oral1 in rates: k, V, ka", linear(LinearSettings{Depot: true, Rates: true})},
		{"oral2", "two compartments, first-order absorption: CL, V1, Q, V2, ka", linear(LinearSettings{Depot: true, Peripheral: true})},
		{"oral2-lag", "oral2 with a lag: CL, V1, Q, V2, ka, tlag", linear(LinearSettings{Depot: true, Peripheral: true, Lag: true})},
		{"iv1-emax", "iv1 with a direct effect E0 + Emax C/(EC50+C)", effect(LinearSettings{}, EmaxSettings{Baseline: true})},
		{"oral1-emax", "oral1 with a direct effect E0 + Emax C/(EC50+C)", effect(LinearSettings{Depot: true}, EmaxSettings{Baseline: true})},
		{"oral1-sigmoid", "oral1 with a direct effect E0 + Emax C^h/(EC50^h+C^h)", effect(LinearSettings{Depot: true}, EmaxSettings{Baseline: true, Hill: true})},
		{"iv1-effect", "iv1 with an effect site: ke0, E0, Emax, EC50", effect(LinearSettings{EffectSite: true}, site)},
		{"oral1-effect", "oral1 with an effect site: ke0, E0, Emax, EC50", effect(LinearSettings{Depot: true, EffectSite: true}, site)},
		{"mm-iv", "one compartment, saturable elimination: Vmax, Km, V", custom(MichaelisMenten(false))},
		{"mm-oral", "mm-iv with first-order absorption: Vmax, Km, V, ka", custom(MichaelisMenten(true))},
		{"turnover-iv", "iv1 that inhibits the production of a response: Rin, kout, Imax, IC50", custom(Turnover(false))},
		{"turnover-oral", "oral1 that inhibits the production of a response: Rin, kout, Imax, IC50", custom(Turnover(true))},
		{"hcv", "viral dynamics of hepatitis C under peginterferon (Nyberg et al. 2015): KA, KE, VD, EC50, n, delta, c; times in days", custom(HCV())},
	}
}

// structure keeps a nil pointer out of a Structure.
func structure(s Structure, err error) (Structure, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Lookup returns a model of the library. The error lists the names that there are.
func Lookup(name string) (Structure, error) {
	lib := Library()
	i := slices.IndexFunc(lib, func(e Entry) bool { return e.Name == name })
	if i < 0 {
		var names []string
		for _, e := range lib {
			names = append(names, e.Name)
		}
		return nil, fmt.Errorf("pkpd: unknown model %q; known: %s", name, strings.Join(names, ", "))
	}
	return lib[i].New()
}

// depot puts a depot state in front of the first state of s, which it feeds.
func depot(s *Spec) {
	s.Parameters = append(s.Parameters, SpecParameter{Name: "ka", Unit: "1/h", Doc: "rate of absorption"})
	s.States[0].Derivative += " + ka*depot"
	s.States = append([]SpecState{{Name: "depot", Unit: "mg", Derivative: "-ka*depot"}}, s.States...)
}

// MichaelisMenten returns the spec of one compartment with saturable elimination,
// V dC/dt = −Vmax C/(Km+C), with doses into the compartment or into a depot.
func MichaelisMenten(oral bool) Spec {
	s := Spec{
		Name: "Michaelis-Menten elimination",
		Parameters: []SpecParameter{
			{Name: "Vmax", Unit: "mg/h", Doc: "largest rate of elimination"},
			{Name: "Km", Unit: "mg/L", Doc: "concentration of half that rate"},
			{Name: "V", Unit: "L", Doc: "volume"},
		},
		States:    []SpecState{{Name: "central", Unit: "mg", Derivative: "-Vmax*central/(Km*V + central)"}},
		Responses: []SpecResponse{{Name: "C", Unit: "mg/L", Value: "central/V"}},
	}
	if oral {
		depot(&s)
	}
	return s
}

// Turnover returns the spec of an indirect response (Dayneka, Garg and Jusko, J.
// Pharmacokin. Biopharm. 21 (1993) 457, model I): the drug of a one-compartment
// model inhibits the production of E, dE/dt = Rin (1 − Imax C/(IC50+C)) − kout E,
// E(0) = Rin/kout.
func Turnover(oral bool) Spec {
	one := 1.0
	s := Spec{
		Name: "turnover",
		Parameters: []SpecParameter{
			{Name: "CL", Unit: "L/h", Doc: "clearance"},
			{Name: "V", Unit: "L", Doc: "volume"},
			{Name: "Rin", Unit: "1/h", Doc: "production of the response"},
			{Name: "kout", Unit: "1/h", Doc: "its loss"},
			{Name: "Imax", Unit: "1", Upper: &one, Doc: "largest inhibition, a fraction"},
			{Name: "IC50", Unit: "mg/L", Doc: "concentration of half of it"},
		},
		States: []SpecState{
			{Name: "central", Unit: "mg", Derivative: "-CL/V*central"},
			{Name: "E", Unit: "1", Initial: "Rin/kout", Derivative: "Rin*(1 - Imax*central/(IC50*V + central)) - kout*E"},
		},
		Responses: []SpecResponse{{Name: "C", Unit: "mg/L", Value: "central/V"}, {Name: "E", Unit: "1", Value: "E"}},
	}
	if oral {
		depot(&s)
	}
	return s
}

// HCV returns the spec of the viral dynamics of hepatitis C under peginterferon
// that Nyberg et al. (Br. J. Clin. Pharmacol. 79 (2015) 6) compare design programs
// on: target cells T, infected cells I, virions W, starting in the infected
// steady state without drug. Times are in days, doses in µg; give 180 over one
// day every seven days into A1.
func HCV() Spec {
	return Spec{
		Name:     "HCV viral dynamics",
		TimeUnit: "d",
		Parameters: []SpecParameter{
			{Name: "KA", Unit: "1/d", Doc: "rate of absorption"},
			{Name: "KE", Unit: "1/d", Doc: "rate of elimination"},
			{Name: "VD", Unit: "L", Doc: "volume"},
			{Name: "EC50", Unit: "ug/L", Doc: "concentration of half the efficacy"},
			{Name: "n", Unit: "1", Doc: "Hill exponent"},
			{Name: "delta", Unit: "1/d", Doc: "death of infected cells"},
			{Name: "c", Unit: "1/d", Doc: "clearance of virions"},
		},
		Definitions: []SpecDefinition{{Name: "C", Value: "A2/VD"}},
		States: []SpecState{
			{Name: "A1", Unit: "ug", Derivative: "-KA*A1"},
			{Name: "A2", Unit: "ug", Derivative: "KA*A1 - KE*A2"},
			{Name: "T", Unit: "1/mL", Initial: "c*delta/(100*1e-7)", Derivative: "2e4 - T*(1e-7*W + 0.001)"},
			{Name: "I", Unit: "1/mL", Initial: "(2e4*1e-7*100 - 0.001*c*delta)/(100*delta*1e-7)", Derivative: "1e-7*T*W - delta*I"},
			{Name: "W", Unit: "1/mL", Initial: "(2e4*1e-7*100 - 0.001*c*delta)/(c*delta*1e-7)", Derivative: "100*(1 - C^n/(C^n + EC50^n))*I - c*W"},
		},
		Responses: []SpecResponse{
			{Name: "C", Unit: "ug/L", Value: "C", Doc: "concentration of the drug"},
			{Name: "log10W", Unit: "1", Value: "log10(W)", Doc: "viral load"},
		},
	}
}
