// Package etf reads and writes Erlang's external term format, what
// term_to_binary/1 makes and binary_to_term/1 takes.
//
// There are two ways through it.
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
// turn a term into Go values and back; the types stand at [Atom].
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
// Compressed terms are refused: how large they are is not known before they are
// inflated. So are the terms that have no meaning outside of the node or the
// connection they were made for, LOCAL_EXT and the atom cache's.
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
// # Erlang's versions
//
// Every form that OTP 17 and later write is read, those of before where OTP
// itself still reads them. Atoms come in Latin-1 from OTP 25 and older, and in
// UTF-8 from OTP 26 and younger; both arrive as UTF-8. What is written is
// what OTP 26 writes, byte for byte, which every OTP since 17 can read.
package etf
