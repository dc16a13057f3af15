package estimation_test

import (
	"bufio"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/num/dual"

	"github.com/neuromanifold/neuromanifold/models"
)

type num = dual.Number

func c(v float64) num { return num{Real: v} }
func add(a ...num) (s num) {
	for _, v := range a {
		s = dual.Add(s, v)
	}
	return s
}
func mul(a, b num) num { return dual.Mul(a, b) }
func sub(a, b num) num { return dual.Sub(a, b) }
func div(a, b num) num { q := a.Real / b.Real; return num{Real: q, Emag: (a.Emag - q*b.Emag) / b.Real} }
func neg(a num) num    { return dual.Scale(-1, a) }
func exp(a num) num    { e := math.Exp(a.Real); return num{Real: e, Emag: e * a.Emag} }
func sq(a num) num     { return mul(a, a) }
func poly(x float64, b ...num) (s num) {
	for i := len(b) - 1; i >= 0; i-- {
		s = add(dual.Scale(x, s), b[i])
	}
	return s
}

// power is a^p for a > 0, NaN elsewhere.
func power(a, p num) num {
	if a.Real <= 0 {
		return c(math.NaN())
	}
	return exp(mul(p, dual.Log(a)))
}

func saturate(b []num, x []float64) num { return mul(b[0], sub(c(1), exp(dual.Scale(-x[0], b[1])))) }
func chwirut(b []num, x []float64) num {
	return div(exp(dual.Scale(-x[0], b[0])), add(b[1], dual.Scale(x[0], b[2])))
}
func lanczos(b []num, x []float64) num {
	return add(mul(b[0], exp(dual.Scale(-x[0], b[1]))), mul(b[2], exp(dual.Scale(-x[0], b[3]))), mul(b[4], exp(dual.Scale(-x[0], b[5]))))
}
func bell(x float64, m, s num) num { return exp(neg(sq(div(sub(c(x), m), s)))) }
func gauss(b []num, x []float64) num {
	return add(mul(b[0], exp(dual.Scale(-x[0], b[1]))), mul(b[2], bell(x[0], b[3], b[4])), mul(b[5], bell(x[0], b[6], b[7])))
}
func cubics(b []num, x []float64) num {
	return div(poly(x[0], b[0], b[1], b[2], b[3]), poly(x[0], c(1), b[4], b[5], b[6]))
}
func wave(x float64, p num) (cos, sin num) {
	a := div(c(2*math.Pi*x), p)
	s, k := math.Sincos(a.Real)
	return num{Real: k, Emag: -s * a.Emag}, num{Real: s, Emag: k * a.Emag}
}

// strd are the 27 mean functions as their files give them.
var strd = []struct {
	name   string
	linear []int // coordinates in which f is linear
	f      func(b []num, x []float64) num
}{
	{"Misra1a", []int{0}, saturate},
	{"Chwirut2", nil, chwirut},
	{"Chwirut1", nil, chwirut},
	{"Lanczos3", []int{0, 2, 4}, lanczos},
	{"Gauss1", []int{0, 2, 5}, gauss},
	{"Gauss2", []int{0, 2, 5}, gauss},
	{"DanWood", []int{0}, func(b []num, x []float64) num { return mul(b[0], power(c(x[0]), b[1])) }},
	{"Misra1b", []int{0}, func(b []num, x []float64) num {
		return mul(b[0], sub(c(1), div(c(1), sq(add(c(1), dual.Scale(x[0]/2, b[1]))))))
	}},
	{"Kirby2", []int{0, 1, 2}, func(b []num, x []float64) num {
		return div(poly(x[0], b[0], b[1], b[2]), poly(x[0], c(1), b[3], b[4]))
	}},
	{"Hahn1", []int{0, 1, 2, 3}, cubics},
	{"Nelson", []int{0, 1}, func(b []num, x []float64) num {
		return sub(b[0], mul(dual.Scale(x[0], b[1]), exp(dual.Scale(-x[1], b[2]))))
	}},
	{"MGH17", []int{0, 1, 2}, func(b []num, x []float64) num {
		return add(b[0], mul(b[1], exp(dual.Scale(-x[0], b[3]))), mul(b[2], exp(dual.Scale(-x[0], b[4]))))
	}},
	{"Lanczos1", []int{0, 2, 4}, lanczos},
	{"Lanczos2", []int{0, 2, 4}, lanczos},
	{"Gauss3", []int{0, 2, 5}, gauss},
	{"Misra1c", []int{0}, func(b []num, x []float64) num {
		return mul(b[0], sub(c(1), power(add(c(1), dual.Scale(2*x[0], b[1])), c(-0.5))))
	}},
	{"Misra1d", []int{0}, func(b []num, x []float64) num {
		bx := dual.Scale(x[0], b[1])
		return div(mul(b[0], bx), add(c(1), bx))
	}},
	{"Roszman1", []int{0, 1}, func(b []num, x []float64) num {
		return sub(sub(b[0], dual.Scale(x[0], b[1])), dual.Scale(1/math.Pi, dual.Atan(div(b[2], sub(c(x[0]), b[3])))))
	}},
	{"ENSO", []int{0, 1, 2, 4, 5, 7, 8}, func(b []num, x []float64) num {
		c1, s1 := wave(x[0], c(12))
		c2, s2 := wave(x[0], b[3])
		c3, s3 := wave(x[0], b[6])
		return add(b[0], mul(b[1], c1), mul(b[2], s1), mul(b[4], c2), mul(b[5], s2), mul(b[7], c3), mul(b[8], s3))
	}},
	{"MGH09", []int{0}, func(b []num, x []float64) num {
		return div(mul(b[0], poly(x[0], c(0), b[1], c(1))), poly(x[0], b[3], b[2], c(1)))
	}},
	{"Thurber", []int{0, 1, 2, 3}, cubics},
	{"BoxBOD", []int{0}, saturate},
	{"Rat42", []int{0}, func(b []num, x []float64) num {
		return div(b[0], add(c(1), exp(sub(b[1], dual.Scale(x[0], b[2])))))
	}},
	{"MGH10", []int{0}, func(b []num, x []float64) num { return mul(b[0], exp(div(b[1], add(c(x[0]), b[2])))) }},
	{"Eckerle4", []int{0}, func(b []num, x []float64) num {
		return mul(div(b[0], b[1]), exp(dual.Scale(-0.5, sq(div(sub(c(x[0]), b[2]), b[1])))))
	}},
	{"Rat43", []int{0}, func(b []num, x []float64) num {
		return div(b[0], power(add(c(1), exp(sub(b[1], dual.Scale(x[0], b[2])))), div(c(1), b[3])))
	}},
	{"Bennett5", []int{0}, func(b []num, x []float64) num {
		return mul(b[0], power(add(b[1], c(x[0])), div(c(-1), b[2])))
	}},
}

// certified is what a file of NIST certifies.
type certified struct {
	start  [2][]float64
	b, sd  []float64
	rss, s float64
	z      *models.Data
}

var strdRow = regexp.MustCompile(`^\s*b\d+\s*=\s*(\S+)\s+(\S+)\s+(\S+)\s+(\S+)`)

// readSTRD parses a file of the NIST Statistical Reference Datasets.
func readSTRD(t testing.TB, name string) certified {
	t.Helper()
	file, err := os.Open(filepath.Join("testdata", "strd", name+".dat"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	number := func(s string) float64 {
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return v
	}
	out := certified{z: &models.Data{Q: 1}}
	data := false
	for in := bufio.NewScanner(file); in.Scan(); {
		line := in.Text()
		fields := strings.Fields(line)
		switch m := strdRow.FindStringSubmatch(line); {
		case strings.HasPrefix(line, "Data:") && len(fields) > 1 && fields[1] == "y":
			data = true
			out.z.P = len(fields) - 2
		case data && len(fields) > 0:
			y := number(fields[0])
			if name == "Nelson" { // its model is of log y
				y = math.Log(y)
			}
			for _, x := range fields[1:] {
				out.z.V = append(out.z.V, number(x))
			}
			out.z.V = append(out.z.V, y)
			out.z.N++
		case m != nil:
			out.start[0] = append(out.start[0], number(m[1]))
			out.start[1] = append(out.start[1], number(m[2]))
			out.b = append(out.b, number(m[3]))
			out.sd = append(out.sd, number(m[4]))
		case strings.HasPrefix(line, "Residual Sum of Squares:"):
			out.rss = number(fields[len(fields)-1])
		case strings.HasPrefix(line, "Residual Standard Deviation:"):
			out.s = number(fields[len(fields)-1])
		}
	}
	if out.z.N == 0 || len(out.b) == 0 || out.rss == 0 {
		t.Fatalf("%s: incomplete", name)
	}
	return out
}

// curveModel is y = f(x; b) + N(0, 1).
type curveModel struct {
	name   string
	p      int // inputs
	params []models.Param
	f      func(b []num, x []float64) num
	linear []int
}

func newCurve(name string, inputs, d int, f func(b []num, x []float64) num, linear ...int) *curveModel {
	m := &curveModel{name: name, p: inputs, f: f, linear: linear}
	for i := range d {
		m.params = append(m.params, models.Param{Name: fmt.Sprintf("b%d", i+1), Lo: math.Inf(-1), Hi: math.Inf(1)})
	}
	return m
}

func (m *curveModel) Params() []models.Param { return m.params }
func (m *curveModel) Shape() models.Shape    { return models.Shape{P: m.p, Q: 1} }
func (m *curveModel) String() string         { return m.name }
func (m *curveModel) Sample(z *models.Data, theta []float64, rng *rand.Rand) {
	b := make([]num, len(theta))
	for i, v := range theta {
		b[i].Real = v
	}
	for t := range z.N {
		z.Y(t)[0] = m.f(b, z.X(t)).Real + rng.NormFloat64()
	}
}
func (m *curveModel) Bind(z *models.Data) (models.Likelihood, error) {
	return &curveLike{m: m, z: z, b: make([]num, len(m.params)), r: make([]float64, z.N)}, nil
}

type curveLike struct {
	m *curveModel
	z *models.Data
	b []num
	r []float64
}

func (l *curveLike) Model() models.Model { return l.m }
func (l *curveLike) N() int              { return l.z.N }
func (l *curveLike) LogLik(theta []float64) float64 {
	l.Residuals(l.r, nil, theta)
	s := 0.0
	for _, r := range l.r {
		s -= 0.5 * (r*r + math.Log(2*math.Pi))
	}
	if math.IsNaN(s) {
		return math.Inf(-1)
	}
	return s
}
func (l *curveLike) Terms(dst, theta []float64) {
	l.Residuals(dst, nil, theta)
	for t, r := range dst {
		dst[t] = -0.5 * (r*r + math.Log(2*math.Pi))
	}
}
func (l *curveLike) LeastSquares() (models.LeastSquares, bool) {
	return models.LeastSquares{Rows: l.z.N, Weight: float64(l.z.N), Noise: -1, Sigma: 1, Linear: l.m.linear}, true
}
func (l *curveLike) Residuals(dst []float64, jac *mat.Dense, theta []float64) {
	for i, v := range theta {
		l.b[i] = c(v)
	}
	for t := range dst {
		x := l.z.X(t)
		if jac == nil {
			dst[t] = l.z.Y(t)[0] - l.m.f(l.b, x).Real
			continue
		}
		for j := range l.b {
			l.b[j].Emag = 1
			f := l.m.f(l.b, x)
			l.b[j].Emag = 0
			dst[t] = l.z.Y(t)[0] - f.Real
			jac.Set(t, j, -f.Emag)
		}
	}
}
