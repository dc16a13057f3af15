package experiments

// A Drawing is a finished picture.
type Drawing any
