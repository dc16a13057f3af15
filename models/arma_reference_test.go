package models

import (
	"math"
	"testing"
)

// The series of R 4.2.2 (package datasets): lh, luteinizing hormone every 10
// minutes (Diggle 1990); LakeHuron, level in feet 1875–1972; sunspot.year, 1700–1988.
var (
	seriesLH = []float64{
		2.4, 2.4, 2.4, 2.2, 2.1, 1.5, 2.3, 2.3, 2.5, 2, 1.9, 1.7, 2.2, 1.8, 3.2, 3.2,
		2.7, 2.2, 2.2, 1.9, 1.9, 1.8, 2.7, 3, 2.3, 2, 2, 2.9, 2.9, 2.7, 2.7, 2.3,
		2.6, 2.4, 1.8, 1.7, 1.5, 1.4, 2.1, 3.3, 3.5, 3.5, 3.1, 2.6, 2.1, 3.4, 3, 2.9,
	}
	seriesHuron = []float64{
		580.38, 581.86, 580.97, 580.8, 579.79, 580.39, 580.42, 580.82, 581.4, 581.32, 581.44, 581.68, 581.17, 580.53,
		580.01, 579.91, 579.14, 579.16, 579.55, 579.67, 578.44, 578.24, 579.1, 579.09, 579.35, 578.82, 579.32, 579.01,
		579, 579.8, 579.83, 579.72, 579.89, 580.01, 579.37, 578.69, 578.19, 578.67, 579.55, 578.92, 578.09, 579.37,
		580.13, 580.14, 579.51, 579.24, 578.66, 578.86, 578.05, 577.79, 576.75, 576.75, 577.82, 578.64, 580.58, 579.48,
		577.38, 576.9, 576.94, 576.24, 576.84, 576.85, 576.9, 577.79, 578.18, 577.51, 577.23, 578.42, 579.61, 579.05,
		579.26, 579.22, 579.38, 579.1, 577.95, 578.12, 579.75, 580.85, 580.41, 579.96, 579.61, 578.76, 578.18, 577.21,
		577.13, 579.1, 578.25, 577.91, 576.89, 575.96, 576.8, 577.68, 578.38, 578.52, 579.74, 579.31, 579.89, 579.96,
	}
	seriesSunspots = []float64{
		5, 11, 16, 23, 36, 58, 29, 20, 10, 8, 3, 0, 0, 2, 11, 27,
		47, 63, 60, 39, 28, 26, 22, 11, 21, 40, 78, 122, 103, 73, 47, 35,
		11, 5, 16, 34, 70, 81, 111, 101, 73, 40, 20, 16, 5, 11, 22, 40,
		60, 80.9, 83.4, 47.7, 47.8, 30.7, 12.2, 9.6, 10.2, 32.4, 47.6, 54, 62.9, 85.9, 61.2, 45.1,
		36.4, 20.9, 11.4, 37.8, 69.8, 106.1, 100.8, 81.6, 66.5, 34.8, 30.6, 7, 19.8, 92.5, 154.4, 125.9,
		84.8, 68.1, 38.5, 22.8, 10.2, 24.1, 82.9, 132, 130.9, 118.1, 89.9, 66.6, 60, 46.9, 41, 21.3,
		16, 6.4, 4.1, 6.8, 14.5, 34, 45, 43.1, 47.5, 42.2, 28.1, 10.1, 8.1, 2.5, 0, 1.4,
		5, 12.2, 13.9, 35.4, 45.8, 41.1, 30.1, 23.9, 15.6, 6.6, 4, 1.8, 8.5, 16.6, 36.3, 49.6,
		64.2, 67, 70.9, 47.8, 27.5, 8.5, 13.2, 56.9, 121.5, 138.3, 103.2, 85.7, 64.6, 36.7, 24.2, 10.7,
		15, 40.1, 61.5, 98.5, 124.7, 96.3, 66.6, 64.5, 54.1, 39, 20.6, 6.7, 4.3, 22.7, 54.8, 93.8,
		95.8, 77.2, 59.1, 44, 47, 30.5, 16.3, 7.3, 37.6, 74, 139, 111.2, 101.6, 66.2, 44.7, 17,
		11.3, 12.4, 3.4, 6, 32.3, 54.3, 59.7, 63.7, 63.5, 52.2, 25.4, 13.1, 6.8, 6.3, 7.1, 35.6,
		73, 85.1, 78, 64, 41.8, 26.2, 26.7, 12.1, 9.5, 2.7, 5, 24.4, 42, 63.5, 53.8, 62,
		48.5, 43.9, 18.6, 5.7, 3.6, 1.4, 9.6, 47.4, 57.1, 103.9, 80.6, 63.6, 37.6, 26.1, 14.2, 5.8,
		16.7, 44.3, 63.9, 69, 77.8, 64.9, 35.7, 21.2, 11.1, 5.7, 8.7, 36.1, 79.7, 114.4, 109.6, 88.8,
		67.8, 47.5, 30.6, 16.3, 9.6, 33.2, 92.6, 151.6, 136.3, 134.7, 83.9, 69.4, 31.5, 13.9, 4.4, 38,
		141.7, 190.2, 184.8, 159, 112.3, 53.9, 37.5, 27.9, 10.2, 15.1, 47, 93.8, 105.9, 105.5, 104.5, 66.6,
		68.9, 38, 34.5, 15.5, 12.6, 27.5, 92.5, 155.4, 154.7, 140.5, 115.9, 66.6, 45.9, 17.9, 13.4, 29.2,
		100.2,
	}
)

// Log-likelihoods at given points by a Cholesky factor of the dense Toeplitz
// covariance: numpy 1.24.2, scipy 1.10.1. Tolerance 1e-9 relative.
var denseReference = []struct {
	series       []float64
	phi, th      []float64
	mean, sigma2 float64
	loglik       float64
}{
	{seriesLH, []float64{0.5}, []float64{0.2}, 2.4, 0.2, -28.856630531564733},
	{seriesLH, []float64{0.9}, []float64{-0.85}, 2.4, 0.3, -38.4061769969803},
	{seriesLH, []float64{0.3}, []float64{-0.3}, 2.4, 0.3, -39.04703562333516},
	{seriesLH, []float64{0.3}, []float64{-0.2999}, 2.4, 0.3, -39.044123412136656},
	{seriesLH, []float64{0.99}, []float64{0.5}, 2.4, 0.2, -49.882811368292515},
	{seriesLH, []float64{0.2, 0.1}, []float64{0.4}, 2.4, 0.2, -29.188158747761157},
	{seriesLH, nil, []float64{0.6}, 2.4, 0.2, -32.12724182896702},
	{seriesHuron, []float64{0.745}, []float64{0.32}, 579.0, 0.47, -103.26073407192516},
	{seriesHuron, []float64{0.95}, []float64{-0.1}, 579.0, 0.5, -110.67105831605326},
	{seriesHuron, []float64{1.2, -0.4}, []float64{-0.3}, 579.0, 0.5, -105.70974784929135},
	{seriesSunspots, []float64{1.4, -0.7}, []float64{-0.15}, 49.0, 270.0, -1222.2213306689623},
	{seriesSunspots, []float64{0.9}, []float64{0.5}, 49.0, 400.0, -1271.5759526317988},
}

// Maximum-likelihood fits by R 4.2.2, stats::arima, method ML, reltol 1e-14:
// AR and MA coefficients, mean, ML innovation variance, log-likelihood.
var arimaReference = []struct {
	series       []float64
	phi, th      []float64
	hasMean      bool
	mean, sigma2 float64
	loglik       float64
}{
	{seriesLH, []float64{0.573924518996628}, nil, true, 2.41328536990044, 0.197489550710448, -29.379162386266},
	{seriesLH, []float64{0.980774411743134}, nil, false, 0.0, 0.250751579722904, -36.5440409819051},
	{seriesLH, []float64{0.452201315052771}, []float64{0.198168044413531}, true, 2.41007668097105, 0.192312134816097, -28.7620331972121},
	{seriesLH, []float64{0.982335367156877}, []float64{-0.0387054337394207}, false, 0.0, 0.250431784551775, -36.5173442804828},
	{seriesLH, []float64{0.696492693733751, -0.212792384655276}, nil, true, 2.40450851687546, 0.188062002445242, -28.251876675471},
	{seriesLH, []float64{0.951505790131483, 0.0299173754773833}, nil, false, 0.0, 0.250498600613939, -36.5226682335314},
	{seriesLH, []float64{0.644802009005837, -0.0633822071278071, -0.219796578633532}, nil, true, 2.39311932720305, 0.178660315008601, -27.0924110595361},
	{seriesLH, []float64{0.94826980566837, -0.0511376050355276, 0.0862746954851198}, nil, false, 0.0, 0.24840993360445, -36.3437220889247},
	{seriesHuron, []float64{0.744899047038519}, []float64{0.320588768158595}, true, 579.05545143962, 0.474939846498611, -103.245260626207},
	{seriesHuron, []float64{1.04361924534784, -0.249502592490834}, nil, true, 579.047256709505, 0.478820563951816, -103.633222534228},
	{seriesHuron, []float64{0.783031175145835, -0.0342936376730325}, []float64{0.28564424242252}, true, 579.053477907399, 0.474866695508979, -103.238175296009},
	{seriesSunspots, []float64{0.819615041854201}, nil, true, 48.7350256287064, 513.023077151234, -1312.35661441238},
	{seriesSunspots, nil, []float64{0.801702988374037}, true, 48.6943334062873, 635.125915220976, -1343.16532724002},
	{seriesSunspots, []float64{1.38862996437925, -0.690629274390772}, nil, true, 49.1284263472528, 273.641537614472, -1222.19061628797},
	{seriesSunspots, []float64{1.18506739830725, -0.41972059270271, -0.167231114168932, 0.182267801784781, -0.132552641249212, 0.0457545741300405, 0.00665388509980648, -0.0287448964216539, 0.221818245415369}, nil, true, 49.76620857154, 221.88711394085, -1192.73991970281},
}

func TestARMADenseReference(t *testing.T) {
	for _, c := range denseReference {
		m := mustARMA(t, len(c.phi), len(c.th), ARMASettings{Mean: true})
		theta := append(append(append([]float64{}, c.phi...), c.th...), c.mean, c.sigma2)
		if got := bindARMA(t, m, c.series).LogLik(theta); relDiff(got, c.loglik) > 1e-9 {
			t.Errorf("%v at %v: %.12g, reference %.12g", m, theta, got, c.loglik)
		}
	}
}

// At R's estimates ℓ is R's; profiling finds R's mean and variance (to 1e-5 and
// 1e-6 of their scale: R's mean is that of an optimiser) and no lower ℓ; and the
// score in free coordinates vanishes to what R's stopping rule leaves.
func TestARMAAgainstR(t *testing.T) {
	for _, c := range arimaReference {
		m := mustARMA(t, len(c.phi), len(c.th), ARMASettings{Mean: c.hasMean})
		theta := append(append([]float64{}, c.phi...), c.th...)
		if c.hasMean {
			theta = append(theta, c.mean)
		}
		theta = append(theta, c.sigma2)
		l := bindARMA(t, m, c.series)
		got := l.LogLik(theta)
		if relDiff(got, c.loglik) > 1e-9 {
			t.Errorf("%v: %.12g, R %.12g", m, got, c.loglik)
		}
		at := append([]float64{}, theta...)
		for i := m.p + m.q; i < len(at); i++ {
			at[i] = math.NaN()
		}
		best := l.Profile(at)
		if best < got-1e-11 || best > got+1e-5 {
			t.Errorf("%v: profiled ℓ %.12g, at R's estimate %.12g", m, best, got)
		}
		if relDiff(best, l.LogLik(at)) > 1e-12 {
			t.Errorf("%v: Profile returns %.14g, LogLik there is %.14g", m, best, l.LogLik(at))
		}
		_, _, mean, s2 := m.split(at)
		if math.Abs(mean-c.mean) > 1e-3*math.Sqrt(c.sigma2) || math.Abs(s2/c.sigma2-1) > 1e-6 {
			t.Errorf("%v: profiled mean %.9g, σ² %.9g; R %.9g, %.9g", m, mean, s2, c.mean, c.sigma2)
		}
		free, s, pulled := make([]float64, len(at)), make([]float64, len(at)), make([]float64, len(at))
		m.ToFree(free, at)
		l.Score(s, at)
		m.PullScore(pulled, free, s)
		for i, x := range pulled {
			if math.Abs(x) > 0.02 {
				t.Errorf("%v: score %d in free coordinates is %g at the maximum", m, i, x)
			}
		}
	}
}

// LakeHuron as ARMA(2,2): R's arima stops at the lower of two maxima, −103.2053;
// statsmodels 0.13.5 finds −103.0094988. Coefficients as printed, to four digits.
func TestARMALakeHuronTwoMaxima(t *testing.T) {
	m := mustARMA(t, 2, 2, ARMASettings{Mean: true})
	l := bindARMA(t, m, seriesHuron)
	for _, c := range []struct {
		at     []float64
		loglik float64
	}{
		{[]float64{1.5747, -0.5986, -0.5255, -0.3061, 0, 0}, -103.0094988},
		{[]float64{0.40275, 0.23897, 0.66965, 0.14600, 0, 0}, -103.2052821},
	} {
		if got := l.Profile(c.at); math.Abs(got-c.loglik) > 1e-4 {
			t.Errorf("%v: profiled ℓ %.8g, want %.8g", c.at, got, c.loglik)
		}
	}
}
