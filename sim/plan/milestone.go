package plan

// MilestoneKind says what a milestone of a run is about. The keys of milestones begin with it, and
// so do anchors.
type MilestoneKind string

const (
	NodeBegan        MilestoneKind = "start"
	NodeFinished     MilestoneKind = "end"
	FaultOn          MilestoneKind = "fault"
	FaultOff         MilestoneKind = "mended"
	ControllerBegan  MilestoneKind = "controller"
	LeaderBegan      MilestoneKind = "leader"
	ISRChanged       MilestoneKind = "isr"
	BrokerFenced     MilestoneKind = "fenced"
	BrokerUnfenced   MilestoneKind = "unfenced"
	TopicCreated     MilestoneKind = "topic"
	TopicDeleted     MilestoneKind = "deleted"
	FaultsOver       MilestoneKind = "healed"
	PropertyViolated MilestoneKind = "failure"
)
