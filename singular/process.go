package singular

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"github.com/neuromanifold/neuromanifold/models"
)

// A Process is a Gaussian process W of mean 0 and variance 1 on an interval, or
// on several: the limit of the normalised score along the curves that leave the
// set of true parameters. The likelihood-ratio statistic at a singular truth
// converges to sup W(t)² if both directions of each curve lie in the model, else
// to sup max(0, W(t))² (Dacunha-Castelle and Gassiat, ESAIM P&S 1 (1997); Liu and
// Shao, Annals of Statistics 31 (2003)).
type Process struct {
	// Cov is the correlation of W(s) and W(t). It must be smooth: sample paths
	// with no derivative have no supremum that a grid can find.
	Cov func(s, t float64) float64
	// Pieces are the closed intervals of t. A piece with Flip contributes −W.
	Pieces []Piece
	// TwoSided takes sup W², else sup max(0, W)².
	TwoSided bool
	// MaxStep bounds the spacing of the grid in t; 0 for no bound beyond the one
	// from the correlation of neighbours.
	MaxStep float64
	// Drift is the mean of W(t) under a local alternative; nil for 0.
	Drift func(t float64) float64
}

// A Piece is a closed interval of the index set of a Process.
type Piece struct {
	Lo, Hi float64
	Flip   bool
}

const (
	// gridStep is the standard deviation of W(t+h) − W(t) between neighbours.
	gridStep = 0.04
	// minGrid is the least number of grid points of a piece.
	minGrid = 41
	// maxGrid bounds the grid, and with it time and memory.
	maxGrid = 4000
	// choleskyTol is the variance that the low-rank factor may leave out.
	choleskyTol = 1e-13
	// peakMargin is how far below the highest grid value a local maximum is
	// still refined: far above gridStep²/8 times the curvature at a peak.
	peakMargin = 0.05
	// blockDraws is the number of draws of one task.
	blockDraws = 1000
)

// A supremum simulates the supremum of a Process. It is immutable after it is
// built, so that blocks of draws may run in parallel.
type supremum struct {
	twoSided bool
	pieces   [][2]int   // ranges of grid columns
	factor   *mat.Dense // rank × grid: W = g·factor, g standard normal
	drift    []float64  // mean of W on the grid
	residual float64    // largest variance that the factor leaves out
}

// newSupremum lays the grid and factors the correlation matrix.
func newSupremum(p Process) (*supremum, error) {
	s := &supremum{twoSided: p.TwoSided}
	var grid []float64
	var flip []bool
	for _, pc := range p.Pieces {
		g, err := layGrid(p, pc)
		if err != nil {
			return nil, err
		}
		if len(grid)+len(g) > maxGrid {
			return nil, fmt.Errorf("singular: the index set needs more than %d grid points: lower the bound", maxGrid)
		}
		s.pieces = append(s.pieces, [2]int{len(grid), len(grid) + len(g)})
		for _, t := range g {
			grid, flip = append(grid, t), append(flip, pc.Flip)
		}
	}
	if len(grid) == 0 {
		return nil, errors.New("singular: a process with an empty index set")
	}
	s.factor, s.residual = pivotedCholesky(grid, p.Cov)
	s.drift = make([]float64, len(grid))
	if p.Drift != nil {
		for j, t := range grid {
			s.drift[j] = p.Drift(t)
		}
	}
	for j, f := range flip {
		if f {
			rank, _ := s.factor.Dims()
			for i := range rank {
				s.factor.Set(i, j, -s.factor.At(i, j))
			}
			s.drift[j] = -s.drift[j]
		}
	}
	return s, nil
}

// layGrid returns equally spaced points of a piece, ends included, so close that neighbours differ by a standard deviation of gridStep.
func layGrid(p Process, pc Piece) ([]float64, error) {
	if !(pc.Hi > pc.Lo) || math.IsInf(pc.Hi-pc.Lo, 0) {
		return nil, fmt.Errorf("singular: a process on [%v, %v]", pc.Lo, pc.Hi)
	}
	at := func(i, n int) float64 { return pc.Lo + (pc.Hi-pc.Lo)*float64(i)/float64(n-1) }
	n := minGrid
	for range 6 {
		worst := 0.0
		for i := 1; i < n; i++ {
			worst = max(worst, 2*(1-p.Cov(at(i-1, n), at(i, n))))
		}
		if math.IsNaN(worst) {
			return nil, errors.New("singular: the correlation of the process is not a number")
		}
		want := max(minGrid, int(math.Ceil(float64(n-1)*math.Sqrt(worst)/gridStep))+1)
		if p.MaxStep > 0 {
			want = max(want, int(math.Ceil((pc.Hi-pc.Lo)/p.MaxStep))+1)
		}
		if want > maxGrid {
			return nil, fmt.Errorf("singular: the index set needs more than %d grid points: lower the bound", maxGrid)
		}
		if want <= n && want > n/2 {
			break
		}
		n = want
	}
	g := make([]float64, n)
	for i := range g {
		g[i] = at(i, n)
	}
	return g, nil
}

// pivotedCholesky returns L (rank × grid) with LᵀL = C up to a variance of
// residual at any grid point, C_ij = cov(t_i, t_j). Smooth correlations have
// small rank, and the error is known exactly, which an eigendecomposition with
// clipping gives only in sum. It evaluates rank × grid correlations.
func pivotedCholesky(grid []float64, cov func(s, t float64) float64) (l *mat.Dense, residual float64) {
	n := len(grid)
	left := make([]float64, n) // variance not yet explained
	for i, t := range grid {
		left[i] = cov(t, t)
	}
	var rows [][]float64
	for len(rows) < n {
		p := 0
		for i, v := range left {
			if v > left[p] {
				p = i
			}
		}
		if left[p] <= choleskyTol {
			break
		}
		row := make([]float64, n)
		root := math.Sqrt(left[p])
		for i, t := range grid {
			v := cov(grid[p], t)
			for _, r := range rows {
				v -= r[p] * r[i]
			}
			row[i] = v / root
			left[i] -= row[i] * row[i]
		}
		left[p] = 0
		rows = append(rows, row)
	}
	l = mat.NewDense(len(rows), n, nil)
	for i, r := range rows {
		l.SetRow(i, r)
	}
	return l, max(0, slices.Max(left))
}

// run fills dst with independent draws of the statistic in the order of the
// draws, and returns the mean and the largest difference between refinement by a
// quartic and by a parabola: a bound on what the grid costs, since the quartic is
// the more accurate of the two.
func (s *supremum) run(dst []float64, each models.Each) (meanErr, maxErr float64, err error) {
	blocks := (len(dst) + blockDraws - 1) / blockDraws
	means, maxes := make([]float64, blocks), make([]float64, blocks)
	rank, n := s.factor.Dims()
	err = each(blocks, func(b int, rng *rand.Rand) error {
		out := dst[b*blockDraws : min((b+1)*blockDraws, len(dst))]
		w := make([]float64, n)
		for i := range out {
			// Row by row: the factor stays in the cache, and a matrix product
			// would start goroutines of its own.
			copy(w, s.drift)
			for k := range rank {
				floats.AddScaled(w, rng.NormFloat64(), s.factor.RawRowView(k))
			}
			quartic, parabola := s.peak(w)
			quartic, parabola = max(0, quartic), max(0, parabola)
			out[i] = quartic * quartic
			e := math.Abs(out[i] - parabola*parabola)
			means[b] += e
			maxes[b] = max(maxes[b], e)
		}
		return nil
	})
	if err != nil {
		return 0, 0, err
	}
	for b := range blocks {
		meanErr += means[b] / float64(len(dst))
		maxErr = max(maxErr, maxes[b])
	}
	return meanErr, maxErr, nil
}

// peak returns the supremum over the pieces of a path on the grid, of |W| if two
// sided, refined by quartics and by parabolas through neighbours.
func (s *supremum) peak(w []float64) (quartic, parabola float64) {
	top := math.Inf(-1)
	if s.twoSided {
		for _, v := range w {
			top = max(top, math.Abs(v))
		}
	} else {
		for _, v := range w {
			top = max(top, v)
		}
	}
	quartic, parabola = math.Inf(-1), math.Inf(-1)
	for _, pc := range s.pieces {
		path := w[pc[0]:pc[1]]
		for i, v := range path {
			sign := 1.0
			if s.twoSided && v < 0 {
				v, sign = -v, -1
			}
			if v < top-peakMargin || i > 0 && sign*path[i-1] > v || i+1 < len(path) && sign*path[i+1] > v {
				continue
			}
			q, p := refinePeak(path, i, sign)
			quartic, parabola = max(quartic, q), max(parabola, p)
		}
	}
	return quartic, parabola
}

// refinePeak returns the maximum of sign·path near its grid maximum i, inside the
// interval, from the quartic through five points and from the parabola through
// three. path has at least five points.
func refinePeak(path []float64, i int, sign float64) (quartic, parabola float64) {
	j := min(max(i, 2), len(path)-3) // centre of the five points
	y0, y1, y2, y3, y4 := sign*path[j-2], sign*path[j-1], sign*path[j], sign*path[j+1], sign*path[j+2]
	a1 := (y0 - 8*y1 + 8*y3 - y4) / 12
	a2 := (-y0 + 16*y1 - 30*y2 + 16*y3 - y4) / 24
	a3 := (-y0 + 2*y1 - 2*y3 + y4) / 12
	a4 := (y0 - 4*y1 + 6*y2 - 4*y3 + y4) / 24
	at := float64(i - j)
	lo, hi := max(at-1, -2), min(at+1, 2)
	v := at
	for range 5 {
		slope := a1 + v*(2*a2+v*(3*a3+v*4*a4))
		curve := 2*a2 + v*(6*a3+v*12*a4)
		if curve >= 0 {
			break
		}
		next := min(max(v-slope/curve, lo), hi)
		done := math.Abs(next-v) < 1e-9
		v = next
		if done {
			break
		}
	}
	yi := sign * path[i]
	quartic = max(yi, y2+v*(a1+v*(a2+v*(a3+v*a4))))
	k := min(max(i, 1), len(path)-2)
	b1 := sign * (path[k+1] - path[k-1]) / 2
	b2 := sign * (path[k+1] - 2*path[k] + path[k-1]) / 2
	parabola = yi
	if b2 < 0 {
		u := float64(i - k)
		u = min(max(-b1/(2*b2), max(u-1, -1)), min(u+1, 1))
		parabola = max(yi, sign*path[k]+u*(b1+u*b2))
	}
	return quartic, parabola
}
