package estimation_test

import (
	"compress/gzip"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/neuromanifold/neuromanifold/estimation"
	"github.com/neuromanifold/neuromanifold/models"
)

// pairedSeries returns 100 series of 500 standard normal numbers, those of NumPy
// 1.24.2, default_rng(5).standard_normal((100, 500)), as little-endian float64, and the
// likelihood-ratio statistics of ARMA(1,1) against white noise that a C program
// reaches on them: exact likelihood, 144 points and three Nelder-Mead climbs.
func pairedSeries(t *testing.T) (series [][]float64, c []float64) {
	t.Helper()
	f, err := os.Open("testdata/whitenoise-100x500.f64.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil || len(b) != 8*100*500 {
		t.Fatalf("%d bytes: %v", len(b), err)
	}
	for s := range 100 {
		y := make([]float64, 500)
		for i := range y {
			y[i] = math.Float64frombits(binary.LittleEndian.Uint64(b[8*(500*s+i):]))
		}
		series = append(series, y)
	}
	text, err := os.ReadFile("testdata/whitenoise-100x500.c.txt")
	if err != nil {
		t.Fatal(err)
	}
	r := strings.NewReader(string(text))
	for range series {
		var v float64
		if _, err := fmt.Fscan(r, &v); err != nil {
			t.Fatal(err)
		}
		c = append(c, v)
	}
	return series, c
}

// TestARMAPairedSeries compares fits with the benchmark's settings (five starts) with
// the best known maximum of every series: the larger of the C program's and of 200
// starts screened from 1600 proposals, without the scan that leads the few starts
// (the method is handed the score alone). R 4.2.2 arima came within 1e-3 of the best of
// itself, the C program and statsmodels 0.13.5 on 45 (ML) and 48 (CSS-ML) of these
// series, statsmodels on 51: both start where AR and MA cancel. With the maxima found
// here for the best, which the C program misses on a third of the series, their shares
// can only be smaller.
func TestARMAPairedSeries(t *testing.T) {
	if testing.Short() {
		t.Skip("20 000 climbs")
	}
	m, err := models.NewARMA(1, 1, models.ARMASettings{})
	if err != nil {
		t.Fatal(err)
	}
	series, c := pairedSeries(t)
	few := estimation.Default(m)
	few.Starts = 5
	many := estimation.MultiStart{Starts: 200, Screen: 8}
	rng := rand.New(rand.NewPCG(4, 18))
	var reached, reachedC, above int
	var sum, sumC, sumBest float64
	for s, y := range series {
		z := &models.Data{N: len(y), Q: 1, V: y}
		l, err := m.Bind(z)
		if err != nil {
			t.Fatal(err)
		}
		ss := 0.0
		for _, v := range y {
			ss += v * v
		}
		null := -0.5 * float64(len(y)) * (math.Log(2*math.Pi*ss/float64(len(y))) + 1)
		fit := func(ms estimation.MultiStart, l models.Likelihood) float64 {
			f, err := ms.Maximize(context.Background(), l, nil, rng)
			if err != nil {
				t.Fatal(err)
			}
			return estimation.Statistic(f.LogLik, null)
		}
		ours, finer := fit(few, l), fit(many, plainSeries{l, l.(models.Scorer), l.(models.Starter)})
		best := max(ours, finer, c[s])
		if ours >= best-1e-3 {
			reached++
		} else {
			t.Logf("series %d: %.4f, best %.4f", s, ours, best)
		}
		if c[s] >= best-1e-3 {
			reachedC++
		}
		if ours > max(finer, c[s])+1e-3 {
			above++
		}
		sum, sumC, sumBest = sum+ours/100, sumC+c[s]/100, sumBest+best/100
	}
	t.Logf("within 1e-3 of the best: %d of 100, the C program %d; above every other: %d", reached, reachedC, above)
	t.Logf("mean statistic %.4f, the C program %.4f, best %.4f", sum, sumC, sumBest)
	if reached < 95 {
		t.Errorf("%d of 100 fits reach the best known maximum, want 95", reached)
	}
}

// plainSeries hides all but the score and the random starts.
type plainSeries struct {
	models.Likelihood
	models.Scorer
	models.Starter
}
