package dynamics

import (
	"errors"
	"math/rand/v2"
)

// A Flow moves parameters. It owns scratch: one goroutine, one trajectory.
type Flow interface {
	// Step moves θ in place by one step and returns the time τ that it took. A
	// flow in continuous time takes at most most > 0; a flow of fixed steps takes
	// its step size. On an error θ is as before.
	Step(theta []float64, most float64, rng *rand.Rand) (dt float64, err error)
}

// A restarter can step again from another point than that of its last step.
type restarter interface {
	Flow
	// restart forgets what the flow knows of the point that it was at.
	restart()
}

// A Dense flow knows where it was within its last step. Run cuts no step of it at a
// recorded time, and looks for events between the ends of a step.
type Dense interface {
	restarter
	// At fills dst (d) with θ at time dt after the start of the last Step, from 0 to
	// what the step took. It is called only after a Step without an error.
	At(dst []float64, dt float64)
}

// denseOf returns flow as a Dense one, if it is: some are only without a step size.
func denseOf(flow Flow) (Dense, bool) {
	if f, ok := flow.(interface{ dense() bool }); ok && !f.dense() {
		return nil, false
	}
	f, ok := flow.(Dense)
	return f, ok
}

// The errors of a Step. Run turns them into a Stop.
var (
	// ErrDiverged: the parameters or the field are not finite any more.
	ErrDiverged = errors.New("the trajectory diverged")
	// ErrLeft: the step left the domain of the model.
	ErrLeft = errors.New("the trajectory left the domain")
	// ErrStiff: the step size shrank until it no longer moves the clock.
	ErrStiff = errors.New("the problem is too stiff for this method")
	// ErrSingular: the natural gradient does not exist to working accuracy.
	ErrSingular = errors.New("the Fisher information is singular to working accuracy")
	// ErrInaccurate: the quadrature of the objective ran out of nodes.
	ErrInaccurate = errors.New("the quadrature of the objective missed its tolerance")
)
