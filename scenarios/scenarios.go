// Package scenarios holds named stories as plain data files, which people who
// write no Go can read and add to: what the cluster is, what goes wrong and when,
// what is demanded. Package sim runs them.
//
//	smoke/       a few minutes of a cluster's life each
//	bugs/        worlds that show bugs which brokers of this kind have shipped
//	regression/  seeds that once showed a bug, and which
//
// The fields of the files are those of sim.Story and sim.Regression.
package scenarios

import "embed"

// Files are the data files.
//
//go:embed smoke/*.yaml bugs/*.yaml regression/*.yaml
var Files embed.FS
