package vec

import "math"

// A Matrix is a matrix in a slice: element (i, j) is at Data[i·RowStep + j·ColStep].
type Matrix struct {
	Data             []float64
	Rows, Cols       int
	RowStep, ColStep int
}

// RowMajor returns a matrix whose rows follow one another, stride apart.
func RowMajor(data []float64, rows, cols, stride int) Matrix {
	return Matrix{data, rows, cols, stride, 1}
}

// T returns the transpose, of the same memory.
func (m Matrix) T() Matrix { return Matrix{m.Data, m.Cols, m.Rows, m.ColStep, m.RowStep} }

// check panics where an element lies outside of the data.
func (m Matrix) check() {
	if m.Rows > 0 && m.Cols > 0 && (m.Rows-1)*m.RowStep+(m.Cols-1)*m.ColStep >= len(m.Data) {
		panic("vec: a matrix is larger than its data")
	}
}

// The tile of c that a kernel holds in registers, and the blocks of a (rowBlock ×
// depth) and b (depth × colBlock) that are packed for it: together within a cache of
// half a megabyte.
const (
	tileRows = 8
	tileCols = 16
	depth    = 256
	rowBlock = 128
	colBlock = 128
)

// A Product multiplies matrices. Each element of the result is one chain of fused
// multiply-adds in the order of the inner index,
//
//	c_ij ← fma(α a_ik, b_kj, c_ij),  k = 0, 1, …,
//
// so that neither blocks nor registers take part in its bits. It owns scratch, which
// the first call allocates: one goroutine.
type Product struct {
	a, b []float64 // packed, panels of tileRows rows and tileCols columns
	edge [tileRows * tileCols]float64
}

// Add adds α a b to c, whose columns must be next to each other. It panics if the
// sizes do not fit.
func (p *Product) Add(c Matrix, alpha float64, a, b Matrix) { p.add(c, alpha, a, b, false) }

// AddUpper is Add for a symmetric product of which only the upper triangle is
// wanted: what lies below the diagonal of c is left unspecified.
func (p *Product) AddUpper(c Matrix, alpha float64, a, b Matrix) { p.add(c, alpha, a, b, true) }

func (p *Product) add(c Matrix, alpha float64, a, b Matrix, upper bool) {
	if a.Cols != b.Rows || c.Rows != a.Rows || c.Cols != b.Cols || c.ColStep != 1 {
		panic("vec: sizes of a product do not fit")
	}
	a.check()
	b.check()
	c.check()
	if a.Cols == 0 || c.Rows == 0 || c.Cols == 0 {
		return
	}
	kc := min(depth, a.Cols)
	p.a = grown(p.a, kc*roundUp(min(rowBlock, a.Rows), tileRows))
	p.b = grown(p.b, kc*roundUp(min(colBlock, b.Cols), tileCols))
	for k := 0; k < a.Cols; k += depth {
		kn := min(depth, a.Cols-k)
		for i := 0; i < c.Rows; i += rowBlock {
			in := min(rowBlock, c.Rows-i)
			pack(p.a, a.T(), k, i, kn, in, tileRows, alpha)
			for j := 0; j < c.Cols; j += colBlock {
				jn := min(colBlock, c.Cols-j)
				if upper && j+jn <= i {
					continue
				}
				pack(p.b, b, k, j, kn, jn, tileCols, 1)
				p.block(c, i, j, in, jn, kn, upper)
			}
		}
	}
}

func grown(s []float64, n int) []float64 {
	if cap(s) < n {
		return make([]float64, n)
	}
	return s[:n]
}

func roundUp(n, to int) int { return (n + to - 1) / to * to }

// pack writes α m[k:k+kn, j:j+jn] into dst panel by panel: width columns next to each
// other, those that do not exist as zeros.
func pack(dst []float64, m Matrix, k, j, kn, jn, width int, alpha float64) {
	for ; jn > 0; j, jn = j+width, jn-width {
		n := min(width, jn)
		if n < width {
			clear(dst[:kn*width])
		}
		if m.ColStep == 1 {
			for r := range kn {
				row := m.Data[(k+r)*m.RowStep+j:][:n]
				out := dst[r*width:][:n]
				for c, v := range row {
					out[c] = alpha * v
				}
			}
		} else {
			for c := range n {
				at := (j+c)*m.ColStep + k*m.RowStep
				for r := c; r < kn*width; r += width {
					dst[r] = alpha * m.Data[at]
					at += m.RowStep
				}
			}
		}
		dst = dst[kn*width:]
	}
}

// block multiplies the packed blocks into c[i:i+in, j:j+jn].
func (p *Product) block(c Matrix, i, j, in, jn, kn int, upper bool) {
	for jj := 0; jj < jn; jj += tileCols {
		b := p.b[jj*kn:][:kn*tileCols]
		cols := min(tileCols, jn-jj)
		for ii := 0; ii < in; ii += tileRows {
			if upper && j+jj+cols <= i+ii {
				break
			}
			a := p.a[ii*kn:][:kn*tileRows]
			rows := min(tileRows, in-ii)
			at := c.Data[(i+ii)*c.RowStep+j+jj:]
			if rows == tileRows && cols == tileCols {
				tileLanes(at, c.RowStep, a, b, kn)
				continue
			}
			for r := range rows {
				copy(p.edge[r*tileCols:], at[r*c.RowStep:][:cols])
			}
			tileLanes(p.edge[:], tileCols, a, b, kn)
			for r := range rows {
				copy(at[r*c.RowStep:][:cols], p.edge[r*tileCols:])
			}
		}
	}
}

func tilePortable(c []float64, stride int, a, b []float64, k int) {
	for i := range tileRows {
		row := (*[tileCols]float64)(c[i*stride:])
		acc := *row
		for r := range k {
			v, w := a[r*tileRows+i], (*[tileCols]float64)(b[r*tileCols:])
			for j := range acc {
				acc[j] = math.FMA(v, w[j], acc[j])
			}
		}
		*row = acc
	}
}
