package experiments

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"reflect"
	"strconv"
	"strings"

	"github.com/neuromanifold/neuromanifold/models"
)

// A Row is one row of a run with the names of its columns, in order.
type Row struct {
	Names  []string
	Values []any // bool, int64, float64, string or []float64
}

func (q *Request) row(cell string, replicate int, values []any) Row {
	r := Row{Names: q.columnNames(), Values: append([]any{cell, int64(replicate)}, values...)}
	return r
}

func (q *Request) columnNames() []string {
	names := []string{"cell", "replicate"}
	for _, c := range q.Experiment.Columns {
		names = append(names, c.Name)
	}
	return names
}

// MarshalJSON writes the row as an object in the order of its columns. NaN and
// infinities are null.
func (r Row) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, name := range r.Names {
		if i > 0 {
			b.WriteByte(',')
		}
		key, err := json.Marshal(name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(jsonValue(r.Values[i]))
		if err != nil {
			return nil, err
		}
		b.Write(key)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// A Number is a float64 whose NaN and infinities are null in JSON.
type Number float64

// MarshalJSON writes the shortest text that reads back as the same number.
func (x Number) MarshalJSON() ([]byte, error) {
	if f := float64(x); !math.IsNaN(f) && !math.IsInf(f, 0) {
		return json.Marshal(f)
	}
	return []byte("null"), nil
}

func jsonValue(v any) any {
	switch v := v.(type) {
	case float64:
		return Number(v)
	case []float64:
		out := make([]Number, len(v))
		for i, x := range v {
			out[i] = Number(x)
		}
		return out
	}
	return v
}

// fieldValues returns the fields of a row struct in order.
func fieldValues(row any) []any {
	v := reflect.ValueOf(row)
	out := make([]any, v.NumField())
	for i := range out {
		switch f := v.Field(i); f.Kind() {
		case reflect.Int, reflect.Int64:
			out[i] = f.Int()
		default:
			out[i] = f.Interface()
		}
	}
	return out
}

// Text writes the value of column i as CSV has it: with full precision, the
// values of a list separated by spaces.
func (r Row) Text(i int) string { return textValue(r.Values[i]) }

// textValue writes a value for CSV with full precision; the values of a list
// are separated by spaces.
func textValue(v any) string {
	switch v := v.(type) {
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case []float64:
		parts := make([]string, len(v))
		for i, x := range v {
			parts[i] = strconv.FormatFloat(x, 'g', -1, 64)
		}
		return strings.Join(parts, " ")
	}
	return fmt.Sprint(v)
}

// Export writes the rows of the run as "csv" (a header row, full precision, NaN
// and Inf by name, lists separated by spaces) or "json" (one object, whose array
// rows has one object a row, with null for NaN and infinities).
func (r *Run) Export(w io.Writer, format string) error {
	if format != "csv" && format != "json" {
		return fmt.Errorf("format %q: want csv or json", format)
	}
	x, err := r.load()
	if err != nil {
		return err
	}
	if format == "csv" {
		c := csv.NewWriter(w)
		if err := c.Write(r.columnNames()); err != nil {
			return err
		}
		record := []string{}
		err := x.each(func(cell string, replicate int, row []any) error {
			record = append(record[:0], cell, strconv.Itoa(replicate))
			for _, v := range row {
				record = append(record, textValue(v))
			}
			return c.Write(record)
		})
		c.Flush()
		if err != nil {
			return err
		}
		return c.Error()
	}
	head, err := json.Marshal(map[string]any{
		"experiment": r.Experiment.Name, "version": r.Experiment.Version, "seed": r.Seed,
		"run": r.Dir.Manifest.Hash[:8], "columns": r.Experiment.Columns,
	})
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "%s,\"rows\":[", bytes.TrimSuffix(head, []byte("}"))); err != nil {
		return err
	}
	sep := "\n"
	err = x.each(func(cell string, replicate int, row []any) error {
		line, err := r.row(cell, replicate, row).MarshalJSON()
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "%s%s", sep, line)
		sep = ",\n"
		return err
	})
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, "\n]}\n")
	return err
}

// writeData writes data as CSV with a header row.
func writeData(w io.Writer, z *models.Data) error {
	c := csv.NewWriter(w)
	record := []string{}
	for j := range z.P {
		record = append(record, fmt.Sprintf("x%d", j+1))
	}
	for j := range z.Q {
		record = append(record, fmt.Sprintf("y%d", j+1))
	}
	if err := c.Write(record); err != nil {
		return err
	}
	for i := range z.N {
		record = record[:0]
		for _, v := range z.Row(i) {
			record = append(record, textValue(v))
		}
		if err := c.Write(record); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}
