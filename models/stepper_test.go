package models

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

func onlineCase(t testing.TB, act string, in int) (m, truth Model, start, at []float64) {
	t.Helper()
	m, err := Parse(fmt.Sprintf("mlp:in=%d,act=%s,sigma=0.5", in, act))
	if err != nil {
		t.Fatal(err)
	}
	truth, err = Parse(fmt.Sprintf("mlp:in=%d,act=%s,hidden=3,sigma=0.2", in, act))
	if err != nil {
		t.Fatal(err)
	}
	start, at = make([]float64, Dim(m)), make([]float64, Dim(truth))
	for i := range start {
		start[i] = 0.3 + 0.1*float64(i)
	}
	for i := range at {
		at[i] = 1 - 0.2*float64(i)
	}
	return m, truth, start, at
}

// A trajectory depends neither on its index nor on its companions.
func TestTrajectoriesAreIndependent(t *testing.T) {
	m, truth, start, at := onlineCase(t, "tanh", 2)
	run := func(n, mine int) []float64 {
		all := m.(Stepper).Online(truth, at, n, OnlineOptions{Step: 0.01})
		for i := range n {
			seed := uint64(i)
			if i == mine {
				seed = 1000
			}
			all.Start(i, start, rand.New(rand.NewPCG(seed, 1)))
		}
		all.StepMany(7)
		all.StepMany(500)
		theta := make([]float64, len(start))
		all.At(theta, mine)
		return theta
	}
	want := run(1, 0)
	for _, c := range [][2]int{{8, 3}, {20, 19}, {17, 8}} {
		for i, v := range run(c[0], c[1]) {
			if v != want[i] {
				t.Fatalf("trajectory %d of %d: coordinate %d is %v, alone %v", c[1], c[0], i, v, want[i])
			}
		}
	}
}

// The mean of one step over many trajectories is η times the averaged score of the
// population objective, and so the scale, the law of the inputs and the noise are
// right: |z| < 5 in each of 2×8 coordinates, false alarms below 1e-5.
func TestOnlineStepsFollowTheScore(t *testing.T) {
	for _, act := range []string{"erf", "tanh"} {
		for _, free := range []bool{false, true} {
			m, truth, start, at := onlineCase(t, act, 2)
			const n, eta = 4096, 0.01
			all := m.(Stepper).Online(truth, at, n, OnlineOptions{Step: eta, NoiseFree: free})
			rng := rand.New(rand.NewPCG(3, 4))
			for i := range n {
				all.Start(i, start, rng)
			}
			all.StepMany(1)
			pop, err := Population(m, truth, at, Rule{})
			if err != nil {
				t.Fatal(err)
			}
			want := make([]float64, len(start))
			score, _ := Score(pop)
			score(want, start)
			theta := make([]float64, len(start))
			mean, sq := make([]float64, len(start)), make([]float64, len(start))
			for i := range n {
				all.At(theta, i)
				for j := range theta {
					d := (theta[j] - start[j]) / eta
					mean[j] += d / n
					sq[j] += d * d / n
				}
			}
			for j := range mean {
				se := math.Sqrt((sq[j] - mean[j]*mean[j]) / n)
				if z := (mean[j] - want[j]) / se; !(math.Abs(z) < 5) {
					t.Errorf("%s, noise free %v, coordinate %d: mean step %v, score %v, z = %.1f", act, free, j, mean[j], want[j], z)
				}
			}
		}
	}
}

func TestOnlineRefuses(t *testing.T) {
	m, truth, _, at := onlineCase(t, "tanh", 2)
	for _, text := range []string{"mlp:in=2,act=erf,hidden=3", "mlp:in=2,act=tanh,hidden=3,xsd=2", "mlp:in=2,act=tanh,hidden=3,x=uniform"} {
		other, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if m.(Stepper).Online(other, at, 3, OnlineOptions{}) != nil {
			t.Errorf("a teacher %s is taken", text)
		}
	}
	if m.(Stepper).Online(truth, at[1:], 3, OnlineOptions{}) != nil {
		t.Error("a short θ is taken")
	}
}

// One step of 200 trajectories of a two-unit network with two inputs and two units in
// the teacher, random numbers included.
func BenchmarkSGDStep(b *testing.B) {
	for _, act := range []string{"erf", "tanh"} {
		b.Run(act, func(b *testing.B) {
			m, err := Parse("mlp:in=2,act=" + act)
			if err != nil {
				b.Fatal(err)
			}
			const n, steps = 200, 1000
			start := []float64{0.3, 0.1, -0.2, 0.4, 0.5, 0.6}
			all := m.(Stepper).Online(m, []float64{1, 0, 0, 1, 1, 1}, n, OnlineOptions{Step: 0.01})
			rng := rand.New(rand.NewPCG(1, 2))
			for i := range n {
				all.Start(i, start, rng)
			}
			b.ReportAllocs()
			for b.Loop() {
				all.StepMany(steps)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n*steps), "ns/step")
		})
	}
}
