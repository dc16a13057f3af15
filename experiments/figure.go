package experiments

import "github.com/neuromanifold/neuromanifold/internal/figs"

// A Drawing is a finished picture.
type Drawing = *figs.Figure
