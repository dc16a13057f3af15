package models

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"
)

func randomNet(t *testing.T, s DeepNetSettings, samples int, seed uint64) (*DeepNet, []float64, *mat.Dense) {
	t.Helper()
	n, err := NewDeepNet(s)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(seed, 1))
	theta := make([]float64, n.Dim())
	n.Random(theta, 2, 0.3, rng)
	x := mat.NewDense(samples, n.In(), nil)
	for i := range x.RawMatrix().Data {
		x.RawMatrix().Data[i] = rng.NormFloat64()
	}
	return n, theta, x
}

// plainForward is f at one input, straight from the definition.
func plainForward(n *DeepNet, theta, x []float64) []float64 {
	h := x
	for l := 1; l <= n.Depth(); l++ {
		w := n.Weights(theta, l)
		u := make([]float64, w.Rows)
		for i := range u {
			for j, v := range h {
				u[i] += w.Data[i*w.Stride+j] * v
			}
			if n.s.Bias {
				u[i] += w.Data[i*w.Stride+w.Cols]
			}
		}
		if l < n.Depth() {
			n.s.Act.value(u)
		}
		h = u
	}
	return h
}

// explicitJacobian is J column by column from J e_i, which Mul is tested for.
func explicitJacobian(j *DeepJacobian, nc int) *mat.Dense {
	p := j.net.Dim()
	full := mat.NewDense(nc, p, nil)
	e, col := make([]float64, p), make([]float64, nc)
	for i := range p {
		e[i] = 1
		j.Mul(col, e)
		full.SetCol(i, col)
		e[i] = 0
	}
	return full
}

var deepCases = []DeepNetSettings{
	{Widths: []int{3, 5, 4, 1}, Act: TanhUnit, Bias: true},
	{Widths: []int{3, 5, 4, 2}, Act: ReLUUnit, Bias: true},
	{Widths: []int{2, 4, 3}, Act: ErfUnit, Bias: false},
	{Widths: []int{4, 3, 5, 2, 3}, Act: LinearUnit, Bias: true},
	{Widths: []int{12, 11, 9, 2}, Act: TanhUnit, Bias: true},
	{Widths: []int{3, 2}, Act: TanhUnit, Bias: true},
}

// f is that of the definition, and J is its derivative: central differences with
// step 1e-5 have error near 1e-10 here; the kink of relu is not within a step of
// any of these inputs.
func TestDeepJacobianIsTheDerivative(t *testing.T) {
	for _, s := range deepCases {
		const samples = 7
		n, theta, x := randomNet(t, s, samples, 3)
		j := n.NewJacobian(samples)
		j.Set(theta, x)
		f := mat.NewDense(samples, n.Out(), nil)
		j.Outputs(f)
		jac := explicitJacobian(j, samples*n.Out())
		for r := range samples {
			for k, v := range plainForward(n, theta, x.RawRowView(r)) {
				if math.Abs(v-f.At(r, k)) > 1e-13*(1+math.Abs(v)) {
					t.Fatalf("%v: output %d at input %d is %v, want %v", s, k, r, f.At(r, k), v)
				}
			}
			const h = 1e-5
			moved := slices.Clone(theta)
			for i := range theta {
				moved[i] = theta[i] + h
				up := plainForward(n, moved, x.RawRowView(r))
				moved[i] = theta[i] - h
				down := plainForward(n, moved, x.RawRowView(r))
				moved[i] = theta[i]
				for k := range up {
					want := (up[k] - down[k]) / (2 * h)
					if got := jac.At(r*n.Out()+k, i); math.Abs(got-want) > 1e-8*(1+math.Abs(want)) {
						t.Fatalf("%v: ∂f_%d/∂θ_%d at input %d is %v, differences say %v", s, k, i, r, got, want)
					}
				}
			}
		}
	}
}

// Mul and MulTrans are adjoint, and the kernel, in one piece or in blocks, is
// JJᵀ to rounding.
func TestDeepKernelIsJTimesItsTranspose(t *testing.T) {
	for _, s := range deepCases {
		const samples = 7
		n, theta, x := randomNet(t, s, samples, 4)
		nc := samples * n.Out()
		j := n.NewJacobian(samples)
		j.Set(theta, x)
		jac := explicitJacobian(j, nc)
		f := mat.NewDense(samples, n.Out(), nil)
		j.Outputs(f)
		u, got := make([]float64, nc), make([]float64, n.Dim())
		for r := range nc {
			u[r] = 1
			j.MulTrans(got, u)
			u[r] = 0
			for i, v := range got {
				if math.Abs(v-jac.At(r, i)) > 1e-13 {
					t.Fatalf("%v: Jᵀ e_%d differs from row %d of J at %d: %v, %v", s, r, r, i, v, jac.At(r, i))
				}
			}
		}
		want := mat.NewSymDense(nc, nil)
		want.SymOuterK(1, jac)
		scale := mat.Norm(want, 2)
		near := func(what string, got mat.Matrix) {
			t.Helper()
			var d mat.Dense
			d.Sub(got, want)
			if e := mat.Norm(&d, 2); !(e < 1e-14*scale*float64(nc)) {
				t.Errorf("%v: %s differs by %v", s, what, e)
			}
		}
		k := mat.NewSymDense(nc, nil)
		j.Kernel(k, nil)
		near("kernel", k)
		for _, block := range []int{1, 3, 6, 100} {
			k.Zero()
			g := mat.NewDense(samples, n.Out(), nil)
			n.TangentKernel(k, g, theta, x, nil, block)
			near("kernel in blocks", k)
			if !mat.EqualApprox(g, f, 1e-13) {
				t.Errorf("%v: outputs differ in blocks of %d", s, block)
			}
		}
		sum := mat.NewSymDense(nc, nil)
		for l := range n.Depth() {
			j.Kernel(k, n.LayerOnly(l+1))
			sum.AddSym(sum, k)
		}
		near("sum over layers", sum)
	}
}

// The features' gradient by differences of the network that begins at a layer.
func TestDeepFeatureKernel(t *testing.T) {
	const samples = 5
	n, theta, x := randomNet(t, DeepNetSettings{Widths: []int{3, 4, 2, 2}, Act: TanhUnit, Bias: true}, samples, 5)
	j := n.NewJacobian(samples)
	j.Set(theta, x)
	nc := samples * n.Out()
	k := mat.NewSymDense(nc, nil)
	j.FeatureKernel(k, 0, 1)
	grad := mat.NewDense(nc, n.In(), nil)
	const h = 1e-5
	for r := range samples {
		for i := range n.In() {
			up, down := slices.Clone(x.RawRowView(r)), slices.Clone(x.RawRowView(r))
			up[i] += h
			down[i] -= h
			fu, fd := plainForward(n, theta, up), plainForward(n, theta, down)
			for o := range fu {
				grad.Set(r*n.Out()+o, i, (fu[o]-fd[o])/(2*h))
			}
		}
	}
	want := mat.NewSymDense(nc, nil)
	want.SymOuterK(1, grad)
	if !mat.EqualApprox(k, want, 1e-8) {
		t.Errorf("kernel of the input metric:\n%v\nwant\n%v", mat.Formatted(k), mat.Formatted(want))
	}
	all, parts := mat.NewSymDense(nc, nil), mat.NewSymDense(nc, nil)
	j.FeatureKernel(all, 0, 3)
	for l := 1; l < 3; l++ {
		j.FeatureKernel(parts, l, l+1)
		k.AddSym(k, parts)
	}
	if !mat.EqualApprox(all, k, 1e-12) {
		t.Error("the layers do not add up")
	}
}

// A 3-5-4-1 tanh network at 12 inputs: W_ij = (sin(1+7l+3i+2j) + 0.1i − 0.05j)·1.5/√fan-in,
// b_i = 0.1 cos(l+i), x_nj = cos(0.5+1.3n+0.7j²), all indices from 0. Outputs,
// gradient and dual eigenvalues from numpy 1.24.2 in double precision, made
// 2026-11-22; 1e-13 is 1e3 roundings of numbers of order 1.
func TestDeepNetAgainstNumpy(t *testing.T) {
	n, err := NewDeepNet(DeepNetSettings{Widths: []int{3, 5, 4, 1}, Act: TanhUnit, Bias: true})
	if err != nil {
		t.Fatal(err)
	}
	theta := make([]float64, n.Dim())
	for l := 1; l <= 3; l++ {
		w := n.Weights(theta, l)
		for i := range w.Rows {
			for j := range w.Cols {
				w.Data[i*w.Stride+j] = (math.Sin(float64(1+7*(l-1)+3*i+2*j)) + 0.1*float64(i) - 0.05*float64(j)) * 1.5 / math.Sqrt(float64(w.Cols))
			}
			theta[n.bias(l, i)] = 0.1 * math.Cos(float64(l-1+i))
		}
	}
	x := mat.NewDense(12, 3, nil)
	for i := range 12 {
		for j := range 3 {
			x.Set(i, j, math.Cos(0.5+1.3*float64(i)+0.7*float64(j*j)))
		}
	}
	wantF := []float64{-0.08163029749373578, 0.1339945699027946, 0.04756624447047489, -0.10636540415907153, -0.1049540403989397, -0.06332237973087194, 0.09777771453199713, 0.04481139000100809, -0.16810128588431394, -0.10068642340803957, -0.027817692680959787, 0.06789545103690345}
	wantEig := []float64{2.926416415525177, 2.202508254831381, 0.1907095092815974, 0.055789917808467496, 0.005325622404225591, 0.001409739472631464, 0.000734898517108488, 8.16728715604362e-05, 1.0829519676111291e-05, 3.0687958611492293e-06, 2.1792784671501637e-07, 4.9514859486733906e-08}
	wantGrad := []float64{ // ∂f/∂θ at input 0: W¹, b¹, W², b², W³, b³, each W row-major
		0.06737014975953176, 0.027817435356778088, -0.0758067250561192, -0.06104211391740809, -0.025204561129810163, 0.06868624699660197, -0.031160698707294893, -0.012866391496177059, 0.03506286579281743, 0.11078258381792337, 0.045742623031291785, -0.12465557672748993, -0.033864090503042475, -0.01398263402778302, 0.03810479577680429,
		0.07676787653393188, -0.06955711811993988, -0.03550742694815247, 0.12623608151384658, -0.03858792548258584,
		0.4432469701408421, -0.41713812808047257, 0.43501593123927856, -0.42027590502684736, 0.424772294574152, -0.691827368420275, 0.6510762461071624, -0.6789802236765126, 0.6559737414398672, -0.6629917823007347, 0.03278899608648407, -0.030857606189181295, 0.032180108670411475, -0.03108972183338356, 0.03142234023621896, 0.4352702774997261, -0.4096312913489521, 0.4271873647487237, -0.4127126007186402, 0.4171280730350787,
		0.4755673262924732, -0.7422735269934156, 0.035179879956559634, 0.4670089950515693,
		-0.15782610651590825, 0.1464749929891012, -0.24404985093910725, 0.30524064828752434, 1,
	}
	const tol = 1e-13
	j := n.NewJacobian(12)
	j.Set(theta, x)
	f := mat.NewDense(12, 1, nil)
	j.Outputs(f)
	for i, v := range wantF {
		if math.Abs(f.At(i, 0)-v) > tol {
			t.Errorf("f(x_%d) = %v, want %v", i, f.At(i, 0), v)
		}
	}
	grad, u := make([]float64, n.Dim()), make([]float64, 12)
	u[0] = 1
	j.MulTrans(grad, u)
	at := 0
	for l := 1; l <= 3; l++ {
		w := n.Weights(grad, l)
		var got []float64
		for i := range w.Rows {
			got = append(got, w.Data[i*w.Stride:][:w.Cols]...)
		}
		for i := range w.Rows {
			got = append(got, grad[n.bias(l, i)])
		}
		for i, v := range got {
			if math.Abs(v-wantGrad[at+i]) > tol {
				t.Errorf("gradient of layer %d at %d is %v, want %v", l, i, v, wantGrad[at+i])
			}
		}
		at += len(got)
	}
	k := mat.NewSymDense(12, nil)
	j.Kernel(k, nil)
	k.ScaleSym(1./12, k)
	var eig mat.EigenSym
	if !eig.Factorize(k, false) {
		t.Fatal("no eigenvalues")
	}
	for i, v := range eig.Values(nil) {
		if math.Abs(v-wantEig[11-i]) > tol {
			t.Errorf("eigenvalue %d is %v, want %v", i, v, wantEig[11-i])
		}
	}
}

// The variance of W_ij M_{l−1} and of the biases: 4 standard errors each, false
// alarm rate 1e-4 in all, fixed seed.
func TestDeepNetRandom(t *testing.T) {
	n, err := NewDeepNet(DeepNetSettings{Widths: []int{60, 50, 40, 3}, Bias: true})
	if err != nil {
		t.Fatal(err)
	}
	theta := make([]float64, n.Dim())
	n.Random(theta, 3, 0.64, rand.New(rand.NewPCG(1, 2)))
	biases, count := 0.0, 0.0
	for l := 1; l <= 3; l++ {
		w := n.Weights(theta, l)
		sum := 0.0
		for i := range w.Rows {
			for _, v := range w.Data[i*w.Stride:][:w.Cols] {
				sum += v * v * float64(w.Cols)
			}
			b := theta[n.bias(l, i)]
			biases += b * b
			count++
		}
		m := float64(w.Rows * w.Cols)
		if v := sum / m; math.Abs(v-3) > 4*3*math.Sqrt(2/m) {
			t.Errorf("layer %d: variance %v × 1/fan-in, want 3", l, v)
		}
	}
	if v := biases / count; math.Abs(v-0.64) > 4*0.64*math.Sqrt(2/count) {
		t.Errorf("variance of the biases %v, want 0.64", v)
	}
}

func TestDeepNetRefuses(t *testing.T) {
	for want, s := range map[string]DeepNetSettings{
		"1 widths":        {Widths: []int{3}},
		"width 0":         {Widths: []int{3, 0, 1}},
		"bytes":           {Widths: []int{1 << 40, 1 << 40, 1}},
		"erf, tanh, relu": {Widths: []int{3, 1}, Act: 17},
	} {
		if _, err := NewDeepNet(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: error %v, want one with %q", s, err, want)
		}
	}
	n, err := NewDeepNet(DeepNetSettings{Widths: []int{1000, 1000, 1000, 10}, Bias: true})
	if err != nil {
		t.Fatal(err)
	}
	var e *MemoryError
	if _, err := n.KernelBlock(100_000, 1<<33); !errors.As(err, &e) || e.Need < 8e12 || !strings.Contains(err.Error(), "bytes") {
		t.Errorf("a dual matrix of 8 TB: error %v", err)
	}
	all, err := n.KernelBlock(500, 1<<40)
	if err != nil || all != 500 {
		t.Errorf("block %d, error %v: everything fits", all, err)
	}
	// Room for the result and a little more: smaller blocks, within the limit.
	limit := 8*5000.*5000 + 50e6
	block, err := n.KernelBlock(500, limit)
	if err != nil || block < 1 || block >= 500 || n.KernelBytes(500, block) > limit {
		t.Errorf("block %d needs %v of %v bytes, error %v", block, n.KernelBytes(500, block), limit, err)
	}
}

// The dual matrix of three layers of width 1000 at 100 inputs, drawing of the
// weights included.
func BenchmarkDeepKernel(b *testing.B) {
	n, err := NewDeepNet(DeepNetSettings{Widths: []int{1000, 1000, 1000, 1}, Act: TanhUnit, Bias: true})
	if err != nil {
		b.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	theta := make([]float64, n.Dim())
	x := mat.NewDense(100, 1000, nil)
	for i := range x.RawMatrix().Data {
		x.RawMatrix().Data[i] = rng.NormFloat64()
	}
	j := n.NewJacobian(100)
	k := mat.NewSymDense(100, nil)
	b.ReportAllocs()
	for b.Loop() {
		n.Random(theta, 3, 0.64, rng)
		j.Set(theta, x)
		j.Kernel(k, nil)
	}
}
