// Package scenarios holds scenarios as plain data files. People who do not write Go can
// read them and add more. A file says what the cluster is, what goes wrong and when, and
// what is demanded. Package sim/scenario reads the files.
//
//	smoke/       a cluster that runs for a few minutes of virtual time
//	bugs/        situations in which brokers of this kind have shown bugs
//	regression/  seeds and plans that once showed a bug, and what it was
//
// The fields of smoke/ and bugs/ are those of scenario.Story. The fields of regression/ are
// those of scenario.Regression, or of scenario.Reproduction for a plan.
package scenarios

import "embed"

// Files are all data files.
//
//go:embed smoke/*.yaml bugs/*.yaml regression/*.yaml
var Files embed.FS
