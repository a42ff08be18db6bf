package main

import "github.com/spf13/cobra"

func devCommand() *cobra.Command   { return &cobra.Command{Use: "dev"} }
func serveCommand() *cobra.Command { return &cobra.Command{Use: "serve"} }
func simCommand() *cobra.Command   { return &cobra.Command{Use: "sim"} }
