package main

import (
	"fmt"
	"math"
	"slices"

	"github.com/neuromanifold/neuromanifold/experiments"
	"github.com/neuromanifold/neuromanifold/singular"
)

// measuredValue is a mean over networks with its standard error.
type measuredValue struct {
	Mean number `json:"mean"`
	SE   number `json:"se"`
}

func measured(e singular.Estimate) measuredValue { return measuredValue{number(e.Value), number(e.SE)} }

type spectrumJSON struct {
	Seed     uint64                   `json:"seed"`
	Network  spectrumNetwork          `json:"network"`
	Theory   spectrumTheoryJSON       `json:"theory"`
	Measured map[string]measuredValue `json:"measured"`
	Outliers []measuredValue          `json:"outliers"` // the largest eigenvalues, descending
	Density  []spectrumBin            `json:"density"`  // of the eigenvalues that are not zero
	Edge     number                   `json:"bulk_edge"`
	Zeros    spectrumZeros            `json:"zeros"`
	Warnings []string                 `json:"warnings"`
}

type spectrumBin struct {
	From      number        `json:"from"`
	To        number        `json:"to"`
	Count     measuredValue `json:"count"`     // eigenvalues of one network
	Predicted int           `json:"predicted"` // outliers that theory puts here
}

// spectrumBins is the number of bins of the density: a terminal's worth.
const spectrumBins = 16

// density returns the histogram, of fewer bins where there are few eigenvalues, with
// the predicted outliers within its range.
func (t *spectrumPrediction) density(m *singular.WideMeasurement) []spectrumBin {
	n := 0
	for _, values := range m.Spectra {
		n += len(values)
	}
	var out []spectrumBin
	heights := t.heights()
	for b, d := range m.Density(max(1, min(spectrumBins, n/4)), heights...) {
		bin := spectrumBin{number(d.From), number(d.To), measured(d.Count), 0}
		for _, v := range heights {
			if (v > d.From || b == 0) && v <= d.To {
				bin.Predicted++
			}
		}
		out = append(out, bin)
	}
	return out
}

type spectrumNetwork struct {
	Activation string  `json:"activation"`
	SW2        float64 `json:"sw2"`
	SB2        float64 `json:"sb2"`
	Depth      int     `json:"depth"`
	Width      int     `json:"width"`
	Inputs     int     `json:"inputs"`
	Samples    int     `json:"samples"`
	Outputs    int     `json:"outputs"`
	Params     int     `json:"params"`
	Nets       int     `json:"nets"`
	Loss       string  `json:"loss"`
}

type spectrumTheoryJSON struct {
	Regime string `json:"regime"`
	Reason string `json:"reason,omitempty"` // why numbers are null
	Alpha  number `json:"alpha"`
	Kappa1 number `json:"kappa1"`
	Kappa2 number `json:"kappa2"`
	K1     number `json:"k1"`
	K2     number `json:"k2"`

	Mean           number `json:"mean"`
	MeanSE         number `json:"mean_se"`
	SecondMoment   number `json:"second_moment"`
	SecondMomentSE number `json:"second_moment_se"`
	LambdaMax      number `json:"lambda_max"`
	LambdaMaxSE    number `json:"lambda_max_se"`
	Outliers       int    `json:"outliers"`
	Bulk           number `json:"bulk"`
	// OutlierValues are all of the outliers, descending; null where there is no theory.
	OutlierValues  []number `json:"outlier_values"`
	OutlierSEs     []number `json:"outlier_ses"`
	CriticalRate   number   `json:"critical_rate"`
	CriticalRateSE number   `json:"critical_rate_se"`

	Limit spectrumLimit  `json:"limit"` // to leading order in the width
	Beta  *spectrumBetas `json:"beta,omitempty"`
}

type spectrumLimit struct {
	Mean         number `json:"mean"`
	SecondMoment number `json:"second_moment"`
	LambdaMax    number `json:"lambda_max"`
}

type spectrumBetas struct {
	Beta1 measuredValue `json:"beta1"`
	Beta2 measuredValue `json:"beta2"`
	Beta3 measuredValue `json:"beta3"`
}

type spectrumZeros struct {
	Structural int           `json:"structural"`
	Numerical  measuredValue `json:"numerical"`
}

// theoryText is a predicted number, with its error where it is Monte Carlo.
func theoryText(e singular.Estimate) string {
	text := experiments.Format(e.Value)
	if e.SE > 0 {
		text += " ± " + experiments.FormatSE(e.SE)
	}
	return text
}

// listedOutliers is the largest number of outliers of softmax, each with a height of
// its own, that the table lists one by one.
const listedOutliers = 9

func (a *app) printSpectrum(f *spectrumFlags, loss singular.Loss, field *singular.MeanField, t *spectrumPrediction, m *singular.WideMeasurement) error {
	bins := t.density(m)
	rate := criticalRate(m.LambdaMax, f.momentum)
	if a.json {
		out := spectrumJSON{
			Seed: a.seed,
			Network: spectrumNetwork{
				f.activation, f.sw2, f.sb2, f.depth, f.width, field.Net.Widths[0], f.samples, f.outputs, field.Params(), f.nets, loss.String(),
			},
			Theory: spectrumTheoryJSON{
				Regime: field.Regime(), Reason: t.reason, Alpha: number(field.Alpha),
				Kappa1: number(field.Kappa1), Kappa2: number(field.Kappa2), K1: number(field.K1), K2: number(field.K2),
				Mean: number(t.mean.Value), MeanSE: number(t.mean.SE), SecondMoment: number(t.second.Value), SecondMomentSE: number(t.second.SE),
				LambdaMax: number(t.lambda.Value), LambdaMaxSE: number(t.lambda.SE), Outliers: t.count, Bulk: number(t.bulk),
				CriticalRate: number(t.critical.Value), CriticalRateSE: number(t.critical.SE),
				Limit: spectrumLimit{number(t.limit.Mean), number(t.limit.SecondMoment), number(t.limit.LambdaMax)},
			},
			Measured: map[string]measuredValue{
				"mean": measured(m.Mean), "second_moment": measured(m.SecondMoment), "lambda_max": measured(m.LambdaMax),
				"rayleigh": measured(m.Rayleigh), "mean_outlier": measured(m.MeanOutlier), "next": measured(m.Next), "bulk": measured(m.Bulk), "critical_rate": measured(rate),
			},
			Density: bins, Edge: number(m.Edge),
			Zeros: spectrumZeros{m.StructuralZeros, measured(m.NumericalZeros)}, Warnings: []string{},
		}
		for _, e := range t.outliers {
			out.Theory.OutlierValues = append(out.Theory.OutlierValues, number(e.Value))
			out.Theory.OutlierSEs = append(out.Theory.OutlierSEs, number(e.SE))
		}
		if w := t.warning(m.Edge); w != "" {
			out.Warnings = append(out.Warnings, w)
		}
		for _, e := range m.Outliers {
			out.Outliers = append(out.Outliers, measured(e))
		}
		if loss == singular.CrossEntropyLoss {
			out.Theory.Beta = &spectrumBetas{measured(t.beta1), measured(t.beta2), measured(t.beta3)}
		}
		return a.printJSON(out)
	}
	a.printf("%v network, σ_w² = %v, σ_b² = %v, L = %d layers of weights, M = %d, %d inputs, C = %d\n%v at N = %d inputs, %d networks, seed %d\n\n",
		f.activation, f.sw2, f.sb2, f.depth, f.width, field.Net.Widths[0], f.outputs, loss, f.samples, f.nets, a.seed)
	var rows [][]string
	row := func(name string, got singular.Estimate, theory singular.Estimate) {
		z := "-"
		if d := math.Hypot(got.SE, theory.SE); d > 0 && !math.IsNaN(theory.Value) {
			z = fmt.Sprintf("%.1f", (got.Value-theory.Value)/d)
			if len(z) > 8 { // far from any agreement: how far is of no interest
				z = fmt.Sprintf("%.2g", (got.Value-theory.Value)/d)
			}
		}
		rows = append(rows, []string{name, experiments.Format(got.Value), experiments.FormatSE(got.SE), theoryText(theory), z})
	}
	none := singular.Estimate{Value: math.NaN()}
	mean, next := t.lambda, none
	if loss == singular.CrossEntropyLoss {
		mean = none
	}
	row("mean tr F/P", m.Mean, t.mean)
	row("second moment tr F²/P", m.SecondMoment, t.second)
	row("largest eigenvalue", m.LambdaMax, t.lambda)
	row("Rayleigh quotient", m.Rayleigh, t.lambda)
	if n := len(t.outliers); loss == singular.CrossEntropyLoss && n <= listedOutliers {
		for k := 1; k < n; k++ {
			row(fmt.Sprintf("outlier %d", k+1), m.Outliers[k], t.outliers[k])
		}
	}
	if n := len(m.Outliers); n > 1 {
		row(fmt.Sprintf("mean of the largest %d", n), m.MeanOutlier, mean)
	}
	row(fmt.Sprintf("eigenvalue %d", len(m.Outliers)+1), m.Next, next)
	row("mean of the bulk", m.Bulk, singular.Estimate{Value: t.bulk})
	if err := a.table("Fisher spectrum|measured|± s.e.|theory|z", "Fisher spectrum", rows); err != nil {
		return err
	}
	rows = nil
	for _, d := range slices.Backward(bins) {
		mark := ""
		if d.Predicted > 0 {
			mark = fmt.Sprint(d.Predicted)
		}
		rows = append(rows, []string{
			experiments.Format(float64(d.From)), experiments.Format(float64(d.To)),
			experiments.Format(float64(d.Count.Mean)), experiments.FormatSE(float64(d.Count.SE)), mark,
		})
	}
	a.printf("\nDensity of the eigenvalues that are not zero, counts in one network\n")
	if err := a.table("from|to|eigenvalues|± s.e.|predicted outliers", "", rows); err != nil {
		return err
	}
	a.printf("\nκ₁ = %s, κ₂ = %s (%s)\n", experiments.Format(field.Kappa1), experiments.Format(field.Kappa2), field.Regime())
	a.printf("zeros among %d eigenvalues: %d structural", field.Params(), m.StructuralZeros)
	if m.NumericalZeros.Value > 0 {
		a.printf(", %s more to rounding", experiments.Format(m.NumericalZeros.Value))
	}
	a.printf("\n")
	if w := t.warning(m.Edge); w != "" {
		a.printf("warning: %s\n", w)
	}
	theory := theoryText(t.critical) + " by theory"
	if t.reason != "" {
		a.printf("no theory for outliers: %s\n", t.reason)
		theory = "unknown by theory"
	}
	a.printf("gradient descent with momentum %v is stable up to a learning rate %s, %s ± %s as measured\n",
		f.momentum, theory, experiments.Format(rate.Value), experiments.FormatSE(rate.SE))
	return nil
}
