package cases

import "slices"

// What is to come for the proxies.
var proxiesNotYet = slices.Concat(
	because("Cowboy 2.8 sends trailers to clients that say TE: trailers, and to no other.",
		Row{Case: "with trailers", On: OnlyH1, Mounts: Every, Differs: facts{"field.trailer": "-", "trailer.x-sum": "-"}, Needs: "trailers without TE"},
		Row{Case: "with trailers", On: OnlyH2, Mounts: Every, Differs: facts{"trailer.x-sum": "-"}, Needs: "trailers without TE"},
	),
)
