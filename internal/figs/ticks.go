package figs

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
)

// linearTicks labels four to seven round values and marks the halves or fifths
// between them.
type linearTicks struct{}

// Ticks implements plot.Ticker.
func (linearTicks) Ticks(lo, hi float64) []plot.Tick {
	span := hi - lo
	if !(span > 0) || math.IsInf(span, 0) {
		return []plot.Tick{{Value: lo, Label: strconv.FormatFloat(lo, 'g', 4, 64)}}
	}
	mag := math.Pow(10, math.Floor(math.Log10(span/4)))
	step, minor := mag, mag/5
	for _, s := range []struct{ step, parts float64 }{{5, 5}, {2.5, 5}, {2, 4}, {1, 5}} {
		if span/(s.step*mag) >= 4 {
			step, minor = s.step*mag, s.step*mag/s.parts
			break
		}
	}
	digits := 0
	for d := step; d < 1e6 && math.Abs(d-math.Round(d)) > 1e-6*d && digits < 12; d *= 10 {
		digits++
	}
	format := func(v float64) string {
		if big := math.Max(math.Abs(lo), math.Abs(hi)); big >= 1e6 || step < 1e-4 {
			return minus(strconv.FormatFloat(v, 'g', 4, 64))
		}
		return minus(strconv.FormatFloat(v, 'f', digits, 64))
	}
	var ticks []plot.Tick
	per := int(math.Round(step / minor))
	first := int(math.Ceil(lo/minor - 1e-9))
	for k := first; float64(k)*minor <= hi+1e-9*span; k++ {
		t := plot.Tick{Value: float64(k) * minor}
		if k%per == 0 {
			t.Value = float64(k/per) * step
			t.Label = format(t.Value)
		}
		ticks = append(ticks, t)
	}
	return ticks
}

// nameTicks label 1, 2, …, every so many where there are more than twelve.
type nameTicks []string

// Ticks implements plot.Ticker.
func (n nameTicks) Ticks(lo, hi float64) []plot.Tick {
	const most = 12
	every := (len(n) + most - 1) / most
	var ticks []plot.Tick
	for i, name := range n {
		t := plot.Tick{Value: float64(i + 1)}
		if i%every == 0 {
			t.Label = name
		}
		if lo <= t.Value && t.Value <= hi {
			ticks = append(ticks, t)
		}
	}
	return ticks
}

// minus writes a negative number with the sign that is as wide as a digit.
func minus(s string) string {
	if strings.Trim(s, "-0.") == "" {
		return strings.TrimPrefix(s, "-")
	}
	return strings.Replace(s, "-", "−", 1)
}

// logTicks labels decades, thinned where there are many, and 2 and 5 between
// them where there are few.
type logTicks struct{}

// Ticks implements plot.Ticker.
func (logTicks) Ticks(lo, hi float64) []plot.Tick {
	a, b := int(math.Floor(math.Log10(lo)+1e-9)), int(math.Ceil(math.Log10(hi)-1e-9))
	decades := math.Log10(hi / lo)
	every := max(1, int(math.Ceil(decades/7)))
	var ticks []plot.Tick
	for e := a; e <= b; e++ {
		for m := 1; m <= 9; m++ {
			t := plot.Tick{Value: float64(m) * math.Pow(10, float64(e))}
			if t.Value < lo*(1-1e-9) || t.Value > hi*(1+1e-9) {
				continue
			}
			switch {
			case m == 1 && e%every == 0,
				decades <= 2.2 && (m == 2 || m == 5),
				decades <= 0.7 && m <= 5,
				decades < 0.5:
				t.Label = logLabel(m, e)
			case m > 1 && every > 1:
				continue
			}
			ticks = append(ticks, t)
		}
	}
	return ticks
}

// logLabel writes m·10^e. Liberation Sans has no superscript minus, hence 5e−7.
func logLabel(m, e int) string {
	if e >= -4 && e <= 4 {
		return strconv.FormatFloat(float64(m)*math.Pow(10, float64(e)), 'f', max(0, -e), 64)
	}
	return minus(fmt.Sprintf("%de%d", m, e))
}
