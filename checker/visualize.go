package checker

import (
	"fmt"

	"github.com/anishathalye/porcupine"
)

// VisualizeTopic writes Porcupine's page (HTML) about the operations on one
// topic name to path.
func VisualizeTopic(h *History, name, path string) error {
	ops := registryOps(h)[name]
	if len(ops) > searchOpsMax {
		return fmt.Errorf("checker: visualise topic %s: %d operations exceed the bound of a search",
			name, len(ops))
	}
	return visualize(registry, registryState{}, ops, path)
}

// VisualizePartition writes Porcupine's page (HTML) about the end of one
// partition's log to path: the first piece between quiescent points that has no
// valid order, or the last piece if all have one.
func VisualizePartition(h *History, p Partition, path string) error {
	x := newIndex(h)
	if x.invalid != nil {
		return fmt.Errorf("checker: visualise %v: %w", p, x.invalid)
	}
	for _, v := range x.partitions {
		if v.id != p {
			continue
		}
		pieces := quiescent(logOps(v, resolveAppends(v)))
		state := logState{}
		for i, piece := range pieces {
			if i == len(pieces)-1 || partitionLog.linearize(state, piece) == Fail {
				return visualize(partitionLog, state, piece, path)
			}
			state = replay(state, piece)
		}
	}
	return fmt.Errorf("checker: visualise %v: the history has no operations on its log", p)
}

func visualize[S, I any](o object[S, I], init S, ops []timed[I], path string) error {
	gaveUp := false
	model := o.model(init, &gaveUp)
	_, info := porcupine.CheckOperationsVerbose(model, o.porcupineOps(ops), 0)
	// Drawing replays the steps, so it needs a model with a fresh count of
	// steps.
	if err := porcupine.VisualizePath(o.model(init, &gaveUp), info, path); err != nil {
		return fmt.Errorf("checker: visualise to %s: %w", path, err)
	}
	return nil
}
