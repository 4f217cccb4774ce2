package cases

import "slices"

// What Cowboy or a document makes of the forms.
var formsForced = slices.Concat(
	because("A handler that fails before its head is out is answered with 500, as Cowboy answers for its own.",
		Row{Case: "multipart on disk and a panic", On: All, Mounts: Every, Differs: facts{"end": "whole", "next": "served", "status": "500"}},
	),
)
