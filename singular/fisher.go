package singular

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
)

const (
	badLength = "singular: slice length mismatch"
	badShape  = "singular: matrix dimension mismatch"
)

// ErrNoRoute is wrapped by the error of NewFisher for a model whose Fisher
// information none of the allowed routes reaches.
var ErrNoRoute = errors.New("no route to the Fisher information")

// FisherOptions say what the information is averaged over and what a Monte Carlo
// route may spend. The zero value allows every route but Monte Carlo.
type FisherOptions struct {
	// Data, if not nil, has the conditioning rows to average over, instead of
	// the model's own law of inputs. It is kept, not copied. Models without
	// conditioning columns ignore it.
	Data *models.Data
	// Rng allows the Monte Carlo route; nil refuses it with an error.
	Rng *rand.Rand
	// Draws is the number of Monte Carlo draws, for a series its length;
	// 0 means 20 000.
	Draws int
	// MonteCarlo takes that route even where there is a better one.
	MonteCarlo bool
}

// Information is the Fisher information at one θ and what is known of its error.
type Information struct {
	F        *mat.SymDense // d×d, per observation (per unit of time for a series)
	SE       *mat.SymDense // standard errors of the entries; nil unless Route is MonteCarlo
	ErrBound float64       // bound on the absolute error of the entries of F; 0 for a closed form
	Route    models.Route
	Draws    int    // Monte Carlo draws; 0 otherwise
	Note     string // what the average runs over, where that is not obvious
}

// A Fisher computes the Fisher information of one model. It owns scratch: one
// goroutine at a time.
type Fisher struct {
	m     models.Model
	d     int
	route models.Route
	note  string
	eval  func(dst *Information, theta []float64) error
	// factor returns R with F = RᵀR, valid until the next call; nil if no form
	// of the route has more digits than F itself.
	factor func(theta []float64) (*mat.Dense, error)
}

// NewFisher chooses the route to the Fisher information of m, best first: the
// model's own closed form or quadrature (models.Informer); elemental information
// (models.PointInformer) averaged over the rows of opts.Data or over the law of
// the inputs, by adaptive quadrature for one input and a product rule for two;
// scores averaged over the model's own quadrature nodes (models.Noder); Monte
// Carlo. It returns an error wrapping ErrNoRoute, with what is missing, if none
// is left.
func NewFisher(m models.Model, opts FisherOptions) (*Fisher, error) {
	if m == nil {
		panic("singular: nil model")
	}
	f := &Fisher{m: m, d: models.Dim(m)}
	s := m.Shape()
	if s.P == 0 {
		opts.Data = nil
	}
	if z := opts.Data; z != nil {
		if z.P != s.P {
			return nil, fmt.Errorf("%v: data has %d conditioning columns, the model takes %d", m, z.P, s.P)
		}
		if z.N < 1 {
			return nil, fmt.Errorf("%v: data has no rows", m)
		}
		if err := z.Check(); err != nil {
			return nil, fmt.Errorf("%v: %w", m, err)
		}
	}
	if opts.Draws < 0 {
		return nil, fmt.Errorf("%v: %d Monte Carlo draws", m, opts.Draws)
	}
	if opts.Draws == 0 {
		opts.Draws = 20_000
	}
	if !opts.MonteCarlo && (f.chooseInformer(opts) || f.chooseElemental(opts) || f.chooseNodes(opts)) {
		return f, nil
	}
	if err := f.chooseMonteCarlo(opts); err != nil {
		return nil, err
	}
	return f, nil
}

// Model returns the model.
func (f *Fisher) Model() models.Model { return f.m }

// Route returns the route that At and Into take.
func (f *Fisher) Route() models.Route { return f.route }

// At returns the Fisher information at θ. It returns an error for a θ of wrong
// length or outside the domain; a θ exactly on a stratum is an ordinary one.
func (f *Fisher) At(theta []float64) (Information, error) {
	var info Information
	if err := models.CheckTheta(f.m, theta); err != nil {
		return Information{}, fmt.Errorf("%v: %w", f.m, err)
	}
	err := f.Into(&info, theta)
	return info, err
}

// Into is At into dst, whose matrices it reuses if they have the right size: it
// allocates nothing after the first call, except by the routes that bind data
// anew (models.Noder, Monte Carlo). θ must lie in the domain, which is not
// checked. It panics if θ has the wrong length, or dst.F another size.
func (f *Fisher) Into(dst *Information, theta []float64) error {
	if len(theta) != f.d {
		panic(badLength)
	}
	if dst.F == nil {
		dst.F = mat.NewSymDense(f.d, nil)
	} else if dst.F.SymmetricDim() != f.d {
		panic(badShape)
	}
	dst.Route, dst.Note, dst.Draws, dst.ErrBound = f.route, f.note, 0, 0
	if f.route != models.MonteCarlo {
		dst.SE = nil
	} else if dst.SE == nil {
		dst.SE = mat.NewSymDense(f.d, nil)
	} else if dst.SE.SymmetricDim() != f.d {
		panic(badShape)
	}
	return f.eval(dst, theta)
}

// chooseInformer takes the model's own information. It averages over the model's
// law of inputs, so that rows of data ask for another route.
func (f *Fisher) chooseInformer(opts FisherOptions) bool {
	inf, ok := f.m.(models.Informer)
	if !ok || opts.Data != nil {
		return false
	}
	fill, route := inf.Fisher()
	if fill == nil {
		return false
	}
	f.route = route
	f.eval = func(dst *Information, theta []float64) error {
		dst.ErrBound = fill(dst.F, theta)
		return nil
	}
	if fac, ok := f.m.(models.Factorer); ok {
		if factor, _ := fac.FisherFactor(); factor != nil {
			f.factor = func(theta []float64) (*mat.Dense, error) { return factor(theta), nil }
		}
	}
	return true
}

// chooseElemental averages FisherAt over the inputs without random numbers.
func (f *Fisher) chooseElemental(opts FisherOptions) bool {
	pi, ok := f.m.(models.PointInformer)
	p := f.m.Shape().P
	if !ok || p == 0 {
		return false
	}
	rows := opts.Data
	if rows == nil {
		in, ok := f.m.(models.Inputter)
		if !ok {
			return false
		}
		law := in.InputLaw()
		if emp, ok := law.(models.EmpiricalLaw); ok {
			rows = emp.Z
		} else if avg := newInputAverage(pi, law, f.d); avg != nil {
			f.route, f.note = models.Elemental, "inputs: "+law.String()
			f.eval = func(dst *Information, theta []float64) error {
				dst.ErrBound = avg(dst.F, theta)
				return nil
			}
			return true
		} else {
			return false
		}
	}
	one := mat.NewSymDense(f.d, nil)
	f.route, f.note = models.Elemental, fmt.Sprintf("inputs: %d rows of data", rows.N)
	f.eval = func(dst *Information, theta []float64) error {
		dst.F.Zero()
		for i := range rows.N {
			pi.FisherAt(one, theta, rows.X(i))
			addScaledSym(dst.F, 1/float64(rows.N), one)
		}
		return nil
	}
	return true
}

// addScaledSym adds a·s to dst.
func addScaledSym(dst *mat.SymDense, a float64, s *mat.SymDense) {
	x, y := dst.RawSymmetric(), s.RawSymmetric()
	for i := range x.N {
		xi := x.Data[i*x.Stride+i : i*x.Stride+x.N]
		yi := y.Data[i*y.Stride+i : i*y.Stride+x.N]
		for j, v := range yi {
			xi[j] += a * v
		}
	}
}
