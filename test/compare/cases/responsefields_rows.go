package cases

import "slices"

// What Cowboy or a document makes of the response fields.
var responseFieldsForced = slices.Concat(
	because("An upgrade that Cowboy would not make is not offered.",
		Row{Case: "upgrade", On: OnlyH1, Mounts: []string{Route, Stream, AppOf, Call}, Differs: facts{"field.upgrade": "-"}, Clause: "RFC 9110, 7.8", NetHTTP: facts{"field.upgrade": "h2c"}},
	),

	because("Fields of the connection are not passed on.",
		Row{Case: "te", On: OnlyH2, Mounts: Every, Differs: facts{"field.te": "-"}, Clause: "RFC 9113, 8.2.2", NetHTTP: facts{"field.te": "trailers"}},
		Row{Case: "upgrade", On: OnlyH2, Mounts: Every, Differs: facts{"field.upgrade": "-"}, Clause: "RFC 9113, 8.2.2", NetHTTP: facts{"field.upgrade": "h2c"}},
	),
	because("A control byte does not go into a field.",
		Row{Case: "control byte", On: OnlyH1, Mounts: Every, Differs: facts{"field.x-bad": "a b"}, Clause: "RFC 9110, 2.2 and 5.5", NetHTTP: facts{"field.x-bad": "a\x01b"}},
		Row{Case: "control byte", On: []string{H1}, Mounts: []string{Call}, Differs: facts{"field.x-bad": "a b"}, Clause: "RFC 9110, 2.2 and 5.5", NetHTTP: facts{"field.x-bad": "a\x01b"}},
		Row{Case: "del", On: OnlyH1, Mounts: Every, Differs: facts{"field.x-bad": "a b"}, Clause: "RFC 9110, 2.2 and 5.5", NetHTTP: facts{"field.x-bad": "a\x7fb"}},
		Row{Case: "del", On: []string{H1}, Mounts: []string{Call}, Differs: facts{"field.x-bad": "a b"}, Clause: "RFC 9110, 2.2 and 5.5", NetHTTP: facts{"field.x-bad": "a\x7fb"}},
		Row{Case: "nul", On: OnlyH1, Mounts: Every, Differs: facts{"field.x-bad": "a b"}, Clause: "RFC 9110, 5.5", NetHTTP: facts{"field.x-bad": "a\x00b"}},
		Row{Case: "nul", On: []string{H1}, Mounts: []string{Call}, Differs: facts{"field.x-bad": "a b"}, Clause: "RFC 9110, 5.5", NetHTTP: facts{"field.x-bad": "a\x00b"}},
	),
	because("A value does not begin or end with a space.",
		Row{Case: "spaces around", On: OnlyH2, Mounts: Every, Differs: facts{"field.x-a": "1"}, Clause: "RFC 9113, 8.2.1", NetHTTP: facts{"field.x-a": "  1 \t"}},
	),
)

// What gwport has decided for itself of the same.
var responseFieldsChosen = slices.Concat(
	chosen("Fields of the connection are not passed on.",
		spec, "drops what belongs to the connection (`connection` and what it names",
		Row{Case: "connection named", On: All, Mounts: Every, Differs: facts{"field.x-a": "-"}, NetHTTP: facts{"field.x-a": "1"}},
		Row{Case: "connection named", On: []string{H1}, Mounts: []string{Call}, Differs: facts{"field.x-a": "-"}, NetHTTP: facts{"field.x-a": "1"}},
		Row{Case: "te", On: OnlyH1, Mounts: Every, Differs: facts{"field.te": "-"}, NetHTTP: facts{"field.te": "trailers"}},
		Row{Case: "te", On: []string{H1}, Mounts: []string{Call}, Differs: facts{"field.te": "-"}, NetHTTP: facts{"field.te": "trailers"}},
	),
)
