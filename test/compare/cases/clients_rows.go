package cases

import "slices"

// What Cowboy or a document makes of the clients.
var clientsForced = slices.Concat(
	because("Cowboy takes a client that ends its side for one that has left, or does not hear of it.",
		Row{Case: "ends its side in its body", On: []string{H1}, Mounts: Every, Differs: facts{"end": "cut", "status": "-"}},
		Row{Case: "ends its side in its chunked body", On: []string{H1}, Mounts: Every, Differs: facts{"end": "cut", "status": "-"}},
		Row{Case: "ends its side in its head", On: []string{H1}, Mounts: Every, Differs: facts{"end": "cut", "status": "-"}},
		Row{Case: "ends its side while the handler waits", On: []string{H1}, Mounts: Every, Differs: facts{"end": "cut", "status": "-"}},
	),
)
