package models

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// A Table is numbers in named columns, as read from a CSV file: a Data before
// it is known which columns are x and which are y.
type Table struct {
	Names []string  // one per column; "V1", "V2", … where the file has no header
	N     int       // rows
	V     []float64 // row-major, N × len(Names), finite
}

// A CSVError is a fault of a CSV file and the place where it is.
type CSVError struct {
	File string
	Line int // counted from 1; 0 where the fault has no line
	Col  int // first byte of the cell in its line, counted from 1; 0 where unknown
	Err  error
}

// Error returns "file:line:column: what is wrong".
func (e *CSVError) Error() string {
	switch {
	case e.Line == 0:
		return fmt.Sprintf("%s: %v", e.File, e.Err)
	case e.Col == 0:
		return fmt.Sprintf("%s:%d: %v", e.File, e.Line, e.Err)
	}
	return fmt.Sprintf("%s:%d:%d: %v", e.File, e.Line, e.Col, e.Err)
}

// Unwrap returns Err.
func (e *CSVError) Unwrap() error { return e.Err }

// ReadCSV reads the columns named in columns, in that order, or all of them if
// columns is empty. file is what errors call the input. Every error about the
// content is a *CSVError; an unknown column is an *UnknownNameError inside it.
//
// A column is picked by its name in the header or, where no column has that
// name, by its position counted from 1. The first row is a header if one of its
// cells is neither a number nor a sign for a missing value. Only the picked
// columns must be numbers: a column of dates that is not asked for does no harm.
// Cells are separated by commas; by semicolons or tabs if the first line has
// those and no comma. Numbers have a decimal point. Quotes follow RFC 4180, a
// byte-order mark, CRLF and blanks around cells are accepted.
//
// It is an error if a picked cell is missing (empty, NA, NaN, null, …), is text,
// is infinite or too large; if rows have unequal numbers of cells; if there is
// no row of numbers; if a picked name stands twice in the header (pick it by
// position); and if one column is read and a blank line interrupts it.
func ReadCSV(r io.Reader, file string, columns []string) (Table, error) {
	c := csvReader{file: file}
	if err := c.open(r); err != nil {
		return Table{}, err
	}
	first, err := c.next()
	if errors.Is(err, io.EOF) {
		return Table{}, c.at(0, 0, errors.New("the file is empty"))
	} else if err != nil {
		return Table{}, err
	}
	header := slices.ContainsFunc(first, isText)
	names := slices.Clone(first)
	if !header {
		for i := range names {
			names[i] = fmt.Sprintf("V%d", i+1)
		}
	}
	pick, err := pickColumns(names, columns, header)
	if err != nil {
		return Table{}, c.at(c.line(), c.col(0), err)
	}
	t := Table{Names: make([]string, len(pick))}
	for i, j := range pick {
		t.Names[i] = names[j]
	}
	if !header {
		if err := c.appendRow(&t, first, pick); err != nil {
			return Table{}, err
		}
	}
	headerLine, headerCol := c.line(), c.col(0)
	for {
		row, err := c.next()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return Table{}, err
		}
		if header && t.N == 0 && mightBeData(first, row, pick) {
			return Table{}, c.at(headerLine, headerCol, fmt.Errorf("cannot tell whether the first row is a header: "+
				"its picked cells are numbers and its text stands above text; give the columns names"))
		}
		if err := c.appendRow(&t, row, pick); err != nil {
			return Table{}, err
		}
	}
	if t.N == 0 {
		return Table{}, c.at(headerLine, 0, errors.New("there is a header but no row of numbers"))
	}
	return t, nil
}

// mightBeData says whether a first row that has text, and was therefore taken
// for a header, looks no different from the row below it: text where that has
// text, numbers in every picked column. Taking it for a header would lose a row
// without a word, taking it for data would add one.
func mightBeData(first, second []string, pick []int) bool {
	for j := range first {
		if isText(first[j]) && !isText(second[j]) {
			return false
		}
	}
	return !slices.ContainsFunc(pick, func(j int) bool { return isText(first[j]) })
}

// Select returns the table of the named columns, in that order; names are
// looked up as ReadCSV does. An empty list selects all.
func (t Table) Select(columns []string) (Table, error) {
	pick, err := pickColumns(t.Names, columns, true)
	if err != nil {
		return Table{}, err
	}
	out := Table{N: t.N, V: make([]float64, 0, t.N*len(pick))}
	for _, j := range pick {
		out.Names = append(out.Names, t.Names[j])
	}
	for i := range t.N {
		row := t.V[i*len(t.Names) : (i+1)*len(t.Names)]
		for _, j := range pick {
			out.V = append(out.V, row[j])
		}
	}
	return out, nil
}

// Data lays the table out for a model of shape s: its first s.P columns are x,
// its next s.Q columns y. It returns an error unless there are exactly s.P+s.Q
// columns. The Data shares V with the table.
func (t Table) Data(s Shape) (*Data, error) {
	if len(t.Names) != s.P+s.Q {
		want := fmt.Sprintf("%d modelled", s.Q)
		if s.P > 0 {
			want = fmt.Sprintf("%d conditioning and then %d modelled", s.P, s.Q)
		}
		return nil, fmt.Errorf("the model takes %s columns, the data has %d (%s): pick %d by name or by position from 1",
			want, len(t.Names), strings.Join(t.Names, ", "), s.P+s.Q)
	}
	if len(t.V) != t.N*len(t.Names) {
		panic(badLength)
	}
	return &Data{N: t.N, P: s.P, Q: s.Q, V: t.V}, nil
}

// WriteCSV writes a header of names and the rows of z in the shortest form that
// reads back to the same numbers. Without names it writes no header. It returns
// an error for what ReadCSV would refuse or read differently: a value that is
// not finite, names that are empty, numbers, missing values or given twice. It
// panics if names has another length than the rows of z.
func WriteCSV(w io.Writer, names []string, z *Data) error {
	if err := z.Check(); err != nil {
		return err
	}
	bw := bufio.NewWriter(w)
	if names != nil {
		checkLen(len(names), z.P+z.Q)
		for i, name := range names {
			if !isText(name) || strings.TrimSpace(name) != name {
				return fmt.Errorf("column name %q would not read back as a name", name)
			}
			if slices.Contains(names[:i], name) {
				return fmt.Errorf("column name %q is given twice", name)
			}
		}
		cw := csv.NewWriter(bw)
		if err := cw.Write(names); err != nil {
			return err
		}
		if cw.Flush(); cw.Error() != nil {
			return cw.Error()
		}
	}
	var buf []byte
	for i := range z.N {
		buf = buf[:0]
		for j, v := range z.Row(i) {
			if j > 0 {
				buf = append(buf, ',')
			}
			buf = strconv.AppendFloat(buf, v, 'g', -1, 64)
		}
		if _, err := bw.Write(append(buf, '\n')); err != nil {
			return err
		}
	}
	return bw.Flush()
}

// pickColumns returns the positions in names of the wanted columns, all of them
// if none is wanted. Names count only where named is set: without a header a
// column is picked by position (V1, V2, … also work).
func pickColumns(names, want []string, named bool) ([]int, error) {
	if len(want) == 0 {
		for i, name := range names {
			if j := slices.Index(names[:i], name); j >= 0 && name != "" {
				return nil, fmt.Errorf("columns %d and %d are both called %q: pick columns by position", j+1, i+1, name)
			}
		}
		pick := make([]int, len(names))
		for i := range pick {
			pick[i] = i
		}
		return pick, nil
	}
	pick := make([]int, 0, len(want))
	for _, w := range want {
		w = strings.TrimSpace(w)
		j := slices.Index(names, w)
		if j >= 0 {
			if k := slices.Index(names[j+1:], w); k >= 0 {
				return nil, fmt.Errorf("columns %d and %d are both called %q: pick one by position", j+1, j+k+2, w)
			}
		} else if pos, err := strconv.Atoi(w); err == nil {
			if pos < 1 || pos > len(names) {
				return nil, fmt.Errorf("there is no column %d: columns are counted from 1 to %d", pos, len(names))
			}
			j = pos - 1
		} else if !named {
			return nil, fmt.Errorf("there is no column %q: the file has no header, pick columns by position from 1 to %d", w, len(names))
		} else {
			return nil, &UnknownNameError{What: "column", Name: w, Known: slices.Clone(names)}
		}
		if slices.Contains(pick, j) {
			return nil, fmt.Errorf("column %q is picked twice", w)
		}
		pick = append(pick, j)
	}
	return pick, nil
}

// isMissing says whether a cell is a usual sign for a missing value.
func isMissing(cell string) bool {
	switch strings.ToLower(strings.TrimSpace(cell)) {
	case "", "na", "n/a", "#n/a", "nan", "null", "none", "nil", ".", "-", "?":
		return true
	}
	return false
}

// isText says whether a cell is neither a number (infinities and numbers beyond
// the range of float64 included) nor a sign for a missing value.
func isText(cell string) bool {
	_, err := strconv.ParseFloat(strings.TrimSpace(cell), 64)
	return err != nil && !errors.Is(err, strconv.ErrRange) && !isMissing(cell)
}

// parseCell returns the number in a cell, or an error that says what is there.
func parseCell(cell string) (float64, error) {
	if isMissing(cell) {
		if strings.TrimSpace(cell) == "" {
			return 0, errors.New("missing value: the cell is empty")
		}
		return 0, fmt.Errorf("missing value: %q", cell)
	}
	v, err := strconv.ParseFloat(cell, 64)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return 0, fmt.Errorf("%q is too large for a number", cell)
	case err != nil:
		if _, err := strconv.ParseFloat(strings.Replace(cell, ",", ".", 1), 64); err == nil {
			return 0, fmt.Errorf("%q is not a number: write the decimal point as a point", cell)
		}
		return 0, fmt.Errorf("%q is not a number", abridge(cell))
	case math.IsInf(v, 0):
		return 0, fmt.Errorf("%q is not a finite number", cell)
	}
	return v, nil
}

func abridge(s string) string {
	const most = 40
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// csvReader is encoding/csv with places in its errors and the checks that it
// leaves out.
type csvReader struct {
	file  string
	r     *csv.Reader
	cells int // in the first row; 0 before it
	last  int // the line on which the last record ended
}

func (c *csvReader) at(line, col int, err error) error {
	return &CSVError{File: c.file, Line: line, Col: col, Err: err}
}

func (c *csvReader) line() int     { l, _ := c.r.FieldPos(0); return l }
func (c *csvReader) col(j int) int { _, col := c.r.FieldPos(j); return col }

// open looks at the first line for a byte-order mark and the separator.
func (c *csvReader) open(r io.Reader) error {
	br := bufio.NewReaderSize(r, 1<<16)
	head, err := br.Peek(3)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: %w", c.file, err)
	}
	if bytes.HasPrefix(head, []byte{0xFF, 0xFE}) || bytes.HasPrefix(head, []byte{0xFE, 0xFF}) {
		return c.at(1, 1, errors.New("the file is UTF-16: save it as UTF-8"))
	}
	if bytes.Equal(head, []byte("\uFEFF")) {
		if _, err := br.Discard(len(head)); err != nil {
			return fmt.Errorf("%s: %w", c.file, err)
		}
	}
	// Peek returns what there is when the file is shorter than the buffer.
	head, _ = br.Peek(br.Size())
	head = bytes.TrimLeft(head, "\r\n")
	line, _, _ := bytes.Cut(head, []byte("\n"))
	c.r = csv.NewReader(br)
	c.r.FieldsPerRecord = -1 // next checks it, to say how many there are
	c.r.TrimLeadingSpace = true
	c.r.ReuseRecord = false
	for _, sep := range ",;\t" {
		if bytes.ContainsRune(line, sep) {
			c.r.Comma = sep
			break
		}
	}
	if c.r.Comma == '\t' {
		c.r.TrimLeadingSpace = false // it would swallow empty cells
	}
	return nil
}

// next returns the next record with blanks around its cells removed.
func (c *csvReader) next() ([]string, error) {
	row, err := c.r.Read()
	if errors.Is(err, io.EOF) {
		return nil, io.EOF
	}
	if pe := (*csv.ParseError)(nil); errors.As(err, &pe) {
		return nil, c.at(pe.Line, pe.Column, pe.Err)
	} else if err != nil {
		return nil, fmt.Errorf("%s: %w", c.file, err)
	}
	line := c.line()
	if c.cells == 0 {
		c.cells = len(row)
	} else if len(row) != c.cells {
		return nil, c.at(line, c.col(len(row)-1), fmt.Errorf("the row has %d cells, the first one has %d", len(row), c.cells))
	}
	if c.cells == 1 && c.last > 0 && line > c.last+1 {
		// encoding/csv skips blank lines; in a single column one is a gap.
		return nil, c.at(c.last+1, 1, errors.New("missing value: the line is blank"))
	}
	c.last = line
	for j := range row {
		c.last += strings.Count(row[j], "\n")
		row[j] = strings.TrimSpace(row[j])
	}
	return row, nil
}

func (c *csvReader) appendRow(t *Table, row []string, pick []int) error {
	for i, j := range pick {
		v, err := parseCell(row[j])
		if err != nil {
			return c.at(c.line(), c.col(j), fmt.Errorf("column %s: %w", t.Names[i], err))
		}
		t.V = append(t.V, v)
	}
	t.N++
	return nil
}
