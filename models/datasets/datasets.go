// Package datasets bundles small classic data sets, byte for byte as published,
// with their source and units. It is separate from package models so that only
// who wants the data carries them.
package datasets

import (
	"embed"
	"fmt"
	"slices"

	"github.com/neuromanifold/neuromanifold/models"
)

//go:embed data/*.csv
var files embed.FS

// A Set is a bundled data set. PROVENANCE.md beside this file says more about
// where it comes from.
type Set struct {
	Name    string
	Doc     string   // one line
	Source  string   // where it was published
	N       int      // rows
	Columns []Column // in the order of the file
	Default []string // the columns that Table returns when none is named
	Series  bool     // the rows are one series in time order
	Note    string   // what to beware of; usually empty
}

// A Column describes one column of a Set.
type Column struct {
	Name string
	Unit string // empty for a pure number or a count
	Doc  string
}

// List returns all sets, sorted by name.
func List() []Set {
	sets := catalogue()
	for i := range sets {
		if sets[i].Default == nil {
			for _, c := range sets[i].Columns {
				sets[i].Default = append(sets[i].Default, c.Name)
			}
		}
	}
	return sets
}

// Lookup returns the set of that name, or a *models.UnknownNameError.
func Lookup(name string) (Set, error) {
	sets := List()
	if i := slices.IndexFunc(sets, func(s Set) bool { return s.Name == name }); i >= 0 {
		return sets[i], nil
	}
	known := make([]string, len(sets))
	for i, s := range sets {
		known[i] = s.Name
	}
	return Set{}, &models.UnknownNameError{What: "data set", Name: name, Known: known}
}

// Table returns the named columns of the set, picked as models.ReadCSV does, or
// its default columns if none is named. The caller owns the table.
func (s Set) Table(columns ...string) (models.Table, error) {
	if len(columns) == 0 {
		columns = s.Default
	}
	f, err := files.Open("data/" + s.Name + ".csv")
	if err != nil {
		return models.Table{}, fmt.Errorf("data set %q is not bundled", s.Name)
	}
	defer f.Close()
	return models.ReadCSV(f, s.Name, columns)
}

// series is a time column and a value column, of which the value is the default.
func series(timeUnit, timeDoc, unit, doc string) []Column {
	return []Column{{"time", timeUnit, timeDoc}, {"value", unit, doc}}
}

func pixels() []Column {
	cols := make([]Column, 0, 65)
	for i := range 64 {
		cols = append(cols, Column{Name: fmt.Sprintf("p%d", i), Doc: fmt.Sprintf("grey level 0…16 at row %d, column %d", i/8+1, i%8+1)})
	}
	return append(cols, Column{Name: "label", Doc: "the digit, 0…9"})
}

func catalogue() []Set {
	value := []string{"value"}
	return []Set{
		{
			Name: "airpassengers", Doc: "international airline passengers, monthly totals 1949–1960",
			Source: "Box, Jenkins & Reinsel (1976), Time Series Analysis, series G; R datasets::AirPassengers",
			N:      144, Columns: series("year", "first day of the month", "thousands", "passengers"), Default: value, Series: true,
		}, {
			Name: "digits", Doc: "handwritten digits, 8×8 grey images with their labels",
			Source: "Alpaydin & Kaynak (1998), UCI Machine Learning Repository, optdigits test set, CC BY 4.0",
			N:      1797, Columns: pixels(),
		}, {
			Name: "faithful", Doc: "Old Faithful geyser: length of eruptions and waiting time to the next",
			Source: "Azzalini & Bowman (1990), Applied Statistics 39, 357; R datasets::faithful",
			N:      272, Columns: []Column{{"eruptions", "min", "length of the eruption"}, {"waiting", "min", "time to the next eruption"}},
		}, {
			Name: "galaxies", Doc: "velocities of galaxies in the Corona Borealis region",
			Source: "Postman, Huchra & Geller (1986), Astron. J. 92, 1238; Roeder (1990), JASA 85, 617; R MASS::galaxies",
			N:      82, Columns: []Column{{"velocity_km_s", "km/s", "velocity relative to our galaxy"}},
			Note: "value 78 is 26690 as in MASS, where the paper has 26960; published mixture fits use 26690, so it is kept",
		}, {
			Name: "lakehuron", Doc: "level of Lake Huron, yearly 1875–1972",
			Source: "Brockwell & Davis (1991), Time Series: Theory and Methods; R datasets::LakeHuron",
			N:      98, Columns: series("year", "", "ft", "level of the lake"), Default: value, Series: true,
		}, {
			Name: "lh", Doc: "luteinizing hormone in blood samples of one woman, every 10 minutes",
			Source: "Diggle (1990), Time Series: A Biostatistical Introduction, table A.1; R datasets::lh",
			N:      48, Columns: series("10 min", "number of the sample", "", "hormone level, unit not given by the source"), Default: value, Series: true,
		}, {
			Name: "nile", Doc: "flow of the Nile at Aswan, yearly 1871–1970",
			Source: "Durbin & Koopman (2001), Time Series Analysis by State Space Methods; R datasets::Nile",
			N:      100, Columns: series("year", "", "10⁸ m³", "annual flow"), Default: value, Series: true,
		}, {
			Name: "sunspot-year", Doc: "sunspot numbers, yearly 1700–1988",
			Source: "Tong (1996), Non-Linear Time Series, p. 471; R datasets::sunspot.year",
			N:      289, Columns: series("year", "", "", "sunspot number"), Default: value, Series: true,
		}, {
			Name: "sunspots", Doc: "mean relative sunspot numbers, monthly 1749–1983",
			Source: "Andrews & Herzberg (1985), Data; R datasets::sunspots",
			N:      2820, Columns: series("year", "first day of the month", "", "mean sunspot number"), Default: value, Series: true,
		}, {
			Name: "synth-loo", Doc: "28 draws of N(1, 1) and the outliers 4.5 and 6.0",
			Source: "made for this project with R 4.2.2, set.seed(2024)",
			N:      30, Columns: []Column{{"y", "", ""}},
		}, {
			Name: "usaccdeaths", Doc: "accidental deaths in the USA, monthly 1973–1978",
			Source: "Brockwell & Davis (1991), Time Series: Theory and Methods; R datasets::USAccDeaths",
			N:      72, Columns: series("year", "first day of the month", "", "deaths"), Default: value, Series: true,
		},
	}
}
