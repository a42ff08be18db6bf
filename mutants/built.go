package mutants

// Built says whether this program has the planted bugs in it.
const Built = false
