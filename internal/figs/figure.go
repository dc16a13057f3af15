package figs

import (
	"bytes"
	"encoding/csv"
	"os"
	"path/filepath"
	"strconv"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"
	"gonum.org/v1/plot/vg/vgsvg"
)

// A Size is the outer size of a figure in inches.
type Size struct{ Width, Height float64 }

// Sizes that fit the columns of a journal page.
var (
	OneColumn = Size{3.5, 2.9}
	TwoColumn = Size{7.1, 3.0}
)

// DPI is the resolution of the PNG files in dots an inch.
const DPI = 160

// A Figure is a row of panels, or several, with one legend.
type Figure struct {
	Size   Size // zero: OneColumn for one panel, TwoColumn for more, higher for more rows
	Panels []*Panel
	Rows   int // of panels, which fill them one after the other; 0 means 1
}

// New returns a figure of these panels.
func New(panels ...*Panel) *Figure {
	for _, p := range panels {
		// An axis may have become logarithmic after its marks were added.
		for i, l := range p.layers {
			p.layers[i] = p.drawn(l)
		}
	}
	return &Figure{Panels: panels}
}

func (f *Figure) size() (w, h vg.Length) {
	s := f.Size
	if s == (Size{}) {
		s = OneColumn
		if len(f.Panels) > 1 {
			s = TwoColumn
		}
		if f.Rows > 1 {
			s.Height = 0.5 + 2.1*float64(f.Rows)
		}
	}
	return vg.Length(s.Width) * vg.Inch, vg.Length(s.Height) * vg.Inch
}

// Save writes dir/name.svg, dir/name.png and dir/name.csv. All three are
// rendered before the first is written.
func (f *Figure) Save(dir, name string) error {
	svg, err := f.SVG()
	if err != nil {
		return err
	}
	png, err := f.PNG()
	if err != nil {
		return err
	}
	table, err := f.CSV()
	if err != nil {
		return err
	}
	for _, file := range []struct {
		ext  string
		data []byte
	}{{".svg", svg}, {".png", png}, {".csv", table}} {
		if err := os.WriteFile(filepath.Join(dir, name+file.ext), file.data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// SVG returns the figure as an SVG document.
func (f *Figure) SVG() ([]byte, error) {
	w, h := f.size()
	c := vgsvg.New(w, h)
	if err := f.draw(draw.New(c)); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if _, err := c.WriteTo(&b); err != nil {
		return nil, err
	}
	// A reader without Liberation Sans gets a font of the same metrics rather
	// than the browser's serif.
	return bytes.ReplaceAll(b.Bytes(), []byte("font-family:Liberation Sans;"),
		[]byte("font-family:Liberation Sans,Arial,Helvetica,sans-serif;")), nil
}

// PNG returns the figure as a PNG image.
func (f *Figure) PNG() ([]byte, error) {
	w, h := f.size()
	c := vgimg.NewWith(vgimg.UseWH(w, h), vgimg.UseDPI(DPI))
	if err := f.draw(draw.New(c)); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if _, err := (vgimg.PngCanvas{Canvas: c}).WriteTo(&b); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// CSV returns what is drawn as a table with one row per mark: panel (counted
// from 1), series, kind of layer, x, y, lo and hi: the ends of an error bar, the
// left and right edge of a bar of a histogram, or the tip of an arrow; and line,
// which counts the lines of one series in its panel. Cells that do not apply are
// empty.
func (f *Figure) CSV() ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	if err := w.Write([]string{"panel", "series", "kind", "x", "y", "lo", "hi", "line"}); err != nil {
		return nil, err
	}
	num := func(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
	for i, p := range f.Panels {
		lines := map[string]int{}
		for _, l := range p.layers {
			lines[l.name]++
			for j := range l.x {
				row := []string{strconv.Itoa(i + 1), l.name, l.kind.String(), num(l.x[j]), num(l.y[j]), "", "", strconv.Itoa(lines[l.name])}
				if l.lo != nil {
					row[5], row[6] = num(l.lo[j]), num(l.hi[j])
				}
				if err := w.Write(row); err != nil {
					return nil, err
				}
			}
		}
	}
	w.Flush()
	return b.Bytes(), w.Error()
}
