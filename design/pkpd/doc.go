// Package pkpd holds structural models of pharmacokinetics and
// pharmacodynamics: the curves η(t, γ) whose elemental information package
// design optimises over sampling times.
//
// A Structure is a model, a Regimen a list of doses; Bind joins the two into a
// Curve, which yields values and exact first and second derivatives in γ.
//
// # Units
//
// Time is in hours, doses are in milligrams, volumes in litres, clearances in
// L/h, rates in 1/h, concentrations in mg/L. A user-defined model states its
// own units; nothing is converted.
package pkpd
