package designs

import (
	"embed"
	"io/fs"
	"strings"

	"github.com/neuromanifold/neuromanifold/design/pkpd"
	"github.com/neuromanifold/neuromanifold/experiments"
	"github.com/neuromanifold/neuromanifold/models"
)

//go:embed specs/*.toml
var specs embed.FS

// Names lists the built-in specs.
func Names() []string {
	files, err := fs.Glob(specs, "specs/*.toml")
	if err != nil {
		panic(err) // a constant pattern
	}
	var names []string
	for _, f := range files {
		names = append(names, strings.TrimSuffix(strings.TrimPrefix(f, "specs/"), ".toml"))
	}
	return names
}

// Text returns the built-in spec of that name. Its error is a
// *models.UnknownNameError.
func Text(name string) ([]byte, error) {
	text, err := specs.ReadFile("specs/" + name + ".toml")
	if err != nil {
		return nil, &models.UnknownNameError{What: "design", Name: name, Known: Names()}
	}
	return text, nil
}

// spec is the schema of the file.
type spec struct {
	Title      string                    `toml:"title"`
	Source     string                    `toml:"source"`
	Model      modelSpec                 `toml:"model"`
	Parameter  map[string]parameterSpec  `toml:"parameter"`
	Covariance map[string]covarianceSpec `toml:"covariance"`
	Residual   map[string]residualSpec   `toml:"residual"`
	Dose       map[string]doseSpec       `toml:"dose"`
	Group      map[string]groupSpec      `toml:"group"`
	Optimize   optimizeSpec              `toml:"optimize"`
}

type modelSpec struct {
	Structure     string     `toml:"structure"` // a name of the library, or "custom"
	Custom        *pkpd.Spec `toml:"custom"`
	Approximation string     `toml:"approximation"`
	Fixed         string     `toml:"fixed"`    // natural or log
	Omega         string     `toml:"omega"`    // variance or sd
	Error         string     `toml:"residual"` // variance or sd
}

type parameterSpec struct {
	Value         *float64 `toml:"value"`
	Unit          *string  `toml:"unit"`
	Law           string   `toml:"law"`
	Variance      float64  `toml:"variance"`
	Known         bool     `toml:"known"`
	VarianceKnown bool     `toml:"variance_known"`
}

type covarianceSpec struct {
	Between []string `toml:"between"`
	Value   float64  `toml:"value"`
	Known   bool     `toml:"known"`
}

type residualSpec struct {
	Form              string  `toml:"form"` // variances or deviations
	Proportional      float64 `toml:"proportional"`
	Additive          float64 `toml:"additive"`
	Unit              *string `toml:"unit"`
	ProportionalKnown bool    `toml:"proportional_known"`
	AdditiveKnown     bool    `toml:"additive_known"`
}

type doseSpec struct {
	Compartment string  `toml:"compartment"`
	Time        float64 `toml:"time"`
	Amount      float64 `toml:"amount"`
	Unit        *string `toml:"unit"`
	Duration    float64 `toml:"duration"`
	Every       float64 `toml:"every"`
	Count       int     `toml:"count"`
	SteadyState bool    `toml:"steady_state"`
}

type groupSpec struct {
	Subjects int       `toml:"subjects"`
	Times    []float64 `toml:"times"`
	Doses    []string  `toml:"doses"`
}

type optimizeSpec struct {
	Criterion   string      `toml:"criterion"`
	Interest    []string    `toml:"interest"`
	Times       []float64   `toml:"times"`
	Samples     []int       `toml:"samples"` // one number, or from and to
	MinGap      float64     `toml:"min_gap"`
	Windows     [][]float64 `toml:"windows"`
	CostSubject float64     `toml:"cost_subject"`
	CostSample  float64     `toml:"cost_sample"`
	Subjects    int         `toml:"subjects"`
	Doses       []string    `toml:"doses"`
}

// Parse reads a spec; file is for messages only. What is wrong with it is an
// error with its place in the file.
func Parse(file string, text []byte) (*Study, error) {
	doc, err := experiments.ParseDocument(file, text)
	if err != nil {
		return nil, err
	}
	b := &builder{doc: doc}
	if err := doc.Decode(&b.s); err != nil {
		return nil, err
	}
	st := &Study{Title: b.s.Title, Source: b.s.Source, doc: doc}
	for _, step := range []func(*Study) error{b.model, b.parameters, b.residuals, b.doses, b.groups, b.optimize} {
		if err := step(st); err != nil {
			return nil, err
		}
	}
	return st, nil
}
