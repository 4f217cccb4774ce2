package cases

// What the versions of Cowboy force on the proxies.
var proxiesForced = because("Cowboy 2.8 sends trailers on HTTP/2 to clients that say TE: trailers, and to no other.",
	Row{Case: "with trailers", On: OnlyH2, Mounts: Every, Differs: facts{"trailer.x-sum": "-"}},
)

// What gwport has decided for itself of the same.
var proxiesChosen = chosen("Cowboy before 2.18 may have read some of the next request by then.",
	limits, "costs such a client its connection behind",
	Row{Case: "with trailers", On: OnlyH1, Mounts: Every, Differs: facts{"next": "closed"}, NetHTTP: facts{"next": "served"}},
)
