package cases

import "slices"

// What Cowboy or a document makes of the trailers.
var trailersForced = slices.Concat(
	because("Such a response ends with its head.",
		Row{Case: "of a 204", On: OnlyH2, Mounts: Every, Differs: facts{"trailer.x-sum": "-"}, Clause: "RFC 9110, 15.3.5 and 15.4.5", NetHTTP: facts{"trailer.x-sum": "1"}},
		Row{Case: "of a 304", On: OnlyH2, Mounts: Every, Differs: facts{"trailer.x-sum": "-"}, Clause: "RFC 9110, 15.3.5 and 15.4.5", NetHTTP: facts{"trailer.x-sum": "1"}},
		Row{Case: "with te of a 204", On: OnlyH2, Mounts: Every, Differs: facts{"trailer.x-sum": "-"}, Clause: "RFC 9110, 15.3.5 and 15.4.5", NetHTTP: facts{"trailer.x-sum": "1"}},
		Row{Case: "with te of a 304", On: OnlyH2, Mounts: Every, Differs: facts{"trailer.x-sum": "-"}, Clause: "RFC 9110, 15.3.5 and 15.4.5", NetHTTP: facts{"trailer.x-sum": "1"}},
	),
	because("Cowboy 2.8 sends trailers on HTTP/2 to clients that say TE: trailers, and to no other.",
		Row{Case: "announced", On: OnlyH2, Mounts: Every, Differs: facts{"trailer.x-sum": "-"}},
		Row{Case: "announced and flushed", On: OnlyH2, Mounts: Every, Differs: facts{"trailer.x-sum": "-"}},
		Row{Case: "announced and large", On: OnlyH2, Mounts: Every, Differs: facts{"trailer.x-sum": "-"}},
		Row{Case: "announced and set before", On: OnlyH2, Mounts: Every, Differs: facts{"trailer.x-sum": "-"}},
		Row{Case: "announced as a list", On: OnlyH2, Mounts: Every, Differs: facts{"trailer.x-b": "-", "trailer.x-sum": "-"}},
		Row{Case: "announced twice", On: OnlyH2, Mounts: Every, Differs: facts{"trailer.x-b": "-", "trailer.x-sum": "-"}},
		Row{Case: "announced with a length", On: OnlyH2, Mounts: Every, Differs: facts{"trailer.x-sum": "-"}},
		Row{Case: "announced without a body", On: OnlyH2, Mounts: Every, Differs: facts{"trailer.x-sum": "-"}},
		Row{Case: "by prefix", On: OnlyH2, Mounts: Every, Differs: facts{"trailer.x-sum": "-"}},
		Row{Case: "by prefix set before", On: OnlyH2, Mounts: Every, Differs: facts{"trailer.x-sum": "-"}},
		Row{Case: "by prefix unflushed", On: OnlyH2, Mounts: Every, Differs: facts{"trailer.x-sum": "-"}},
		Row{Case: "by prefix without a body", On: OnlyH2, Mounts: Every, Differs: facts{"trailer.x-sum": "-"}},
		Row{Case: "forbidden", On: OnlyH2, Mounts: Every, Differs: facts{"trailer.x-sum": "-"}},
		Row{Case: "of an error", On: OnlyH2, Mounts: Every, Differs: facts{"trailer.x-sum": "-"}},
		Row{Case: "of grpc", On: OnlyH2, Mounts: Every, Differs: facts{"trailer.grpc-message": "-", "trailer.grpc-status": "-"}},
		Row{Case: "with a bad name", On: OnlyH2, Mounts: Every, Differs: facts{"trailer.x-b": "-"}},
		Row{Case: "with two values", On: OnlyH2, Mounts: Every, Differs: facts{"trailer.x-sum": "-"}},
	),
	because("A control byte does not go into a field.",
		Row{Case: "with te with a bad value", On: OnlyH1, Mounts: Every, Differs: facts{"trailer.x-sum": "a b"}, Clause: "RFC 9110, 5.5", NetHTTP: facts{"trailer.x-sum": "a\x00b"}},
	),
)

// What gwport has decided for itself of the same.
var trailersChosen = slices.Concat(chosen("Cowboy before 2.18 may have read some of the next request by then.",
	readme, "costs such a client its connection behind",
	Row{Case: "announced", On: OnlyH1, Mounts: Every, Differs: facts{"next": "closed"}, NetHTTP: facts{"next": "served"}},
	Row{Case: "announced and flushed", On: OnlyH1, Mounts: Every, Differs: facts{"next": "closed"}, NetHTTP: facts{"next": "served"}},
	Row{Case: "announced and large", On: OnlyH1, Mounts: Every, Differs: facts{"next": "closed"}, NetHTTP: facts{"next": "served"}},
	Row{Case: "announced and set before", On: OnlyH1, Mounts: Every, Differs: facts{"next": "closed"}, NetHTTP: facts{"next": "served"}},
	Row{Case: "announced as a list", On: OnlyH1, Mounts: Every, Differs: facts{"next": "closed"}, NetHTTP: facts{"next": "served"}},
	Row{Case: "announced twice", On: OnlyH1, Mounts: Every, Differs: facts{"next": "closed"}, NetHTTP: facts{"next": "served"}},
	Row{Case: "announced without a body", On: OnlyH1, Mounts: Every, Differs: facts{"next": "closed"}, NetHTTP: facts{"next": "served"}},
	Row{Case: "by prefix", On: OnlyH1, Mounts: Every, Differs: facts{"next": "closed"}, NetHTTP: facts{"next": "served"}},
	Row{Case: "by prefix set before", On: OnlyH1, Mounts: Every, Differs: facts{"next": "closed"}, NetHTTP: facts{"next": "served"}},
	Row{Case: "by prefix without a body", On: OnlyH1, Mounts: Every, Differs: facts{"next": "closed"}, NetHTTP: facts{"next": "served"}},
	Row{Case: "forbidden", On: OnlyH1, Mounts: Every, Differs: facts{"next": "closed"}, NetHTTP: facts{"next": "served"}},
	Row{Case: "of an error", On: OnlyH1, Mounts: Every, Differs: facts{"next": "closed"}, NetHTTP: facts{"next": "served"}},
	Row{Case: "of grpc", On: OnlyH1, Mounts: Every, Differs: facts{"next": "closed"}, NetHTTP: facts{"next": "served"}},
	Row{Case: "with a bad name", On: OnlyH1, Mounts: Every, Differs: facts{"next": "closed"}, NetHTTP: facts{"next": "served"}},
	Row{Case: "with a bad value", On: OnlyH1, Mounts: Every, Differs: facts{"next": "closed", "trailer.x-sum": "a b"}, NetHTTP: facts{"next": "served", "trailer.x-sum": "a\x00b"}},
	Row{Case: "with a line break", On: OnlyH1, Mounts: Every, Differs: facts{"next": "closed"}, NetHTTP: facts{"next": "served"}},
	Row{Case: "with two values", On: OnlyH1, Mounts: Every, Differs: facts{"next": "closed"}, NetHTTP: facts{"next": "served"}},
), chosen("Cowboy 2.8 cannot send the other field by itself.",
	readme, "On HTTP/2, Cowboy 2.8 drops them for a client that has not said",
	Row{Case: "with a bad value", On: OnlyH2, Mounts: Every, Differs: facts{"trailer.x-b": "-"}, NetHTTP: facts{"trailer.x-b": "1"}},
	Row{Case: "with a line break", On: OnlyH2, Mounts: Every, Differs: facts{"trailer.x-b": "-"}, NetHTTP: facts{"trailer.x-b": "1"}},
))

// What is to come for the trailers.
var trailersNotYet = slices.Concat(
	because("Cowboy 2.8 takes the trailers of a request for the next one, or does not tell that they end it.",
		Row{Case: "of a request", On: OnlyH1, Mounts: Every, Differs: facts{"body": `""`, "date": "false", "field.content-type": "-", "length": "0", "next": "closed", "reason": "Bad Request", "saw.op4.trailer": "[]", "status": "400"}, Needs: "request trailers"},
		Row{Case: "of a request announced", On: OnlyH1, Mounts: Every, Differs: facts{"body": `""`, "date": "false", "field.content-type": "-", "length": "0", "next": "closed", "reason": "Bad Request", "saw.op5.trailer": "[]", "status": "400"}, Needs: "request trailers"},
		Row{Case: "of a request", On: OnlyH2, Mounts: Every, Differs: facts{"end": "hung", "handler": "never returned", "next": "", "status": "-"}, Needs: "request trailers"},
		Row{Case: "of a request announced", On: OnlyH2, Mounts: Every, Differs: facts{"end": "hung", "handler": "never returned", "next": "", "status": "-"}, Needs: "request trailers"},
		Row{Case: "of a request that smuggle", On: OnlyH1, Mounts: Every, Differs: facts{"body": `""`, "date": "false", "field.content-type": "-", "length": "0", "reason": "Bad Request", "status": "400"}, Needs: "request trailers"},
	),
)
