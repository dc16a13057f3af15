package models

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
)

func TestReadCSV(t *testing.T) {
	tests := []struct {
		name, text string
		columns    []string
		names      []string
		v          []float64
	}{
		{"header", "a,b\n1,2\n3,4\n", nil, []string{"a", "b"}, []float64{1, 2, 3, 4}},
		{"no header", "1,2\n3,4\n", nil, []string{"V1", "V2"}, []float64{1, 2, 3, 4}},
		{"quoted header, CRLF", "\"a\",\"b\"\r\n1,2\r\n3,4\r\n", []string{"b"}, []string{"b"}, []float64{2, 4}},
		{"byte-order mark", "\uFEFFa,b\n1,2\n", []string{"a"}, []string{"a"}, []float64{1}},
		{"by position, other order", "a,b,c\n1,2,3\n", []string{"3", "1"}, []string{"c", "a"}, []float64{3, 1}},
		{"position without header", "1,2\n3,4", []string{"2"}, []string{"V2"}, []float64{2, 4}},
		{"a name that is a number wins", "x,1\n5,6\n7,8\n", []string{"1"}, []string{"1"}, []float64{6, 8}},
		{"text in a column not picked", "day,v\nmon,1\ntue,2\n", []string{"v"}, []string{"v"}, []float64{1, 2}},
		{"row names of R", "\"\",\"x\"\n\"1\",10\n\"2\",20\n", []string{"x"}, []string{"x"}, []float64{10, 20}},
		{"semicolons", "a;b\n1.5;2\n", nil, []string{"a", "b"}, []float64{1.5, 2}},
		{"tabs", "a\tb\n1.5\t2\n", nil, []string{"a", "b"}, []float64{1.5, 2}},
		{"blanks around cells", " a , b \n 1 , 2 \n", []string{"b"}, []string{"b"}, []float64{2}},
		{"trailing blank lines", "a\n1\n2\n\n\n", nil, []string{"a"}, []float64{1, 2}},
		{"blank line between rows of two", "a,b\n1,2\n\n3,4\n", nil, []string{"a", "b"}, []float64{1, 2, 3, 4}},
		{"duplicate name picked by position", "a,a\n1,2\n", []string{"2"}, []string{"a"}, []float64{2}},
		{"exponents and signs", "a\n-1e3\n+.5\n1E-2", nil, []string{"a"}, []float64{-1000, .5, .01}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ReadCSV(strings.NewReader(tt.text), "f.csv", tt.columns)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got.Names, tt.names) || !slices.Equal(got.V, tt.v) || got.N*len(got.Names) != len(got.V) {
				t.Errorf("got %+v, want names %q values %v", got, tt.names, tt.v)
			}
		})
	}
}

func TestReadCSVErrors(t *testing.T) {
	tests := []struct {
		name, text string
		columns    []string
		want       string
	}{
		{"empty file", "", nil, "f.csv: the file is empty"},
		{"only a mark", "\uFEFF", nil, "f.csv: the file is empty"},
		{"header alone", "a,b\n", nil, "f.csv:1: there is a header but no row"},
		{"text", "a,b\n1,2\n3,four\n", nil, `f.csv:3:3: column b: "four" is not a number`},
		{"empty cell", "a,b\n1,\n", nil, "f.csv:2:3: column b: missing value: the cell is empty"},
		{"NA", "a,b\n1,2\nNA,4\n", nil, `f.csv:3:1: column a: missing value: "NA"`},
		{"NaN", "a\n1\nNaN\n", nil, `f.csv:3:1: column a: missing value: "NaN"`},
		{"missing in the first row is data", "NA,2\n1,2\n", nil, `f.csv:1:1: column V1: missing value: "NA"`},
		{"infinity", "a\n1\n-Inf\n", nil, `f.csv:3:1: column a: "-Inf" is not a finite number`},
		{"overflow", "a\n1e999\n", nil, `f.csv:2:1: column a: "1e999" is too large`},
		{"long row", "a,b\n1,2\n3,4,5\n", nil, "f.csv:3:5: the row has 3 cells, the first one has 2"},
		{"short row", "1,2\n3\n", nil, "f.csv:2:1: the row has 1 cells, the first one has 2"},
		{"duplicate name", "a,b,a\n1,2,3\n", []string{"a"}, `columns 1 and 3 are both called "a"`},
		{"duplicate name, all columns", "a,b,a\n1,2,3\n", nil, `columns 1 and 3 are both called "a"`},
		{"unknown column", "waiting,eruptions\n1,2\n", []string{"wating"}, `f.csv:1:1: unknown column "wating": known are waiting, eruptions`},
		{"position 0", "a,b\n1,2\n", []string{"0"}, "there is no column 0: columns are counted from 1 to 2"},
		{"position beyond", "a,b\n1,2\n", []string{"3"}, "there is no column 3: columns are counted from 1 to 2"},
		{"name without header", "1,2\n3,4\n", []string{"a"}, "the file has no header"},
		{"picked twice", "a,b\n1,2\n", []string{"a", "1"}, `column "1" is picked twice`},
		{"gap in one column", "a\n1\n\n3\n", nil, "f.csv:3:1: missing value: the line is blank"},
		{"bare quote", "a,b\n1,2\"\n", nil, "f.csv:2:4: bare \" in non-quoted-field"},
		{"open quote", "a,b\n1,\"2\n", nil, "f.csv:"},
		{"decimal comma", "a;b\n1,5;2\n", nil, `f.csv:2:1: column a: "1,5" is not a number: write the decimal point as a point`},
		{"UTF-16", "\xff\xfea\x00", nil, "UTF-16"},
		{"header or data", "mon,1\ntue,2\n", []string{"2"}, "cannot tell whether the first row is a header"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ReadCSV(strings.NewReader(tt.text), "f.csv", tt.columns)
			var ce *CSVError
			if !errors.As(err, &ce) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v, want a CSVError with %q", err, tt.want)
			}
		})
	}
	_, err := ReadCSV(strings.NewReader("waiting,eruptions\n1,2\n"), "f.csv", []string{"wating"})
	var ue *UnknownNameError
	if !errors.As(err, &ue) || !slices.Equal(ue.Nearest(), []string{"waiting"}) {
		t.Errorf("the error of a misspelt column is %v, without its nearest name", err)
	}
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errors.New("disk on fire") }

func TestReadCSVReadError(t *testing.T) {
	if _, err := ReadCSV(failingReader{}, "f.csv", nil); err == nil || !strings.Contains(err.Error(), "disk on fire") {
		t.Errorf("got %v, want the error of the reader", err)
	}
}

func TestTableDataAndSelect(t *testing.T) {
	tab := Table{Names: []string{"a", "b", "c"}, N: 2, V: []float64{1, 2, 3, 4, 5, 6}}
	z, err := tab.Data(Shape{P: 2, Q: 1})
	if err != nil || z.P != 2 || z.Q != 1 || z.Y(1)[0] != 6 || !slices.Equal(z.X(0), []float64{1, 2}) {
		t.Errorf("Data = %+v, %v", z, err)
	}
	if _, err := tab.Data(Shape{Q: 1}); err == nil || !strings.Contains(err.Error(), "takes 1 modelled columns, the data has 3 (a, b, c)") {
		t.Errorf("three columns for one: %v", err)
	}
	sub, err := tab.Select([]string{"c", "1"})
	if err != nil || !slices.Equal(sub.V, []float64{3, 1, 6, 4}) || !slices.Equal(sub.Names, []string{"c", "a"}) {
		t.Errorf("Select = %+v, %v", sub, err)
	}
	if _, err := tab.Select([]string{"d"}); err == nil {
		t.Error("Select of an unknown column succeeded")
	}
}

func TestWriteCSVRoundTrip(t *testing.T) {
	z := &Data{N: 3, P: 1, Q: 1, V: []float64{0.1, 1.0 / 3, math.Copysign(0, -1), 5e-324, math.MaxFloat64, 1e21}}
	for _, names := range [][]string{nil, {"x", "y, in \"quotes\""}} {
		var b bytes.Buffer
		if err := WriteCSV(&b, names, z); err != nil {
			t.Fatal(err)
		}
		back, err := ReadCSV(&b, "f.csv", nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := range z.V {
			if math.Float64bits(back.V[i]) != math.Float64bits(z.V[i]) {
				t.Errorf("value %d: wrote %v, read %v", i, z.V[i], back.V[i])
			}
		}
		if names != nil && !slices.Equal(back.Names, names) {
			t.Errorf("names %q came back as %q", names, back.Names)
		}
	}
	for _, names := range [][]string{{"x", "x"}, {"x", ""}, {"x", "1"}, {"x", "NA"}, {"x", " y"}} {
		if err := WriteCSV(&bytes.Buffer{}, names, z); err == nil {
			t.Errorf("names %q were accepted", names)
		}
	}
	if err := WriteCSV(&bytes.Buffer{}, nil, &Data{N: 1, Q: 1, V: []float64{math.NaN()}}); err == nil {
		t.Error("NaN was written")
	}
}

// FuzzReadCSV: whatever the bytes, ReadCSV returns either finite numbers in a
// rectangle, which survive a round trip, or an error that names the file.
func FuzzReadCSV(f *testing.F) {
	for _, s := range []string{"a,b\n1,2\n", "1;2\n3;4", "\uFEFF\"x\"\r\n1\r\n\r\n2", "NA", "a\tb\n1\t\n", "\"", "x\n1e999", "1,2\n3", "\n\n5\n", "d,1\ne,2"} {
		f.Add([]byte(s), "")
		f.Add([]byte(s), "1")
	}
	f.Fuzz(func(t *testing.T, text []byte, column string) {
		var columns []string
		if column != "" {
			columns = []string{column}
		}
		tab, err := ReadCSV(bytes.NewReader(text), "f.csv", columns)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "f.csv:") {
				t.Fatalf("error without place: %v", err)
			}
			return
		}
		if tab.N < 1 || len(tab.V) != tab.N*len(tab.Names) {
			t.Fatalf("%d rows, %d names, %d values", tab.N, len(tab.Names), len(tab.V))
		}
		z, err := tab.Data(Shape{Q: len(tab.Names)})
		if err != nil {
			t.Fatal(err)
		}
		if err := z.Check(); err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := WriteCSV(&b, nil, z); err != nil {
			t.Fatal(err)
		}
		back, err := ReadCSV(&b, "f.csv", nil)
		if err != nil || !slices.Equal(back.V, tab.V) {
			t.Fatalf("round trip: %v, %v became %v", err, tab.V, back.V)
		}
	})
}
