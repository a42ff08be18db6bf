// Package report draws one run of the simulator as one HTML file. The page needs no
// server, no network and no other file.
//
// # Contract
//
// A [Document] is plain data; package sim/recording fills it. Instants and durations are
// nanoseconds of the world's time; -1 means never or unknown. Lanes and labels are
// indices. [Write] does not change the document.
//
//	document.go  the data
//	page.go      the file: page.html with page.css, page.js and the data inlined
//	lanes.js     the drawing of lanes and charts
//	page.js      everything else on the page
//
// # What it deliberately does not do
//
// It judges nothing: the document says what belongs to the summary, which operations are
// marked and what a chain consists of.
package report
