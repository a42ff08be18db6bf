package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/meta"
)

// incrementalAlterConfigs serves IncrementalAlterConfigs 0-1 (key 44): each operation sets or
// unsets a key, or adds to a list or takes from it. See alteration.
type incrementalAlterConfigs struct {
	header
	brokerTimeout
	alteration
	resp *kmsg.IncrementalAlterConfigsResponse
}

func newIncrementalAlterConfigs(
	h header, req *kmsg.IncrementalAlterConfigsRequest,
) *incrementalAlterConfigs {
	a := &incrementalAlterConfigs{
		header: h, resp: req.ResponseKind().(*kmsg.IncrementalAlterConfigsResponse),
		alteration: newAlteration(req.ValidateOnly),
	}
	for i := range req.Resources {
		r := &req.Resources[i]
		change := meta.ConfigChange{Resource: meta.ConfigResource{
			Type: meta.ResourceType(r.ResourceType), Name: r.ResourceName}}
		problem := ""
		for _, e := range r.Configs {
			op := meta.ConfigOp{Op: meta.ConfigOpKind(e.Op), Name: e.Name}
			switch {
			case op.Op < meta.ConfigSet || op.Op > meta.ConfigSubtract:
				problem = "Unknown operation type of " + e.Name
			case e.Value != nil:
				op.Value = *e.Value
			case op.Op != meta.ConfigDelete:
				problem = nullValue + e.Name
			}
			change.Ops = append(change.Ops, op)
		}
		a.add(change, problem)
	}
	return a
}

func (a *incrementalAlterConfigs) Next(c Context, expired bool) []Op {
	return a.next(c, expired)
}

func (a *incrementalAlterConfigs) Resolve(_ int, result any) { a.resolve(result) }

func (a *incrementalAlterConfigs) Answer(Context) [][]byte {
	for i := range a.slots {
		out := kmsg.NewIncrementalAlterConfigsResponseResource()
		out.ResourceType = kmsg.ConfigResourceType(a.slots[i].resource.Type)
		out.ResourceName = a.slots[i].resource.Name
		out.ErrorCode, out.ErrorMessage = a.verdict(&a.slots[i])
		a.resp.Resources = append(a.resp.Resources, out)
	}
	return a.frame(a.resp)
}
