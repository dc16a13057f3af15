// Package figs is the house style of the figures, over gonum/plot.
//
// A Figure is a row of Panels, a Panel is axes with layers (histograms, curves,
// distribution functions, point clouds, series with error bars). Layers hold
// numbers, not ink: Save draws them as SVG and PNG and writes the numbers that
// were drawn as CSV, the same bytes for the same figure.
//
// The style: Liberation Sans, 160 dots an inch, the colours of Okabe and Ito
// (2008, Color Universal Design) that survive colour-blindness and grey print, a
// light grid, at least four labels on an axis, and the legend in a strip of its
// own below the panels, never on the data. A series has the same colour in every
// panel of a figure, because series are told apart by name.
package figs
