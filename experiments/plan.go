package experiments

import (
	"context"
	"fmt"
	"math"
	"runtime"

	"github.com/neuromanifold/neuromanifold/models"
)

// A Plan says how many replicates give a wanted Monte Carlo standard error.
type Plan struct {
	Column     string     `json:"column"`
	MCSE       float64    `json:"mcse"`       // wanted, of the mean of the column in every cell
	Replicates int        `json:"replicates"` // per cell, needed
	Pilot      int        `json:"pilot"`      // replicates per cell it is based on
	Cells      []PlanCell `json:"cells"`
}

// A PlanCell is the need of one cell.
type PlanCell struct {
	Name       string `json:"name"`
	SE         Number `json:"se"` // of the mean, at the pilot's replicates
	Replicates int    `json:"replicates"`
}

// PilotReplicates is how many replicates per cell Request.Plan simulates.
const PilotReplicates = 200

// Plan estimates the need from the first PilotReplicates replicates, simulated
// in memory. column is the first number among the columns if "".
func (q *Request) Plan(ctx context.Context, column string, mcse float64, workers int) (*Plan, error) {
	if err := q.checkPlan(&column, mcse); err != nil {
		return nil, err
	}
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	x, err := q.Experiment.impl.pilot(ctx, q, PilotReplicates, workers)
	if err != nil {
		return nil, err
	}
	return q.plan(ctx, x, column, mcse)
}

// Plan estimates the need from the replicates of an existing run.
func (r *Run) Plan(ctx context.Context, column string, mcse float64) (*Plan, error) {
	if err := r.checkPlan(&column, mcse); err != nil {
		return nil, err
	}
	x, err := r.load()
	if err != nil {
		return nil, err
	}
	return r.plan(ctx, x, column, mcse)
}

func (q *Request) checkPlan(column *string, mcse float64) error {
	if !(mcse > 0) || math.IsInf(mcse, 0) {
		return fmt.Errorf("mcse %v: want a finite number above 0", mcse)
	}
	u := &models.UnknownNameError{What: "numeric column", Name: *column}
	for _, c := range q.Experiment.Columns {
		if c.Type == "string" || c.Type == "[]float64" {
			continue
		}
		if *column == "" && c.Type == "float64" {
			*column = c.Name
		}
		if c.Name == *column {
			return nil
		}
		u.Known = append(u.Known, c.Name)
	}
	return u
}

// plan scales the standard errors of the means by 1/√replicates.
func (q *Request) plan(ctx context.Context, x results, column string, mcse float64) (*Plan, error) {
	cells, err := x.cells(ctx, q, false)
	if err != nil {
		return nil, err
	}
	p := &Plan{Column: column, MCSE: mcse}
	for i, c := range cells {
		for _, s := range c.Stats {
			if s.Column != column {
				continue
			}
			if math.IsNaN(float64(s.SE)) {
				return nil, fmt.Errorf("cell %s: column %s has no standard error with %d replicates there, of which the values of %d rows are not finite", c.Name, column, c.Replicates, s.NotFinite)
			}
			ratio := float64(s.SE) / mcse
			need := math.Ceil(ratio * ratio * float64(c.Replicates))
			if need > maxReplicates {
				return nil, fmt.Errorf("cell %s: a standard error of %v needs %.3g replicates, more than the %d that a run can have", c.Name, mcse, need, maxReplicates)
			}
			n := max(2, int(need))
			p.Cells = append(p.Cells, PlanCell{c.Name, s.SE, n})
			p.Replicates = max(p.Replicates, n)
		}
		if i == 0 || c.Replicates < p.Pilot {
			p.Pilot = c.Replicates
		}
	}
	return p, nil
}
