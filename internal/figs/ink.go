package figs

import (
	"image/color"
	"math"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// mark draws one layer, clipped to the axes, and its sample in the legend.
type mark struct {
	layer
	style
	logY bool // the axis is logarithmic
}

func (m mark) line() draw.LineStyle {
	ls := draw.LineStyle{Color: m.color, Dashes: m.dashes, Width: 1.1}
	switch m.kind {
	case curve:
		ls.Width = 1.2
	case locus:
		ls.Width = 1.6
	case broken:
		ls.Width = 1.4
	case orbit:
		ls.Width = 0.7
	case arrows:
		ls.Width = 0.5
	case guide:
		ls.Width = 0.8
	case series:
		ls.Width = 0.8
	}
	return ls
}

func (m mark) glyph() draw.GlyphStyle {
	g := draw.GlyphStyle{Color: m.color, Radius: 2, Shape: m.shape}
	switch m.kind {
	case points:
		n := len(m.x)
		if n <= 20 {
			break // each counts
		}
		g.Radius, g.Shape = 1.1, draw.CircleGlyph{}
		// Translucent where there are many, so that density shows.
		a := 1.0
		if n > 300 {
			a = math.Max(0.25, math.Sqrt(300/float64(n)))
		}
		g.Color = fade(m.color, a)
	case quantile:
		g.Radius = 1.4
	case level:
		g.Radius = 2.2
	}
	return g
}

func fade(c color.NRGBA, alpha float64) color.NRGBA {
	c.A = uint8(math.Round(255 * alpha))
	return c
}

// Plot implements plot.Plotter.
func (m mark) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	pt := func(x, y float64) vg.Point { return vg.Point{X: tx(x), Y: ty(y)} }
	path := make([]vg.Point, 0, 2*len(m.x))
	switch m.kind {
	case bars:
		m.plotBars(c, pt)
	case steps:
		for i := range m.x {
			y0 := 0.0
			if i > 0 {
				y0 = m.y[i-1]
			}
			path = append(path, pt(m.x[i], y0), pt(m.x[i], m.y[i]))
		}
		path = append(path, vg.Point{X: c.Max.X, Y: ty(m.y[len(m.y)-1])})
		c.StrokeLines(m.line(), c.ClipLinesXY(path)...)
	case points, quantile, level:
		for i := range m.x {
			if q := pt(m.x[i], m.y[i]); c.Contains(q) {
				c.DrawGlyph(m.glyph(), q)
			}
		}
	case arrows:
		for i := range m.x {
			a, b := pt(m.x[i], m.y[i]), pt(m.lo[i], m.hi[i])
			if c.Contains(a) && c.Contains(b) {
				c.StrokeLine2(m.line(), a.X, a.Y, b.X, b.Y)
				m.head(c, a, b, 2.2)
			}
		}
	default:
		for i := range m.x {
			path = append(path, pt(m.x[i], m.y[i]))
		}
		if m.kind == orbit {
			m.plotHead(c, path)
		}
		c.StrokeLines(m.line(), c.ClipLinesXY(path)...)
		if m.kind == series {
			m.plotSeries(c, p, pt)
		}
	}
}

// plotHead draws an arrowhead halfway along the part of the path that can be seen.
func (m mark) plotHead(c draw.Canvas, path []vg.Point) {
	seen := func(i int) bool { return c.Contains(path[i]) && c.Contains(path[i-1]) }
	step := func(i int) vg.Length {
		return vg.Length(math.Hypot(float64(path[i].X-path[i-1].X), float64(path[i].Y-path[i-1].Y)))
	}
	var total, done vg.Length
	for i := 1; i < len(path); i++ {
		if seen(i) {
			total += step(i)
		}
	}
	if total < 12 {
		return
	}
	for i := 1; i < len(path); i++ {
		if !seen(i) {
			continue
		}
		if done += step(i); done >= total/2 {
			m.head(c, path[i-1], path[i], 4)
			return
		}
	}
}

// head fills an arrowhead of the given length with its tip at b.
func (m mark) head(c draw.Canvas, a, b vg.Point, size vg.Length) {
	dx, dy := float64(b.X-a.X), float64(b.Y-a.Y)
	norm := math.Hypot(dx, dy)
	if norm == 0 {
		return
	}
	ux, uy := vg.Length(dx/norm)*size, vg.Length(dy/norm)*size
	c.FillPolygon(m.color, []vg.Point{b, {X: b.X - ux - 0.4*uy, Y: b.Y - uy + 0.4*ux}, {X: b.X - ux + 0.4*uy, Y: b.Y - uy - 0.4*ux}})
}

// plotBars fills the bars and outlines them as one stepped line, which stays
// legible where two histograms overlap.
func (m mark) plotBars(c draw.Canvas, pt func(x, y float64) vg.Point) {
	var outline []vg.Point
	fill := fade(m.color, 0.35)
	for i := range m.x {
		a, b := pt(m.lo[i], 0), pt(m.hi[i], m.y[i])
		outline = append(outline, vg.Point{X: a.X, Y: b.Y}, b)
		box := c.ClipPolygonXY([]vg.Point{a, {X: a.X, Y: b.Y}, b, {X: b.X, Y: a.Y}})
		if len(box) > 2 {
			c.FillPolygon(fill, box)
		}
	}
	outline = append(outline, pt(m.hi[len(m.hi)-1], 0))
	outline = append([]vg.Point{pt(m.lo[0], 0)}, outline...)
	c.StrokeLines(draw.LineStyle{Color: m.color, Width: 0.7}, c.ClipLinesXY(outline)...)
}

func (m mark) plotSeries(c draw.Canvas, p *plot.Plot, pt func(x, y float64) vg.Point) {
	const halfCap = 2
	ls := draw.LineStyle{Color: m.color, Width: 0.8}
	for i := range m.x {
		q := pt(m.x[i], m.y[i])
		if !c.Contains(q) {
			continue
		}
		if m.lo != nil && m.lo[i] < m.hi[i] {
			lo := m.lo[i]
			if _, log := p.Y.Scale.(plot.LogScale); log && lo <= 0 {
				lo = p.Y.Min
			}
			a, b := pt(m.x[i], lo), pt(m.x[i], m.hi[i])
			c.StrokeLines(ls, c.ClipLinesXY([]vg.Point{a, b},
				[]vg.Point{{X: a.X - halfCap, Y: a.Y}, {X: a.X + halfCap, Y: a.Y}},
				[]vg.Point{{X: b.X - halfCap, Y: b.Y}, {X: b.X + halfCap, Y: b.Y}})...)
		}
		c.DrawGlyph(m.glyph(), q)
	}
}

// DataRange implements plot.DataRanger.
func (m mark) DataRange() (xmin, xmax, ymin, ymax float64) {
	xmin, ymin, xmax, ymax = math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)
	for i := range m.x {
		xmin, xmax = math.Min(xmin, m.x[i]), math.Max(xmax, m.x[i])
		ymin, ymax = math.Min(ymin, m.y[i]), math.Max(ymax, m.y[i])
		switch {
		case m.kind == arrows:
			xmin, xmax = math.Min(xmin, m.lo[i]), math.Max(xmax, m.lo[i])
			ymin, ymax = math.Min(ymin, m.hi[i]), math.Max(ymax, m.hi[i])
		case m.kind == bars:
			xmin, xmax, ymin = math.Min(xmin, m.lo[i]), math.Max(xmax, m.hi[i]), math.Min(ymin, 0)
		case m.lo != nil:
			ymax = math.Max(ymax, m.hi[i])
			// On a logarithmic axis a bar may reach below zero; it is then cut
			// at the axis instead of stretching it.
			if m.lo[i] > 0 || !m.logY {
				ymin = math.Min(ymin, m.lo[i])
			}
		case m.kind == steps:
			ymin = math.Min(ymin, 0)
		}
	}
	return xmin, xmax, ymin, ymax
}

// GlyphBoxes implements plot.GlyphBoxer: it keeps marks at the rim whole.
func (m mark) GlyphBoxes(p *plot.Plot) []plot.GlyphBox {
	if m.kind != points && m.kind != quantile && m.kind != series && m.kind != level {
		return nil
	}
	r := m.glyph().Radius
	box := vg.Rectangle{Min: vg.Point{X: -r, Y: -r}, Max: vg.Point{X: r, Y: r}}
	xmin, xmax, ymin, ymax := m.DataRange()
	var boxes []plot.GlyphBox
	for _, q := range [][2]float64{{xmin, ymin}, {xmax, ymax}} {
		if x, y := p.X.Norm(q[0]), p.Y.Norm(q[1]); x >= 0 && x <= 1 && y >= 0 && y <= 1 {
			boxes = append(boxes, plot.GlyphBox{X: x, Y: y, Rectangle: box})
		}
	}
	return boxes
}

// Thumbnail implements plot.Thumbnailer.
func (m mark) Thumbnail(c *draw.Canvas) {
	mid := c.Center()
	switch m.kind {
	case bars:
		box := []vg.Point{c.Min, {X: c.Min.X, Y: c.Max.Y}, c.Max, {X: c.Max.X, Y: c.Min.Y}}
		c.FillPolygon(fade(m.color, 0.35), box)
		c.StrokeLines(draw.LineStyle{Color: m.color, Width: 0.7}, append(box, c.Min))
	case points, quantile, level:
		g := m.glyph()
		g.Radius, g.Color = 2, m.color
		c.DrawGlyph(g, mid)
	default:
		c.StrokeLine2(m.line(), c.Min.X, mid.Y, c.Max.X, mid.Y)
		if m.kind == orbit || m.kind == arrows {
			m.head(*c, c.Min, vg.Point{X: mid.X + 3, Y: mid.Y}, 4)
		}
		if m.kind == series {
			c.DrawGlyph(m.glyph(), mid)
		}
	}
}

// grid draws light lines at the labelled ticks, under everything.
type grid struct{}

// Plot implements plot.Plotter.
func (grid) Plot(c draw.Canvas, p *plot.Plot) {
	tx, ty := p.Transforms(&c)
	ls := draw.LineStyle{Color: gridGrey, Width: 0.5}
	for _, t := range p.X.Tick.Marker.Ticks(p.X.Min, p.X.Max) {
		if x := tx(t.Value); !t.IsMinor() && c.ContainsX(x) {
			c.StrokeLine2(ls, x, c.Min.Y, x, c.Max.Y)
		}
	}
	for _, t := range p.Y.Tick.Marker.Ticks(p.Y.Min, p.Y.Max) {
		if y := ty(t.Value); !t.IsMinor() && c.ContainsY(y) {
			c.StrokeLine2(ls, c.Min.X, y, c.Max.X, y)
		}
	}
}
