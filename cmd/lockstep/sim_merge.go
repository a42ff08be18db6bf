package main

import (
	"github.com/spf13/cobra"

	"example.com/lockstep/sim/campaign"
)

func mergeCommand() *cobra.Command {
	out, marks := "", ""
	c := &cobra.Command{
		Use:   "merge DIR...",
		Short: "Write one summary of several campaigns, usually of the shards of one range",
		Long: `Write one summary of several campaigns, usually of the shards of one range of seeds.
The exit code is 1 if a run failed, or if a coverage mark was never hit.`,
		Example: `  lockstep sim merge --out out/all out/shard-*`,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, dirs []string) error {
			return campaign.Merge(out, dirs, campaign.MarksDemand(marks), cmd.OutOrStdout())
		},
	}
	c.Flags().StringVar(&out, "out", "", "directory to write the summary to")
	c.Flags().StringVar(&marks, "marks", string(campaign.MarksAll),
		"fail if a coverage mark was never hit: all, or none")
	if err := c.MarkFlagRequired("out"); err != nil {
		panic(err) // there is no such flag
	}
	return c
}
