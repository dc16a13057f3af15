package singular

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/neuromanifold/neuromanifold/models"
)

// LawInfo describes a law for NewLaw.
type LawInfo struct {
	Name   string
	Doc    string // one line
	Params []LawParam
	About  string // the statistic, the process, where the law comes from
}

// A LawParam is a parameter of a law. Truth values are 1 and 0.
type LawParam struct {
	Name    string
	Default float64
	Lo, Hi  float64 // bounds; see Open and Whole
	Open    bool    // Lo is excluded
	Below   bool    // Hi is excluded
	Whole   bool    // a whole number
	Truth   bool    // true or false
	Doc     string
}

type lawEntry struct {
	LawInfo
	build func(v map[string]float64) (Process, distribution)
}

func bound(def, hi float64, doc string) LawParam {
	return LawParam{Name: "bound", Default: def, Lo: 0, Hi: hi, Open: true, Doc: doc}
}

func lawTable() []lawEntry {
	half := func(k int, v map[string]float64) Process {
		m := v["bound"]
		p := Process{Cov: hermiteKernel(k), Pieces: []Piece{{Lo: -m, Hi: m}}}
		if k%2 == 1 {
			// The score carries the sign of t^k beyond the smooth kernel.
			p.Pieces = []Piece{{Lo: 0, Hi: m}, {Lo: -m, Hi: 0, Flip: true}}
		}
		return p
	}
	unit := func(moment func(a, b float64) float64, v map[string]float64) Process {
		return Process{Cov: unitKernel(moment), TwoSided: true, Pieces: []Piece{{
			Lo: math.Log1p(min(1e-4, v["bound"]/2)), Hi: math.Log1p(v["bound"]),
		}}}
	}
	return []lawEntry{
		{LawInfo{
			Name: "contaminated", Doc: "(1−a)N(0,1) + aN(b,1) at a = 0, |b| ≤ bound",
			Params: []LawParam{bound(5, 30, "largest |b|")},
			About: "sup max(0, W(b))², W with correlation (e^{bb'}−1)/√((e^{b²}−1)(e^{b'²}−1)). " +
				"Without a bound the statistic grows like log log n: see GumbelContaminated.",
		}, func(v map[string]float64) (Process, distribution) { return half(1, v), nil }},
		{LawInfo{
			Name: "homogeneity", Doc: "two normals of one known variance against one, means within bound of the common one",
			Params: []LawParam{bound(5, 30, "largest distance of a component mean, in standard deviations")},
			About: "sup max(0, W(t))², W with correlation e₁(st)/√(e₁(s²)e₁(t²)), e₁(p) = e^p − 1 − p: the score e^{tx−t²/2} with the mean " +
				"projected out. As the bound goes to 0 it becomes half a point mass at 0 and half χ²₁.",
		}, func(v map[string]float64) (Process, distribution) { return half(2, v), nil }},
		{LawInfo{
			Name: "homogeneity-tied", Doc: "two normals of one unknown common variance against one",
			Params: []LawParam{bound(5, 30, "largest distance of a component mean, in standard deviations")},
			About: "as homogeneity with mean and variance projected out, e₂(p) = e^p − 1 − p − p²/2. The statistic of data reaches this law only at " +
				"astronomical n.",
		}, func(v map[string]float64) (Process, distribution) { return half(3, v), nil }},
		{LawInfo{
			Name: "arma11", Doc: "ARMA(1,1) on white noise, roots |ρ| ≤ bound < 1",
			Params: []LawParam{{Name: "bound", Default: 0.99, Lo: 0, Hi: 1, Open: true, Below: true, Doc: "largest modulus of the common root"}},
			About: "sup W(ρ)², W(ρ) = √(1−ρ²) Σ ρ^k g_k: in the coordinate artanh ρ a stationary process with correlation sech. " +
				"Without a bound the statistic grows like 2 log log n: see GumbelARMA.",
		}, func(v map[string]float64) (Process, distribution) {
			s := math.Atanh(v["bound"])
			return Process{Cov: sechKernel, TwoSided: true, Pieces: []Piece{{Lo: -s, Hi: s}}}, nil
		}},
		{LawInfo{
			Name: "erf-unit", Doc: "y = v erf(wx/√2) + e at v = 0, x ~ N(0,1), |w| ≤ bound",
			Params: []LawParam{bound(10, 1e4, "largest |w|")},
			About:  "sup W(w)², W with the correlation of φ(wx) and φ(w'x), an arcsine in closed form.",
		}, func(v map[string]float64) (Process, distribution) { return unit(erfMoment, v), nil }},
		{LawInfo{
			Name: "tanh-unit", Doc: "y = v tanh(wx) + e at v = 0, x ~ N(0,1), |w| ≤ bound",
			Params: []LawParam{bound(10, 1e4, "largest |w|")},
			About:  "as erf-unit; the correlation by the trapezoidal rule in log x, to 1e-14.",
		}, func(v map[string]float64) (Process, distribution) { return unit(tanhMoment(), v), nil }},
		{LawInfo{
			Name: "simple-mlp", Doc: "y = ξ erf(β ω·x/√2) + e at ξ = 0, |ω| = 1, x ~ N(0, I)",
			Params: []LawParam{
				{Name: "inputs", Default: 2, Lo: 1, Hi: 2, Whole: true, Doc: "dimension of x"},
				{Name: "beta", Default: 1, Lo: 0, Hi: 200, Open: true, Doc: "slope of the unit"},
			},
			About: "sup W(ω)² over the sphere, correlation arcsin(cρ)/arcsin(c) at ρ = ω·ω', c = β²/(1+β²). One input: χ²₁ exactly.",
		}, func(v map[string]float64) (Process, distribution) {
			if v["inputs"] == 1 {
				return Process{}, chiSquared{1}
			}
			// Half the circle: W(−ω) = −W(ω). The kernel is analytic in a strip
			// of width about √2/β, which the grid has to resolve.
			beta := v["beta"]
			return Process{Cov: arcsineKernel(beta), TwoSided: true, MaxStep: 0.25 / (1 + beta), Pieces: []Piece{{Lo: 0, Hi: math.Pi}}}, nil
		}},
		{LawInfo{
			Name: "cone", Doc: "the cone x ~ N(ξ a(ω), I), a = (1, cω)/√(1+c²), ω on the sphere S^d, at its apex",
			Params: []LawParam{
				{Name: "d", Default: 1, Lo: 0, Hi: 10_000, Whole: true, Doc: "dimension of the sphere"},
				{Name: "c", Default: 1, Lo: 0, Hi: 1e6, Open: true, Doc: "tangent of the opening angle"},
				{Name: "signed", Default: 1, Truth: true, Hi: 1, Doc: "ξ of either sign (double cone), else ξ ≥ 0"},
			},
			About: "exact at every n: (|Z| + cR)²/(1+c²), or max(0, Z + cR)²/(1+c²) for ξ ≥ 0, with Z ~ N(0,1) and R ~ χ_{d+1} independent.",
		}, func(v map[string]float64) (Process, distribution) {
			return Process{}, newConeLaw(int(v["d"]), v["c"], v["signed"] != 0)
		}},
	}
}

// Laws returns the laws that NewLaw knows, in a fixed order.
func Laws() []LawInfo {
	var out []LawInfo
	for _, e := range lawTable() {
		out = append(out, e.LawInfo)
	}
	return out
}

// NewLaw returns the law of that name; parameters that are absent have their
// defaults. The error of an unknown name or parameter lists the known ones
// (*models.UnknownNameError), the error of a bad value says what is allowed.
func NewLaw(name string, params map[string]float64) (*Law, error) {
	return newLaw(name, params, 0, 0)
}

// NewLocalLaw is NewLaw with the truth a little off the singular point, where the
// mean of the normalised score is strength at the index at: by Le Cam's third
// lemma W then has the mean strength × Cov(at, t) and the same correlations. The
// index is the coordinate of the process: t of the homogeneity laws (0 for two
// components that part), b of contaminated, artanh ρ of arma11, log(1 + w) of the
// hidden units. It returns an error for a law that is known without a process.
func NewLocalLaw(name string, params map[string]float64, at, strength float64) (*Law, error) {
	if math.IsNaN(at+strength) || math.IsInf(at+strength, 0) {
		return nil, fmt.Errorf("law %s: a score of mean %v at %v", name, strength, at)
	}
	law, err := newLaw(name, params, at, strength)
	if err == nil && law.exact != nil {
		return nil, fmt.Errorf("law %s: it has no process, and no local alternatives here", name)
	}
	return law, err
}

func newLaw(name string, params map[string]float64, at, strength float64) (*Law, error) {
	table := lawTable()
	i := slices.IndexFunc(table, func(e lawEntry) bool { return e.Name == name })
	if i < 0 {
		known := make([]string, len(table))
		for i, e := range table {
			known[i] = e.Name
		}
		return nil, &models.UnknownNameError{What: "limit law", Name: name, Known: known}
	}
	e := table[i]
	known := make([]string, len(e.Params))
	v := map[string]float64{}
	full := name
	for i, p := range e.Params {
		known[i] = p.Name
		x, given := params[p.Name]
		if !given {
			x = p.Default
		}
		if err := p.check(x); err != nil {
			return nil, fmt.Errorf("law %s: %w", name, err)
		}
		v[p.Name] = x
		sep := ","
		if i == 0 {
			sep = ":"
		}
		full += sep + p.Name + "=" + p.format(x)
	}
	given := make([]string, 0, len(params))
	for k := range params {
		given = append(given, k)
	}
	slices.Sort(given)
	for _, k := range given {
		if !slices.Contains(known, k) {
			return nil, &models.UnknownNameError{What: "parameter of law " + name, Name: k, Known: known}
		}
	}
	process, exact := e.build(v)
	if strength != 0 && exact == nil {
		process.Drift = func(t float64) float64 { return strength * process.Cov(at, t) }
		full += fmt.Sprintf(",at=%g,strength=%g", at, strength)
	}
	law := &Law{name: full, exact: exact}
	if exact == nil {
		var err error
		if law, err = ProcessLaw(full, process); err != nil {
			return nil, err
		}
	}
	switch law.naive = 2; name {
	case "cone":
		law.naive = int(v["d"]) + 1
	case "simple-mlp": // β is fixed: ξ and a direction
		law.naive = int(v["inputs"])
	}
	return law, nil
}

// ParseLaw is NewLaw from text such as "homogeneity:bound=3" or
// "cone:d=2,c=1,signed=false".
func ParseLaw(text string) (*Law, error) {
	name, rest, _ := strings.Cut(text, ":")
	params := map[string]float64{}
	for part := range strings.SplitSeq(rest, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		k, s, ok := strings.Cut(part, "=")
		if !ok {
			return nil, fmt.Errorf("law %q: %q is not of the form key=value", text, part)
		}
		k, s = strings.TrimSpace(k), strings.TrimSpace(s)
		x, err := strconv.ParseFloat(s, 64)
		if err != nil {
			b, boolErr := strconv.ParseBool(s)
			if boolErr != nil {
				return nil, fmt.Errorf("law %q: %s=%s is not a number", text, k, s)
			}
			if b {
				x = 1
			}
		}
		if _, twice := params[k]; twice {
			return nil, fmt.Errorf("law %q: %s is given twice", text, k)
		}
		params[k] = x
	}
	return NewLaw(strings.TrimSpace(name), params)
}

func (p LawParam) check(x float64) error {
	switch {
	case p.Truth:
		if x != 0 && x != 1 {
			return fmt.Errorf("%s is %v: allowed is true or false", p.Name, x)
		}
	case p.Whole:
		if x != math.Trunc(x) || x < p.Lo || x > p.Hi {
			return fmt.Errorf("%s is %v: allowed is a whole number from %v to %v", p.Name, x, p.Lo, p.Hi)
		}
	case p.Open:
		upper := "at most"
		if p.Below {
			upper = "below"
		}
		if !(x > p.Lo && x <= p.Hi) || p.Below && x == p.Hi {
			return fmt.Errorf("%s is %v: allowed is above %v and %s %v", p.Name, x, p.Lo, upper, p.Hi)
		}
	}
	return nil
}

func (p LawParam) format(x float64) string {
	if p.Truth {
		return strconv.FormatBool(x != 0)
	}
	return strconv.FormatFloat(x, 'g', -1, 64)
}
