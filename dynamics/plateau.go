package dynamics

import (
	"math"
	"slices"
	"strings"
)

// A Plateau is a stretch of a trajectory on which the loss stands nearly still.
type Plateau struct {
	From, To float64 // times τ
	Level    float64 // loss in the middle of it
	// Stratum is the probe of the distance that is least in the middle, -1 where there
	// are none.
	Stratum int
	// Escaped says that the loss fell below half its level afterwards; Direction is
	// then the unit vector from the middle of the plateau to where the loss is half
	// its level, nil otherwise.
	Escaped   bool
	Direction []float64

	fall float64 // time from To to there
}

// The loss of a plateau stays within plateauBand of its level on three quarters of the
// records, for at least plateauShare of the time up to its end and plateauRecords of the
// recorded times, and no shorter than the fall to half its level takes afterwards: the
// beginning of an exponential decay is flat too, on a logarithmic clock.
const (
	plateauBand    = 0.2
	plateauShare   = 0.25
	plateauRecords = 0.05
)

// Plateaus returns the plateaus of the path, in order and disjoint: stretches of
// recorded times on which the loss changes by less than 20 %, but for excursions of a
// sampled method, that take at least a quarter of the time from the start to their end
// and a twentieth of the records, are followed by a fall to half their level that is no
// longer, and lie above a ten-thousandth of the first loss; two of them without such a
// fall between are one. A trapped trajectory ends in one that is not left. Records that are too far apart hide plateaus: see Clock.
func (p *Path) Plateaus() []Plateau {
	var out []Plateau
	n := len(p.T)
	for i := 0; i < n-2 && p.Loss[i] >= 1e-4*p.Loss[0]; {
		j, inside := i, 1
		for k := i + 1; k < n && 4*(inside+1) >= 3*(k-i+1); k++ {
			if math.Abs(p.Loss[k]-p.Loss[i]) <= plateauBand*p.Loss[i] {
				inside++
				j = k
			}
		}
		if float64(j-i) >= max(2, plateauRecords*float64(n)) && p.T[j]-p.T[i] >= plateauShare*p.T[j] {
			if q := p.plateau(i, j); !q.Escaped || q.fall <= q.To-q.From {
				if k := len(out) - 1; k >= 0 && !out[k].Escaped { // not left in between: one
					q.From = out[k].From
					out = out[:k]
				}
				out = append(out, q)
				i = j + 1
				continue
			}
		}
		i++
	}
	return out
}

func (p *Path) plateau(i, j int) Plateau {
	mid, _ := slices.BinarySearch(p.T, (p.T[i]+p.T[j])/2)
	q := Plateau{From: p.T[i], To: p.T[j], Level: p.Loss[mid], Stratum: -1}
	if s, _ := p.Nearest(mid); s >= 0 {
		q.Stratum = s
	}
	for k := j; k < len(p.T); k++ {
		if p.Loss[k] >= q.Level/2 {
			continue
		}
		q.Escaped, q.fall = true, p.T[k]-p.T[j]
		a, b := p.Theta.RawRowView(mid), p.Theta.RawRowView(k)
		q.Direction = make([]float64, len(a))
		norm := 0.0
		for l := range a {
			q.Direction[l] = b[l] - a[l]
			norm = math.Hypot(norm, q.Direction[l])
		}
		for l := range a {
			q.Direction[l] /= norm
		}
		break
	}
	return q
}

// Nearest returns which of the probes made by DistanceProbes is the least at record i,
// and its value; -1 if there are none.
func (p *Path) Nearest(i int) (probe int, distance float64) {
	probe, distance = -1, math.Inf(1)
	for k, name := range p.Names {
		if d := p.Probes[k][i]; strings.HasPrefix(name, "distance[") && d < distance {
			probe, distance = k, d
		}
	}
	return probe, distance
}

// A Decay is how a positive quantity goes to 0: as τ^(−Exponent) or e^(−Exponent·τ).
type Decay struct {
	Algebraic bool
	Exponent  float64
	SE        float64 // standard error of the straight line through the logarithms
	// Ratio is the residual sum of squares of the better law over that of the other:
	// near 1 the data do not tell.
	Ratio float64
	N     int // points used
}

// FitDecay fits both laws by least squares on log y and returns the better one. It uses
// the points with τ ≥ from and y > 0. ok is false with fewer than 5 of them.
func FitDecay(t, y []float64, from float64) (d Decay, ok bool) {
	if len(t) != len(y) {
		panic("dynamics: slices of different length")
	}
	var x, logX, logY []float64
	for i, v := range y {
		if t[i] >= from && t[i] > 0 && v > 0 && !math.IsInf(v, 1) {
			x, logX, logY = append(x, t[i]), append(logX, math.Log(t[i])), append(logY, math.Log(v))
		}
	}
	if len(x) < 5 {
		return Decay{}, false
	}
	e, se, rss := line(x, logY)
	a, sa, rssA := line(logX, logY)
	if rssA < rss {
		return Decay{Algebraic: true, Exponent: -a, SE: sa, Ratio: rssA / rss, N: len(x)}, true
	}
	d = Decay{Exponent: -e, SE: se, N: len(x)}
	if rssA > 0 {
		d.Ratio = rss / rssA
	}
	return d, true
}

// line returns the slope of the regression of y on x, its standard error, and the
// residual sum of squares.
func line(x, y []float64) (slope, se, rss float64) {
	n := float64(len(x))
	var mx, my float64
	for i := range x {
		mx += x[i] / n
		my += y[i] / n
	}
	var sxx, sxy float64
	for i := range x {
		sxx += (x[i] - mx) * (x[i] - mx)
		sxy += (x[i] - mx) * (y[i] - my)
	}
	slope = sxy / sxx
	for i := range x {
		e := y[i] - my - slope*(x[i]-mx)
		rss += e * e
	}
	return slope, math.Sqrt(rss / (n - 2) / sxx), rss
}
