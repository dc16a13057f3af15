package main

import "math"

// The constants of exp.go, erf.go and arma.go.
const (
	log2e    = 0x1.71547652b82fep+0
	ln2Hi    = 0x1.62e42fefa39efp-1
	ln2Lo    = 0x1.abc9e3b39803fp-56
	expShift = 0x1.8p52 + 1023
	expCut   = -708
	expLo    = -746
	expHi    = 710
	tanhCut  = 40
	erfCut   = 5.95
	armaCut  = 1e-19
)

var negInf = math.Inf(-1)

var expC = []float64{
	0x1.000000000000ap-1,
	0x1.55555555554fap-3,
	0x1.555555555088cp-5,
	0x1.1111111127b9fp-7,
	0x1.6c16c1842675fp-10,
	0x1.a01a012a6885dp-13,
	0x1.a0199a16c72b1p-16,
	0x1.71df253cc0d59p-19,
	0x1.28ad68bd07bcep-22,
	0x1.ad7f76fca88e4p-26,
}

var erfP = []float64{
	0x1.20dd750429b6dp+0,
	-0x1.812746b0379bdp-2,
	0x1.ce2f21a040d21p-4,
	-0x1.b82ce311fab6fp-6,
	0x1.565bccf92eaadp-8,
	-0x1.c02db03e3cd72p-11,
	0x1.f9a2bab00ed8ep-14,
	-0x1.f4ca4dbca9a02p-17,
	0x1.b97fd5d5cea58p-20,
	-0x1.5c072df7c0e9ep-23,
	0x1.d71b21cf3dcd1p-27,
	-0x1.abae353b8c9f6p-31,
}

var erfQ = []float64{
	0x1.058671b52c76ep-2,
	-0x1.b57034efd414fp-4,
	0x1.5672b9ea1556ap-5,
	-0x1.fa9d3ac91ca96p-7,
	0x1.649072154862cp-8,
	-0x1.e028e8be41686p-10,
	0x1.369ff9f97ba1bp-11,
	-0x1.83821d23275c7p-13,
	0x1.d37baf701d72ep-15,
	-0x1.115d5dd3562e1p-16,
	0x1.369685418575ap-18,
	-0x1.576e10b05c541p-20,
	0x1.725c298785e08p-22,
	-0x1.8663242e15408p-24,
	0x1.905ab2012ee86p-26,
	-0x1.8cabe8509343cp-28,
	0x1.8cbf4564a371bp-30,
	-0x1.a9cc6b268d9e6p-32,
	0x1.a4ec0ae08b77dp-34,
	-0x1.16375bd37b6e1p-36,
	0x1.4a0a54e7b782dp-40,
}
