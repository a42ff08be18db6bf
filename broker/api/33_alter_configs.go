package api

import (
	"github.com/twmb/franz-go/pkg/kmsg"

	"example.com/lockstep/broker/meta"
)

// alterConfigs serves AlterConfigs 0-2 (key 33): what the request does not set of a resource is
// unset. See alteration.
type alterConfigs struct {
	header
	brokerTimeout
	alteration
	resp *kmsg.AlterConfigsResponse
}

func newAlterConfigs(h header, req *kmsg.AlterConfigsRequest) *alterConfigs {
	a := &alterConfigs{header: h, resp: req.ResponseKind().(*kmsg.AlterConfigsResponse),
		alteration: newAlteration(req.ValidateOnly)}
	for i := range req.Resources {
		r := &req.Resources[i]
		change := meta.ConfigChange{Replace: true, Resource: meta.ConfigResource{
			Type: meta.ResourceType(r.ResourceType), Name: r.ResourceName}}
		problem := ""
		for _, e := range r.Configs {
			if e.Value == nil {
				problem = nullValue + e.Name
				continue
			}
			change.Ops = append(change.Ops,
				meta.ConfigOp{Op: meta.ConfigSet, Name: e.Name, Value: *e.Value})
		}
		a.add(change, problem)
	}
	return a
}

func (a *alterConfigs) Next(c Context, expired bool) []Op { return a.next(c, expired) }

func (a *alterConfigs) Resolve(_ int, result any) { a.resolve(result) }

func (a *alterConfigs) Answer(Context) [][]byte {
	for i := range a.slots {
		out := kmsg.NewAlterConfigsResponseResource()
		out.ResourceType = kmsg.ConfigResourceType(a.slots[i].resource.Type)
		out.ResourceName = a.slots[i].resource.Name
		out.ErrorCode, out.ErrorMessage = a.verdict(&a.slots[i])
		a.resp.Resources = append(a.resp.Resources, out)
	}
	return a.frame(a.resp)
}
