// Package etf reads and writes Erlang's external term format, what
// term_to_binary/1 makes and binary_to_term/1 takes.
//
// There are three ways through it.
//
// [Marshal] and [Unmarshal] read terms into a program's own types and write them,
// as encoding/json does for JSON; the table is below.
//
// An [Encoder] and a [Decoder] do so on a stream, as between a port program and
// its owner.
//
// A program that knows the terms it gets and gives, and is in a hurry, uses
// [Valid] once, where the bytes come in, a [Reader] to walk over them, and the
// Append functions to write straight into its own buffer. None of these
// allocates: what a Reader returns are parts of the data.
//
//	if err := etf.Valid(data, etf.Limits{}); err != nil {
//		return err
//	}
//	r, err := etf.NewReader(data)
//	...
//	pairs, err := r.Map()
//	for range pairs {
//		key, err := r.Binary()
//		...
//		switch key {
//		case "method":
//			method, err = r.Binary()
//		default:
//			err = r.Skip()
//		}
//	}
//
// Tests, tools and programs that have time use [Decode] and [Append], which
// turn a term into Go values and back; the types stand at [Atom]. [AsInt], [AsString]
// and their like say what such a value is, [Lookup] what a map or proplist has.
//
// # Go's types and terms
//
// What Marshal writes for a Go type, and what Unmarshal reads into it. Where the
// two columns do not agree, the right one says what else is taken.
//
//	Go                          is written as                    takes also
//	bool                        the atom true or false
//	int8 ... int64, uint ...    an integer                       (else a range error)
//	float32, float64            a float                          an integer that it is equal to
//	string                      a binary                         with AnyString a charlist, an atom
//	                                                             (all in UTF-8, or see AllowInvalidUTF8)
//	string `charlist`           a list of code points, "abc"     a binary
//	string, []byte `iodata`     a binary                         any iodata
//	[]byte, [N]byte             a binary                         (an array: of N bytes)
//	[]B, B a byte with methods  a list, as any []T
//	[]T                         a list                           a string, for integers
//	[N]T                        a tuple of N                     a list of N
//	map[K]V                     a map, sorted by the keys' bytes
//	map[string]V                a map with binary keys           atom keys
//	map[K]V `proplist`          a list of {K, V}                 a map; an atom A for {A, true}
//	struct                      a map with atom keys             binary keys
//	struct `tuple`              a tuple of the fields in order
//	struct `record=name`        {name, Field, ...}
//	struct `proplist`           a list of {Name, Field}          a map; an atom A for {A, true}
//	*T                          what T is; nil is undefined      undefined, nil: a nil pointer
//	any                         what is in it; nil is undefined  every term, as Decode has it
//	Atom, Binary                an atom, a binary
//	Tuple, List, Map, Improper  what they are to Append, with any Go value in them
//	Raw, RawTerm                the term that they hold          every term, left undecoded
//	big.Int                     an integer
//	time.Time                   a binary, as RFC 3339 has it
//	time.Time `unit=second`     an integer, since 1970           (also millisecond, microsecond, nanosecond)
//	time.Time `datetime`        {{Y,M,D},{H,M,S}} in UTC         (a fraction of a second is cut)
//	time.Duration               an integer of milliseconds       (else `unit=...`; must be whole)
//	netip.Addr                  {A,B,C,D}, or eight numbers      undefined: no address
//	netip.AddrPort              {Address, Port}                  undefined: none
//	Appender, Marshaler         what the method writes
//	TermReader, Unmarshaler                                      every term, by the method
//	encoding.TextMarshaler      a binary, of the text
//
// Functions, channels and complex numbers have no term; using one is an error.
//
// A field is named by its tag, `etf:"name"`, and without one by its Go name in
// Erlang's way: PeerPort is peer_port, HTTPPort is http_port and URLs is urls. A
// capital behind small letters begins a word, and so does one before them, which
// is not always what one would write: IPv6Addr is i_pv6_addr. Behind the name stand options:
//
//	atom, binary     how this key is written; both are read
//	omitempty        left out if false, 0, "", nil, or a list or map of nothing;
//	                 a struct, time.Time and the like included, never is
//	omitzero         left out if zero, or if IsZero says so
//	inline           the fields of a struct count as those of the outer one; a
//	                 map takes the pairs that no field has (in a [Map] their order);
//	                 it has no methods for its term and no option of those below
//	charlist, iodata, proplist, datetime, unit=...    as above
//	-                no field of the term (the whole tag)
//
// An option that the type of the field has no use for is an error. What is said
// of a pointer, a slice or an array is said of the values in it.
//
// A blank field speaks of the struct that it is in: `_ struct{}` with the tag
// `etf:",tuple"`, `etf:",record=name"`, `etf:",proplist"`, or `etf:",binary"`
// for how all of its keys are written. Embedded structs are as in encoding/json,
// save that an embedded pointer to an unexported type is left out. Two fields of one
// struct that have one name are an error.
//
// What Erlang does not tell apart, or Go does not, is decided so:
//
//   - A struct's keys are atoms, as in the maps that Erlang and Elixir programs
//     write by hand; [Options.BinaryKeys] makes them binaries, as gwport's environ
//     has them. The keys of a map[string]V are binaries, because they come from
//     data, and Erlang never frees an atom; a map[Atom]V has atoms.
//   - "abc" in Erlang is the list [97,98,99]. It is read into []int or List, and
//     into a string only where the field is a charlist, or with [Options.AnyString].
//   - [] is an empty list, an empty charlist and an empty proplist: it is what the
//     Go type makes of it. A nil slice is written as [], nil []byte as <<>>, a nil map as #{}.
//   - A binary is bytes, and a Go string is text: only UTF-8 is read into one, unless
//     [Options.AllowInvalidUTF8] lets any bytes be. A Binary and a []byte take all.
//   - undefined is a nil pointer. For other types it is the atom that it is. [Options.Nil]
//     names another atom, nil for Elixir.
//   - No float is read into an int, 1.0 not either; a float takes the integers that it is equal to.
//   - A map's key that is there twice is an error, also where an atom and a binary
//     name the same field. A proplist's first one counts, as in OTP's proplists: also
//     of those in an inline map.
//
// # Bytes from strangers
//
// Any bytes give an error or a term, never a panic. No length and no count is
// believed before the bytes that it claims are seen to be there; how much,
// how deep and how many is bounded by [Limits]. Whoever hands the bytes on to
// Valid, Reader or Decode needs no check before it. Errors are of type
// [*SyntaxError] (no term), [*LimitError] (too large a term) or [*KindError]
// (another term than the caller wanted).
//
// Compressed terms are refused, because how large they are is not known before
// they are inflated, and so is LOCAL_EXT, which has a meaning for one node only:
// [Options] allow both. What else the BEAM refuses is refused, and what it reads of
// bytes that no Erlang writes is read, with few differences, each with its reason in
// testdata/verdicts.txt. The atom cache's terms belong to a connection between
// nodes and are refused always. Floats that are not finite and atoms that are not
// UTF-8 are refused as Erlang refuses them, and are for Options to allow.
//
// # Text
//
// [Text] and [AppendText] print a term as io_lib:format("~0p") of OTP 25 does, and
// with [TextOptions.Unicode] as "~0tp" in an Erlang started with +pc unicode, byte
// for byte, but for this:
//
//	the atoms else and maybe  are quoted, as from OTP 27 on they have to be
//	fun m:'if'/1              has its quotes, without which nobody can read it
//	<0.81.2>                  is #Pid<nonode@nohost.81.2>: the first number is one that a
//	                          running Erlang gives a node, and the bytes have its name
//	#Ref<...>, #Port<...>     likewise
//	maps of over 32 keys      have them in order: integers, floats, atoms, references,
//	                          funs, ports, pids, tuples, maps, [], lists, bit strings,
//	                          as smaller maps have them up to OTP 25 anyway
//
// [Parse] reads one term as erl_parse:parse_term/1 does, [ParseFile] the terms of a
// file as file:consult/1 does; testdata/parse.txt has some hundred texts with what
// OTP 25 says of each. They have these differences:
//
//	#{a => 1,a => 2}     is an error: Erlang forgets the first value
//	"""                  is an error: up to OTP 26 it is an empty string and the
//	                     beginning of another, since then of a text of several lines
//	~"..."               is an error, as up to OTP 26
//	$\^?, $\^1            are errors: only letters and @[\]^_ stand behind \^
//	(1), <<(1)>>, -(1)   are errors: a term needs no parentheses
//	<<<<1>>/binary>>     is an error, and so is a float of 16 bits
//	U+FFFE and U+FFFF    may stand in quotes, since an atom may have them
//	else, maybe          are atoms without quotes, as up to OTP 26
//	<0.81.2>, #Pid<...>, #Ref<...>, #Port<...>, #Fun<...>
//	                     are errors: what they name is known to a node only
//
// So what is printed without MaxDepth and MaxBytes, of a term that has none of
// the last, is read back as the same term.
//
// # Erlang's versions
//
// Every form that OTP 17 and later write is read, those of before where OTP
// itself still reads them. Atoms come in Latin-1 from OTP 25 and older, and in
// UTF-8 from OTP 26 and younger; both arrive as UTF-8. What is written every OTP
// since 17 can read; binary_to_term with the option safe reads it where the atoms
// in it, and the functions that its external funs name, are there already. Append
// writes what OTP 26 writes, byte for byte, of a term whose maps have their keys in
// OTP's order; with [Options.Deterministic] it gives them the order of
// term_to_binary(T, [deterministic]). A port with a number below 1<<28 it writes as
// OTP 25 does, where OTP 27 writes V4_PORT_EXT. Marshal writes a list of integers as
// a list where OTP writes a string, and the keys of a struct in the order of its
// fields; with Options.Deterministic it writes as Append does.
package etf
