package modeltest

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/neuromanifold/neuromanifold/models"
)

// A member is one model of a family with points to test it at.
type member struct {
	text   string
	points [][]float64
	opts   Options
}

// family says what every member of a registered family must offer.
type family struct {
	have    []string
	members []member
}

func sub(text string, theta ...float64) Nested { return Nested{mustParse(text), theta} }

func mustParse(text string) models.Model {
	m, err := models.Parse(text)
	if err != nil {
		panic(err)
	}
	return m
}

// scattered returns two points with coordinates of either sign and modulus 0.4
// or more, those with a lower bound of 0 near 0.7.
func scattered(text string) [][]float64 {
	m, rng := mustParse(text), newRand(11, 12)
	out := make([][]float64, 2)
	for i := range out {
		for _, p := range m.Params() {
			v := rng.NormFloat64() / 2
			v += math.Copysign(0.4, v)
			if p.Lo == 0 {
				v = 0.7 * math.Exp(0.2*v)
			}
			out[i] = append(out[i], v)
		}
	}
	return out
}

func words(s string) []string { return strings.Fields(s) }

// families is the table of the contract: a family that is registered and not
// in it fails TestFamilies.
func families() map[string]family {
	return map[string]family{
		"mixture": {
			words("Scorer TermScorer EMStepper Batcher Starter Reweighter FloorReporter Canonicalizer Stratified Nester Domainer Averager"),
			[]member{
				{"mixture:k=2,sd=1", [][]float64{{0.3, -1, 1.5}, {0.6, 0.5, 2.5}},
					Options{Have: words("FreeScorer Curver"), Sub: []Nested{sub("mixture:k=1,sd=1", 0.4)}}},
				{"mixture:k=2,sd=tied", [][]float64{{0.3, -1, 1.5, 0.8}}, Options{Have: words("FreeScorer Curver"), Sub: []Nested{sub("mixture:k=1,sd=tied", 0.4, 2)}}},
				{"mixture:k=2", [][]float64{{0.4, -1, 1.5, 0.8, 1.2}}, Options{Have: words("Curver"), Sub: []Nested{sub("mixture:k=1", 0.4, 2)}}},
				{"mixture:k=2,sd=1,bound=5", [][]float64{{0.3, -1, 1.5}}, Options{Have: words("FreeScorer Curver")}},
				{"mixture:k=3", [][]float64{{0.3, 0.4, -3, 0, 2.5, 0.8, 1.2, 1}}, Options{Sub: []Nested{sub("mixture:k=2", 0.4, -1, 1, 1, 2)}}},
				{"mixture:k=2,dim=2,cov=full", [][]float64{{0.4, -1, 0, 1.5, 0.5, 1, 0.3, 0.8, 1.2, -0.2, 0.9}}, Options{}},
				{"mixture:k=2,dim=2,cov=diag", [][]float64{{0.4, -1, 0, 1.5, 0.5, 1, 0.8, 1.2, 0.9}}, Options{}},
				{"mixture:k=2,dim=2,cov=spherical", [][]float64{{0.4, -1, 0, 1.5, 0.5, 0.8, 1.2}}, Options{}},
				{"mixture:k=2,dim=2,cov=tied", [][]float64{{0.4, -1, 0, 1.5, 0.5, 1, 0.3, 0.8}}, Options{}},
			},
		},
		"arma": {
			words("Scorer TermScorer Starter Informer Stratified Unconstrainer Domainer Averager"),
			[]member{
				{"arma:p=1,q=1", [][]float64{{0.6, 0.3, 1.5}, {-0.4, 0.7, 0.5}}, Options{Have: words("Curver"), Draws: 5_000_000}},
				{"arma:p=1,q=1,mean=true,var=1", [][]float64{{0.6, 0.3, 2}}, Options{Draws: 5_000_000}},
				{"arma:p=2,q=0,mean=true", [][]float64{{0.5, -0.3, 1, 2}}, Options{Draws: 5_000_000}},
				{"arma:p=0,q=2", [][]float64{{0.5, 0.3, 2}}, Options{Draws: 5_000_000}},
				{"arma:p=2,q=2", [][]float64{{0.5, -0.3, 0.4, 0.2, 1}}, Options{Draws: 5_000_000}},
				{"arma:p=1,q=1,likelihood=css,var=1", [][]float64{{0.6, 0.3}}, Options{Draws: 5_000_000}},
			},
		},
		"mlp": {
			words("Scorer TermScorer Batcher Starter Reweighter Inputter PointInformer Canonicalizer Stratified Nester Noder"),
			[]member{
				{"mlp", [][]float64{{0.8, -1.3, 0.7, 1.2}, {0.5, 1.9, -1, 0.6}}, Options{Have: words("Informer"), Sub: []Nested{sub("mlp:hidden=1", 0.7, 1.1)}}},
				{"mlp:act=tanh", [][]float64{{0.8, -1.3, 0.7, 1.2}}, Options{Have: words("Informer")}},
				{"mlp:act=tanh,sigma=free", scattered("mlp:act=tanh,sigma=free"), Options{Have: words("Informer")}},
				{"mlp:act=relu,bias=true", [][]float64{{1.1, -0.3, -0.9, 0.4, 0.8, -1.2, 0.5}}, Options{Have: words("Informer")}},
				{"mlp:act=relu,bias=true,x=uniform,xsd=2", [][]float64{{1.1, -0.3, -0.9, 0.4, 0.8, -1.2, 0.5}}, Options{Have: words("Informer")}},
				{"mlp:bias=true,act=tanh,hidden=1", scattered("mlp:bias=true,act=tanh,hidden=1"), Options{Have: words("Informer")}},
				{"mlp:in=2,hidden=2,out=1", scattered("mlp:in=2,hidden=2,out=1"), Options{Have: words("Informer")}},
				{"mlp:in=3,hidden=2,out=2,act=tanh,bias=true", scattered("mlp:in=3,hidden=2,out=2,act=tanh,bias=true"), Options{Have: words("Informer")}},
				{"mlp:in=2,hidden=3,out=2,sigma=free,x=uniform,xsd=1.5", scattered("mlp:in=2,hidden=3,out=2,sigma=free,x=uniform,xsd=1.5"), Options{Have: words("Informer")}},
				{"mlp:in=2,hidden=2+1,act=tanh,sigma=free", scattered("mlp:in=2,hidden=2+1,act=tanh,sigma=free"), Options{Have: words("Domainer"), Sub: []Nested{sub("mlp:in=2,hidden=1+1,act=tanh,sigma=free", 0.7, 0.5, -1.1, 0.9, 0.6)}}},
				{"mlp:hidden=2+2,act=relu,bias=true,out=2", scattered("mlp:hidden=2+2,act=relu,bias=true,out=2"), Options{}},
				{"mlp:hidden=2+1,act=linear,in=2", scattered("mlp:hidden=2+1,act=linear,in=2"), Options{}},
				{"mlp:out=3,bias=true,noise=softmax", scattered("mlp:out=3,bias=true,noise=softmax"), Options{}},
				{"mlp:hidden=2+2,out=2,noise=softmax,act=tanh", scattered("mlp:hidden=2+2,out=2,noise=softmax,act=tanh"), Options{Sub: []Nested{sub("mlp:hidden=2+1,out=2,noise=softmax,act=tanh", 0.7, -0.8, 0.9, 0.6, -0.5, 0.4)}}},
			},
		},
		"cone": {
			words("Scorer TermScorer Informer Stratified KnownRLCT"),
			[]member{
				{"cone", [][]float64{{0.8, 0.5}}, Options{}},
				{"cone:d=2,signed=false", [][]float64{{0.8, 0.5, 0.9}}, Options{}},
			},
		},
		"contaminated": {
			words("Scorer TermScorer Hesser Stratified KnownRLCT Averager"),
			[]member{{"contaminated", [][]float64{{0.3, 1.5}}, Options{}}, {"contaminated:bound=4", [][]float64{{0.3, -1.5}}, Options{}}},
		},
		"crossing": {
			words("Scorer TermScorer Stratified KnownRLCT"),
			[]member{{"crossing", [][]float64{{0.8, -0.6}}, Options{Draws: 2_000_000}}, {"crossing:powers=2+1+3", [][]float64{{0.8, -0.6, 1.1}}, Options{Draws: 2_000_000}}},
		},
		"binmix": {
			words("Scorer TermScorer Informer Factorer Canonicalizer Stratified Nester Noder KnownRLCT"),
			[]member{{"binmix", [][]float64{{0.4, 0.2, 0.7}}, Options{}}, {"binmix:k=3,trials=8", [][]float64{{0.3, 0.3, 0.1, 0.5, 0.8}}, Options{}}},
		},
		"rbf": {
			words("Scorer TermScorer Inputter Informer Factorer PointInformer Canonicalizer Stratified Nester Noder KnownRLCT Averager"),
			[]member{{"rbf", [][]float64{{-0.8, 0.9, 1.2, 0.7}}, Options{Draws: 2_000_000}}, {"rbf:sigma=free", [][]float64{{-0.8, 0.9, 1.2, 0.7, 0.5}}, Options{Draws: 2_000_000}}},
		},
		"rrr": {
			words("Scorer TermScorer Inputter Stratified KnownRLCT"),
			[]member{
				{"rrr:in=2,hidden=1,out=2", scattered("rrr:in=2,hidden=1,out=2"), Options{}},
				{"rrr:in=2,hidden=2+2,out=2", scattered("rrr:in=2,hidden=2+2,out=2"), Options{}},
			},
		},
	}
}

func TestFamilies(t *testing.T) {
	table := families()
	for _, f := range models.Families() {
		fam, ok := table[f.Name]
		if !ok {
			t.Errorf("family %s is registered but not in the table of the contract", f.Name)
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			for _, mb := range fam.members {
				t.Run(strings.ReplaceAll(mb.text, ",", ";"), func(t *testing.T) {
					m, err := models.Parse(mb.text)
					if err != nil {
						t.Fatal(err)
					}
					mb.opts.Text, mb.opts.Have = mb.text, append(slices.Clone(fam.have), mb.opts.Have...)
					if testing.Short() {
						if models.Dim(m) > 12 {
							t.Skip("seconds of quadrature")
						}
						mb.opts.Skip = shortSkip(mb.opts.Skip)
					}
					Run(t, m, mb.points, mb.opts)
				})
			}
		})
	}
	for _, name := range sortedKeys(table) {
		if _, err := models.LookupFamily(name); err != nil {
			t.Errorf("the table has a family that is not registered: %s", name)
		}
	}
}

// shortSkip leaves out what needs hundreds of thousands of draws.
func shortSkip(skip map[string]string) map[string]string {
	out := map[string]string{"law": "short"}
	for k, v := range skip {
		out[k] = v
	}
	return out
}
