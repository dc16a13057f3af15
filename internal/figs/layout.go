package figs

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// draw draws the figure on a canvas. gonum/plot panics where a plot cannot be
// drawn; a figure is made from data, so that is an error here.
func (f *Figure) draw(c draw.Canvas) (err error) {
	if len(f.Panels) == 0 {
		return errors.New("figs: a figure without panels")
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("figs: cannot draw: %v", r)
		}
	}()
	c.SetColor(paper)
	c.Fill(c.Rectangle.Path())
	styles := f.styles()
	c = drawLegend(draw.Crop(c, margin, -margin, margin, -margin), f.legend(styles))

	rows := max(f.Rows, 1)
	cols := (len(f.Panels) + rows - 1) / rows
	height := (c.Size().Y - vg.Length(rows-1)*gutter) / vg.Length(rows)
	for i := range rows {
		top := vg.Length(i) * (height + gutter)
		row := draw.Crop(c, 0, 0, c.Size().Y-top-height, -top)
		if lo, hi := i*cols, min((i+1)*cols, len(f.Panels)); lo < hi {
			drawRow(row, f.Panels[lo:hi], cols, styles)
		}
	}
	return nil
}

// drawRow draws panels side by side, in as many columns as asked. Titles and labels
// are drawn here and not by gonum/plot, which reserves room for them as if they were
// marks on the data.
func drawRow(c draw.Canvas, panels []*Panel, cols int, styles map[string]style) {
	title, label := textStyle(titleSize), textStyle(labelSize)
	var head, foot vg.Length
	for _, p := range panels {
		if p.Title != "" {
			head = title.FontExtents().Height + 4
		}
		if p.X != "" {
			foot = label.FontExtents().Height + 2
		}
	}
	plots := make([]*plot.Plot, len(panels))
	areas := make([]draw.Canvas, len(panels))
	tiles := draw.Tiles{Cols: cols, Rows: 1, PadX: gutter}
	lo, hi := vg.Length(math.Inf(-1)), vg.Length(math.Inf(1))
	for i, p := range panels {
		plots[i] = p.plot(styles)
		left := vg.Length(0)
		if p.Y != "" {
			left = label.FontExtents().Height + 3
		}
		areas[i] = draw.Crop(tiles.At(c, i, 0), left, 0, foot, -head)
		d := plots[i].DataCanvas(areas[i])
		lo, hi = max(lo, d.Min.Y), min(hi, d.Max.Y)
	}
	for i, p := range panels {
		a := areas[i]
		d := plots[i].DataCanvas(a)
		a = draw.Crop(a, 0, 0, lo-d.Min.Y, hi-d.Max.Y)
		plots[i].Draw(a)
		d = plots[i].DataCanvas(a)
		title.XAlign, title.YAlign = draw.XLeft, draw.YBottom
		a.FillText(title, vg.Point{X: d.Min.X, Y: areas[i].Max.Y + 4}, p.Title)
		label.XAlign, label.YAlign = draw.XCenter, draw.YBottom
		a.FillText(label, vg.Point{X: d.Center().X, Y: a.Min.Y - foot}, p.X)
		up := label
		up.Rotation = math.Pi / 2
		a.FillText(up, vg.Point{X: a.Min.X - 4, Y: d.Center().Y}, p.Y)
	}
}

func textStyle(size vg.Length) text.Style {
	return text.Style{Color: ink, Font: sans(size), Handler: plot.DefaultTextHandler}
}

// legend returns the named layers of the figure, each name once.
func (f *Figure) legend(styles map[string]style) []mark {
	var entries []mark
	seen := map[string]bool{"": true}
	for _, p := range f.Panels {
		for _, l := range p.layers {
			if !seen[l.name] {
				seen[l.name] = true
				entries = append(entries, mark{layer: layer{kind: l.kind, name: l.name}, style: styles[l.name]})
			}
		}
	}
	return entries
}

// drawLegend draws the entries in lines along the lower edge of c and returns
// what is left of c above them.
func drawLegend(c draw.Canvas, entries []mark) draw.Canvas {
	if len(entries) == 0 {
		return c
	}
	const thumb, gap, lineHeight = 16, 14, 12
	proto := plot.NewLegend()
	proto.TextStyle.Font = sans(legendSize)
	proto.TextStyle.Color = ink
	proto.ThumbnailWidth = thumb
	proto.Left, proto.Top = true, true
	width := func(m mark) vg.Length {
		return thumb + proto.TextStyle.Rectangle(" ").Max.X + proto.TextStyle.Width(m.name)
	}
	var lines [][]mark
	room := vg.Length(0)
	for _, m := range entries {
		w := width(m) + gap
		if len(lines) == 0 || w-gap > room {
			lines, room = append(lines, nil), c.Size().X
		}
		lines[len(lines)-1] = append(lines[len(lines)-1], m)
		room -= w
	}
	height := vg.Length(lineHeight * len(lines))
	for i, line := range lines {
		total := vg.Length(-gap)
		for _, m := range line {
			total += width(m) + gap
		}
		x := c.Center().X - total/2
		top := c.Min.Y + height - vg.Length(i*lineHeight)
		for _, m := range line {
			entry := proto
			entry.Add(m.name, m)
			entry.Draw(draw.Crop(c, x-c.Min.X, 0, top-lineHeight-c.Min.Y, top-c.Max.Y))
			x += width(m) + gap
		}
	}
	return draw.Crop(c, 0, 0, height+5, 0)
}
