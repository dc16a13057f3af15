package experiments

import "github.com/neuromanifold/neuromanifold/internal/figs"

// mostPanels fit side by side.
const mostPanels = 3

// A panelRow is a row of panels by title, at most three of them.
type panelRow struct{ panels []*figs.Panel }

// at returns the place of the panel of the title, newly made like the given one where
// there is none yet; −1 where the row is full.
func (r *panelRow) at(title string, like figs.Panel) int {
	for i, p := range r.panels {
		if p.Title == title {
			return i
		}
	}
	if len(r.panels) == mostPanels {
		return -1
	}
	like.Title = title
	r.panels = append(r.panels, &like)
	return len(r.panels) - 1
}
