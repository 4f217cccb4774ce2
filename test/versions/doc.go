// Package versions keeps SPEC.md's promise that host and program may be built apart: an older program is
// served by the host of today, and a program of today by an older host, all the way through.
//
// What is older is kept as a recipe: a commit, whose sources come out of the repository's own history and are
// compiled when the test runs.
package versions
