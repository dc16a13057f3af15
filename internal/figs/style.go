package figs

import (
	"image/color"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// The palette of Okabe and Ito (2008) in the order in which series take it.
// Yellow is left out: a line of it vanishes on white paper.
var palette = []color.NRGBA{
	{R: 0x00, G: 0x72, B: 0xB2, A: 255}, // blue
	{R: 0xE6, G: 0x9F, B: 0x00, A: 255}, // orange
	{R: 0x00, G: 0x9E, B: 0x73, A: 255}, // bluish green
	{R: 0xCC, G: 0x79, B: 0xA7, A: 255}, // reddish purple
	{R: 0x56, G: 0xB4, B: 0xE9, A: 255}, // sky blue
}

// ramp orders levels from dark to light: five colours of viridis (Smith and van der
// Walt 2015), evenly spaced but for its yellow end.
var ramp = []color.NRGBA{
	{R: 0x44, G: 0x01, B: 0x54, A: 255}, {R: 0x3B, G: 0x52, B: 0x8B, A: 255}, {R: 0x21, G: 0x91, B: 0x8C, A: 255},
	{R: 0x5E, G: 0xC9, B: 0x62, A: 255}, {R: 0xC2, G: 0xDF, B: 0x23, A: 255},
}

var (
	vermillion = color.NRGBA{R: 0xD5, G: 0x5E, B: 0x00, A: 255} // the singular set
	ink        = color.NRGBA{R: 0x22, G: 0x22, B: 0x22, A: 255} // theory, text
	grey       = color.NRGBA{R: 0x77, G: 0x77, B: 0x77, A: 255} // references, axes
	pale       = color.NRGBA{R: 0xA8, G: 0xA8, B: 0xA8, A: 255} // fields
	gridGrey   = color.NRGBA{R: 0xE4, G: 0xE4, B: 0xE4, A: 255}
	paper      = color.White
)

const (
	margin     = 5 * vg.Length(1)
	gutter     = 12 * vg.Length(1)
	titleSize  = 9
	labelSize  = 8.5
	tickSize   = 7.5
	legendSize = 8
)

// theoryDashes tell several theoretical curves of one figure apart, all in ink.
var theoryDashes = [][]vg.Length{nil, {5, 2}, {1.5, 1.5}, {6, 2, 1.5, 2}}

func sans(size vg.Length) font.Font {
	return font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
}

// A style is how the layers of one name look.
type style struct {
	color  color.NRGBA
	dashes []vg.Length
	shape  draw.GlyphDrawer
}

var shapes = []draw.GlyphDrawer{
	draw.CircleGlyph{}, draw.SquareGlyph{}, draw.TriangleGlyph{}, draw.RingGlyph{}, draw.BoxGlyph{},
}

// styles gives every name of a figure its look: data take colours, theory takes
// ink with dashes, levels the ramp, sets are vermillion, or dashed where they repel,
// and references grey.
func (f *Figure) styles() map[string]style {
	m := map[string]style{}
	data, theory, levels := 0, 0, 0
	for _, p := range f.Panels {
		for _, l := range p.layers {
			if _, ok := m[l.name]; ok {
				continue
			}
			s := style{shape: draw.CircleGlyph{}}
			switch {
			case l.kind == curve:
				s.color, s.dashes = ink, theoryDashes[theory%len(theoryDashes)]
				theory++
			case l.kind == locus:
				s.color = vermillion
			case l.kind == level:
				s.color = ramp[min(levels, len(ramp)-1)]
				levels++
			case l.kind == broken:
				s.color, s.dashes = ink, []vg.Length{4, 2.5}
			case l.kind == arrows:
				s.color = pale
			case l.kind == guide:
				s.color, s.dashes = grey, []vg.Length{3, 2}
			default:
				s.color, s.shape = palette[data%len(palette)], shapes[data%len(shapes)]
				data++
			}
			m[l.name] = s
		}
	}
	return m
}

// plot returns the panel as a gonum plot.
func (p *Panel) plot(styles map[string]style) *plot.Plot {
	g := plot.New()
	g.BackgroundColor = nil
	g.Add(grid{})
	for _, l := range p.layers {
		if len(l.x) == 0 {
			continue
		}
		g.Add(mark{l, styles[l.name], p.LogY})
	}
	has := func(ks ...kind) bool {
		return slices.ContainsFunc(p.layers, func(l layer) bool { return slices.Contains(ks, l.kind) })
	}
	room := 0.0
	if has(points, series, quantile, level) {
		room = 0.03
	}
	axis(&g.X, p.LogX, p.XRange, room)
	if p.XNames != nil {
		g.X.Tick.Marker = nameTicks(p.XNames)
	}
	if has(bars) && !has(points, series, quantile, level) {
		room = 0.03
	}
	axis(&g.Y, p.LogY, p.YRange, room)
	if has(bars) && p.YRange == [2]float64{} && !p.LogY {
		g.Y.Min = 0
	}
	return g
}

// axis styles one axis and settles its range: span if there is one, else the
// range of the data and a share of it as room on either side.
func axis(a *plot.Axis, log bool, span [2]float64, room float64) {
	a.Tick.Label.Font = sans(tickSize)
	a.Tick.Label.Color = ink
	a.Tick.Length = 3
	a.Tick.LineStyle = draw.LineStyle{Color: grey, Width: 0.5}
	a.LineStyle = draw.LineStyle{Color: grey, Width: 0.6}
	a.Padding = 3
	a.Tick.Marker = linearTicks{}
	if log {
		a.Scale, a.Tick.Marker = plot.LogScale{}, logTicks{}
	}
	switch {
	case span[0] < span[1]:
		a.Min, a.Max = span[0], span[1]
	case !(a.Min <= a.Max) && log: // nothing to draw
		a.Min, a.Max = 1, 10
	case !(a.Min <= a.Max):
		a.Min, a.Max = 0, 1
	case log:
		f := math.Pow(a.Max/a.Min, room)
		if a.Min == a.Max {
			f = 2
		}
		a.Min, a.Max = a.Min/f, a.Max*f
	default:
		d := room * (a.Max - a.Min)
		if a.Min == a.Max {
			d = math.Max(0.5, math.Abs(a.Min)/10)
		}
		a.Min, a.Max = a.Min-d, a.Max+d
	}
}
