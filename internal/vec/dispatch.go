//go:build !amd64 || purego

package vec

func vectorised() bool                                   { return false }
func expLanes(dst, x []float64)                          { expPortable(dst, x) }
func tanhLanes(dst, x []float64)                         { tanhPortable(dst, x) }
func erfLanes(dst, x []float64)                          { erfPortable(dst, x) }
func sumLanes(v *vector, x []float64)                    { sumPortable(v, x) }
func dotLanes(v *vector, x, y []float64)                 { dotPortable(v, x, y) }
func sumExpLanes(v *vector, x []float64, top float64)    { sumExpPortable(v, x, top) }
func pairLanes(m *Mixture, y []float64)                  { mixturePortable(m, y, true) }
func pairLogLikLanes(m *Mixture, y []float64)            { mixturePortable(m, y, false) }
func pairCurveLanes(m *Mixture, y []float64)             { pairCurvePortable(m, y) }
func mixtureLanes(m *Mixture, y []float64, moments bool) { mixturePortable(m, y, moments) }
func logitLanes(out *logitSums, l *Logit, y []float64)   { logitPortable(out, l, y) }
func wideARMA() bool                                     { return false }
func armaLanes(*armaState, []float64, int)               {}
func tileLanes(c []float64, stride int, a, b []float64, k int) {
	tilePortable(c, stride, a, b, k)
}
func normalLanes(g *Generators, dst []float64)      { normalPortable(g, dst) }
func learnLanes(l *Learner, x []float64, steps int) { learnPortable(l, x, steps) }
