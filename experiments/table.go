package experiments

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Table is text in rows and columns.
type Table struct {
	Title  string
	Header []string
	Left   []bool // columns that are aligned to the left
	Rows   [][]string
	Notes  []string // lines below
}

// Text writes the table with aligned columns.
func (t *Table) Text(w io.Writer) error {
	width := make([]int, len(t.Header))
	for _, row := range append([][]string{t.Header}, t.Rows...) {
		for j, cell := range row {
			width[j] = max(width[j], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	if t.Title != "" {
		fmt.Fprintf(&b, "%s\n", t.Title)
	}
	line := func(row []string) {
		var l strings.Builder
		for j, cell := range row {
			if j > 0 {
				l.WriteString("  ")
			}
			pad := strings.Repeat(" ", width[j]-utf8.RuneCountInString(cell))
			if t.Left[j] {
				l.WriteString(cell + pad)
			} else {
				l.WriteString(pad + cell)
			}
		}
		b.WriteString(strings.TrimRight(l.String(), " ") + "\n")
	}
	line(t.Header)
	for _, row := range t.Rows {
		line(row)
	}
	for _, n := range t.Notes {
		fmt.Fprintf(&b, "%s\n", n)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Markdown writes the table in Markdown.
func (t *Table) Markdown(w io.Writer) error {
	var b strings.Builder
	if t.Title != "" {
		fmt.Fprintf(&b, "%s\n\n", t.Title)
	}
	line := func(row []string) {
		for _, cell := range row {
			fmt.Fprintf(&b, "| %s ", strings.ReplaceAll(cell, "|", `\|`))
		}
		b.WriteString("|\n")
	}
	line(t.Header)
	for _, left := range t.Left {
		if left {
			b.WriteString("|:---")
		} else {
			b.WriteString("|---:")
		}
	}
	b.WriteString("|\n")
	for _, row := range t.Rows {
		line(row)
	}
	for _, n := range t.Notes {
		fmt.Fprintf(&b, "\n%s\n", n)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Table returns the comparison with theory, or, for an experiment that compares
// nothing, the statistics of its columns. It ends with the failure line.
func (s *Summary) Table() *Table {
	if slices.ContainsFunc(s.Cells, func(c CellSummary) bool { return len(c.Compare) > 0 }) {
		return s.comparison()
	}
	return s.StatsTable()
}

func (s *Summary) title() string {
	state := ""
	if !s.Complete {
		state = ", incomplete"
	}
	return fmt.Sprintf("%s version %d, seed %d, %d replicates per cell%s", s.Experiment, s.Version, s.Seed, s.Replicates, state)
}

func (s *Summary) notes() []string {
	return []string{"status: " + s.Failures.String()}
}

// comparison has the columns of theory, limit and source only where some line has one. A
// theory without a standard error shows how it was computed in its place.
func (s *Summary) comparison() *Table {
	var theory, limit, source bool
	var methods []string
	for _, c := range s.Cells {
		for _, l := range c.Compare {
			has := !math.IsNaN(float64(l.Theory))
			theory, limit = theory || has && !l.Limit, limit || has && l.Limit
			source = source || l.Source != ""
			if !slices.Contains(methods, l.Method) {
				methods = append(methods, l.Method)
			}
		}
	}
	t := &Table{
		Title:  s.title(),
		Header: []string{"cell", "replicates", "statistic", "measured", "± s.e."},
		Left:   []bool{true, false, true, false, false},
	}
	if theory {
		t.Header, t.Left = append(t.Header, "theory"), append(t.Left, false)
	}
	if limit {
		t.Header, t.Left = append(t.Header, "limit"), append(t.Left, false)
	}
	if theory || limit {
		t.Header, t.Left = append(t.Header, "± s.e.", "z"), append(t.Left, false, false)
	}
	if source {
		t.Header, t.Left = append(t.Header, "source"), append(t.Left, true)
	}

	worst, lines := 0.0, 0
	for _, c := range s.Cells {
		for i, l := range c.Compare {
			row := []string{"", "", l.Name, Format(float64(l.Measured)), FormatSE(float64(l.SE))}
			if i == 0 {
				row[0], row[1] = c.Name, strconv.Itoa(c.Replicates)
			}
			value := Format(float64(l.Theory))
			switch {
			case theory && limit && l.Limit:
				row = append(row, "", value)
			case theory && limit:
				row = append(row, value, "")
			case theory || limit:
				row = append(row, value)
			}
			switch {
			case !theory && !limit:
			case math.IsNaN(float64(l.Theory)):
				row = append(row, "", "")
			case l.TheorySE > 0:
				row = append(row, FormatSE(float64(l.TheorySE)), formatZ(float64(l.Z)))
			default:
				row = append(row, l.Route, formatZ(float64(l.Z)))
			}
			if source {
				row = append(row, l.Source)
			}
			if z := math.Abs(float64(l.Z)); !l.Limit && !math.IsNaN(z) {
				lines++
				worst = max(worst, z)
			}
			t.Rows = append(t.Rows, row)
		}
	}
	t.Notes = append(t.Notes, "standard errors of the measurements: "+strings.Join(methods, ", "))
	if limit {
		t.Notes = append(t.Notes, "limit is an asymptotic value (n → ∞, or as described): its z may be large before it is reached")
	}
	if lines > 0 {
		t.Notes = append(t.Notes, fmt.Sprintf("theory: largest |z| %.1f in %d comparisons", worst, lines))
	}
	t.Notes = append(t.Notes, s.notes()...)
	return t
}

// StatsTable returns the statistics of the numeric columns, cell by cell. It
// ends with the failure line.
func (s *Summary) StatsTable() *Table {
	t := &Table{
		Title:  s.title(),
		Header: []string{"cell", "replicates", "column", "unit", "mean", "± s.e.", "q50", "q90", "q95", "q99", "not finite"},
		Left:   []bool{true, false, true, true, false, false, false, false, false, false, false},
	}
	for _, c := range s.Cells {
		for i, x := range c.Stats {
			row := []string{"", "", x.Column, x.Unit, Format(float64(x.Mean)), FormatSE(float64(x.SE)),
				withSE(x.Q50, x.Q50SE), withSE(x.Q90, x.Q90SE), withSE(x.Q95, x.Q95SE), withSE(x.Q99, x.Q99SE), strconv.Itoa(x.NotFinite)}
			if i == 0 {
				row[0], row[1] = c.Name, strconv.Itoa(c.Replicates)
			}
			t.Rows = append(t.Rows, row)
		}
	}
	t.Notes = s.notes()
	return t
}

// Format writes a number for reading, with five significant digits; "-" where
// there is none.
func Format(x float64) string {
	if math.IsNaN(x) {
		return "-"
	}
	return strconv.FormatFloat(x, 'g', 5, 64)
}

// FormatSE writes a standard error with two significant digits.
func FormatSE(x float64) string {
	if math.IsNaN(x) {
		return "-"
	}
	return strconv.FormatFloat(x, 'g', 2, 64)
}

func withSE(x, se Number) string { return Format(float64(x)) + " ± " + FormatSE(float64(se)) }

func formatZ(z float64) string {
	if math.IsNaN(z) {
		return "-"
	}
	return strconv.FormatFloat(z, 'f', 1, 64)
}
