package runs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"
)

// A Record is a row with its place in the run.
type Record[R any] struct {
	Cell      string
	Replicate int
	Row       R
}

// A Table writes and reads chunks of rows of the struct type R. It is immutable
// and safe for concurrent use.
type Table[R any] struct {
	row     reflect.Type // cell, replicate, then the fields of R
	schema  *parquet.Schema
	columns []Column
}

// NewTable returns the table of the struct type R, whose fields must all be
// exported, tagged `parquet:"name"`, and of type bool, int, int64, float64,
// string or []float64. Columns "cell" and "replicate" come first in the files.
func NewTable[R any]() (*Table[R], error) {
	rt := reflect.TypeFor[R]()
	if rt.Kind() != reflect.Struct {
		return nil, fmt.Errorf("row type %v is no struct", rt)
	}
	fields := []reflect.StructField{
		{Name: "Cell_", Type: reflect.TypeFor[string](), Tag: `parquet:"cell"`},
		{Name: "Replicate_", Type: reflect.TypeFor[int64](), Tag: `parquet:"replicate"`},
	}
	t := &Table[R]{columns: []Column{
		{Name: "cell", Type: "string", Doc: "point of the parameter grid"},
		{Name: "replicate", Type: "int64", Doc: "number of the replicate within the cell, from 0"},
	}}
	seen := map[string]bool{"cell": true, "replicate": true}
	for i := range rt.NumField() {
		f := rt.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("parquet"), ",")
		if !f.IsExported() || f.Anonymous || name == "" {
			return nil, fmt.Errorf("field %s of row type %v has no column name", f.Name, rt)
		}
		if seen[name] {
			return nil, fmt.Errorf("column %s of row type %v exists twice", name, rt)
		}
		seen[name] = true
		switch f.Type {
		case reflect.TypeFor[bool](), reflect.TypeFor[int](), reflect.TypeFor[int64](),
			reflect.TypeFor[float64](), reflect.TypeFor[string](), reflect.TypeFor[[]float64]():
		default:
			return nil, fmt.Errorf("column %s of row type %v has type %v", name, rt, f.Type)
		}
		fields = append(fields, reflect.StructField{Name: f.Name, Type: f.Type, Tag: reflect.StructTag(fmt.Sprintf("parquet:%q", name))})
		t.columns = append(t.columns, Column{Name: name, Type: f.Type.String(), Unit: f.Tag.Get("unit"), Doc: f.Tag.Get("doc")})
	}
	t.row = reflect.StructOf(fields)
	t.schema = parquet.SchemaOf(reflect.New(t.row).Interface())
	return t, nil
}

// Columns returns the columns in the order of the file.
func (t *Table[R]) Columns() []Column { return append([]Column(nil), t.columns...) }

// Keys of the metadata of a chunk file. Units and documentation of a column are
// under "column.NAME.unit" and "column.NAME.doc".
const (
	keyRun     = "neuromanifold.run"     // hash of the identity
	keyChunk   = "neuromanifold.chunk"   // name of the chunk
	keyRows    = "neuromanifold.rows"    // number of rows
	keySeal    = "neuromanifold.seal"    // sealPrefix and the SHA-256 of the file
	keyColumns = "neuromanifold.columns" // JSON: name, type, unit, doc
)

// codec is shared because it keeps its encoders, of some megabytes each, from one
// chunk to the next.
var codec = &zstd.Codec{Level: zstd.SpeedDefault, Concurrency: 1}

// Encode returns the chunk file with these rows: the same bytes for the same
// run, name and rows.
func (t *Table[R]) Encode(run, name string, rows []Record[R]) ([]byte, error) {
	docs, err := json.Marshal(t.columns)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	options := []parquet.WriterOption{
		t.schema,
		// The default names the version of the library and its revision, which
		// are not the run's business.
		parquet.CreatedBy("neuromanifold", strconv.Itoa(Format), ""),
		parquet.Compression(codec),
		parquet.KeyValueMetadata(keyRun, run),
		parquet.KeyValueMetadata(keyChunk, name),
		parquet.KeyValueMetadata(keyRows, strconv.Itoa(len(rows))),
		parquet.KeyValueMetadata(keySeal, sealPrefix+blankSeal),
		parquet.KeyValueMetadata(keyColumns, string(docs)),
	}
	for _, c := range t.columns {
		if c.Unit != "" {
			options = append(options, parquet.KeyValueMetadata("column."+c.Name+".unit", c.Unit))
		}
		if c.Doc != "" {
			options = append(options, parquet.KeyValueMetadata("column."+c.Name+".doc", c.Doc))
		}
	}
	w := parquet.NewWriter(&out, options...)
	row := reflect.New(t.row)
	for i := range rows {
		v, src := row.Elem(), reflect.ValueOf(&rows[i].Row).Elem()
		v.Field(0).SetString(rows[i].Cell)
		v.Field(1).SetInt(int64(rows[i].Replicate))
		for j := range src.NumField() {
			v.Field(j + 2).Set(src.Field(j))
		}
		if err := w.Write(row.Interface()); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return seal(out.Bytes())
}

// Write encodes the rows and puts them into the directory as the chunk of that
// name, replacing one that is there.
func (t *Table[R]) Write(d *Dir, name string, rows []Record[R]) error {
	data, err := t.Encode(d.Manifest.Hash, name, rows)
	if err != nil {
		return &Error{d.ChunkFile(name), err}
	}
	return writeFile(filepath.Join(d.Path, chunkDir), name+chunkExt, data)
}

// Read returns the rows of a chunk after checking that the file is whole, that
// it is this chunk of this run, and that its rows are those that were written.
// What is wrong is an *Error that names the file.
func (t *Table[R]) Read(d *Dir, name string) ([]Record[R], error) {
	file := d.ChunkFile(name)
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &Error{file, errors.New("the chunk is missing")}
	}
	if err != nil {
		return nil, err
	}
	rows, err := t.Decode(d.Manifest.Hash, name, data)
	if err != nil {
		return nil, &Error{file, err}
	}
	return rows, nil
}

// Decode inverts Encode and checks what Read promises.
func (t *Table[R]) Decode(run, name string, data []byte) ([]Record[R], error) {
	if err := checkSeal(data); err != nil {
		return nil, err
	}
	f, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	if got, _ := f.Lookup(keyRun); got != run {
		return nil, fmt.Errorf("foreign: it belongs to run %.8s, this is run %.8s", got, run)
	}
	if got, _ := f.Lookup(keyChunk); got != name {
		return nil, fmt.Errorf("foreign: it is chunk %q under another name", got)
	}
	if !parquet.EqualNodes(f.Schema(), t.schema) {
		return nil, errors.New("its columns are not those of the experiment")
	}
	if got, _ := f.Lookup(keyRows); got != strconv.FormatInt(f.NumRows(), 10) {
		return nil, fmt.Errorf("it has %d rows, %s were written", f.NumRows(), got)
	}
	var rows []Record[R]
	r := parquet.NewReader(f, t.schema)
	defer r.Close()
	for {
		v := reflect.New(t.row)
		if err := r.Read(v.Interface()); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		rec := Record[R]{Cell: v.Elem().Field(0).String(), Replicate: int(v.Elem().Field(1).Int())}
		dst := reflect.ValueOf(&rec.Row).Elem()
		for j := range dst.NumField() {
			dst.Field(j).Set(v.Elem().Field(j + 2))
		}
		rows = append(rows, rec)
	}
	return rows, nil
}
