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
)
