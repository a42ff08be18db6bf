package meta

const bootstrapIndex Index = 1
