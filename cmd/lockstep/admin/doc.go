// Package admin has the commands that an operator runs against a cluster: topic, config, cluster,
// group, produce and consume. They speak Kafka's protocol (franz-go's kgo and kadm), so each
// works against any Kafka-protocol cluster that serves the requests it sends.
//
// What all of them share stands in four files:
//
//	session.go  flags of the connection, the client, and how a command gets both
//	table.go    what a command prints: tables, or the same as JSON
//	errors.go   errors that name their subject and say what to do; exit codes
//	outcome.go  what became of each thing that a command was told to change
//
// Then there are one or two files for each command. docs/commands.md lists all commands for
// operators; a test compares it with the program.
package admin

import "github.com/spf13/cobra"

// Commands are all commands of this package.
func Commands() []*cobra.Command {
	return []*cobra.Command{TopicCommand(), ConfigCommand(), ClusterCommand(), GroupCommand(),
		produceCommand(), consumeCommand()}
}
