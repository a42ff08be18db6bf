package main

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"

	"github.com/spf13/cobra"
)

// uuidChars is the length of a UUID as Kafka writes it: base64 for URLs, without padding.
const uuidChars = 22

func randomUUIDCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "random-uuid",
		Short:   "Print a random UUID for cluster.id, as kafka-storage random-uuid does",
		Example: "  lockstep random-uuid",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			id, err := randomUUID()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), id)
			return err
		},
	}
}

// randomUUID draws a UUID that does not look like a flag: it does not begin with "-".
func randomUUID() (string, error) {
	for {
		var id [16]byte
		if _, err := rand.Read(id[:]); err != nil {
			return "", fmt.Errorf("draw a UUID: %w", err)
		}
		if text := base64.RawURLEncoding.EncodeToString(id[:]); text[0] != '-' {
			return text, nil
		}
	}
}
