// Package report draws one run of the simulator as one HTML file that needs
// nothing else: no server, no network, no other file.
//
// # Contract
//
// A [Document] is plain data; package sim fills it from a recording. Instants and
// durations are nanoseconds of the world's time, -1 is never or unknown, lanes and
// labels are indices. [Write] never changes it.
//
//	document.go  the data
//	page.go      the file: page.html with page.css, page.js and the data inlined
//	lanes.js     the drawing of lanes and charts
//	page.js      everything else on the page
//
// # What it deliberately does not do
//
// It decides nothing: what is told, which operations are marked and what a chain
// consists of comes with the document.
package report
