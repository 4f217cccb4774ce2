package etf

// Pids, ports, references and funs: terms that mean something only to the node
// they came from. They are measured here, and not taken apart.

// nodeTail is how many bytes a term of that tag has behind the name of its
// node: its numbers and its creation.
func nodeTail(tag byte) int {
	switch tag {
	case tagPort, tagRef: // ID 4, Creation 1
		return 5
	case tagNewPort: // ID 4, Creation 4
		return 8
	case tagPid: // ID 4, Serial 4, Creation 1
		return 9
	default: // tagNewPid: ID 4, Serial 4, Creation 4; tagV4Port: ID 8, Creation 4
		return 12
	}
}

// nodeEnd measures the term at i that has a node's name at name and n bytes
// behind it.
func nodeEnd(s string, i, name, n int, x lax) (next int, err error) {
	next, err = atomEnd(s, name, x)
	if err != nil {
		return 0, err
	}
	if len(s)-next < n {
		return 0, syntax(i, msgShort)
	}
	return next + n, checkOld(s, i, next)
}

// checkOld looks at the numbers behind the name of a node, which end at name, in
// the forms from before OTP 23: there a creation has two bits, and the first word
// of a reference 18.
func checkOld(s string, i, name int) error {
	var creation byte
	var word uint32
	switch s[i] {
	case tagPid:
		creation = s[name+8]
	case tagPort:
		creation = s[name+4]
	case tagRef:
		word, creation = be32(s, name), s[name+4]
	case tagNewRef:
		creation, word = s[name], be32(s, name+1)
	}
	if creation > 3 {
		return syntax(i, "creation over 3 in a form of before OTP 23")
	}
	if word >= 1<<18 {
		return syntax(i, "first word of over 18 bits in a reference of before OTP 23")
	}
	return nil
}

// refEnd measures a reference, which says how many words of four bytes it has:
// one to three, or since OTP 24 five.
func refEnd(s string, i int, x lax) (next int, err error) {
	if len(s)-i < 3 {
		return 0, syntax(i, msgShort)
	}
	words := int(be16(s, i+1))
	if words == 0 || words == 4 || words > 5 {
		return 0, syntax(i, "reference of other than one, two, three or five words")
	}
	creation := 4
	if s[i] == tagNewRef {
		creation = 1
	}
	return nodeEnd(s, i, i+3, creation+4*words, x)
}

// exportEnd measures fun M:F/A, which is two atoms and a small integer.
func exportEnd(s string, i int, x lax) (next int, err error) {
	if next, err = atomEnd(s, i+1, x); err != nil {
		return 0, err
	}
	if next, err = atomEnd(s, next, x); err != nil {
		return 0, err
	}
	return wantEnd(s, next, tagSmallInt, tagSmallInt, x)
}

// maxFree is how many free variables a fun can have, MAX_ARG in OTP.
const maxFree = 255

// scanFun measures a fun up to its free variables, which are its kids. The
// size it carries is passed over, as OTP does: the bytes themselves are counted.
func scanFun(s string, i int, x lax) (next, kids int, err error) {
	const fixed = 1 + 4 + 1 + 16 + 4 + 4 // tag, size, arity, uniq, index, free variables
	if len(s)-i < fixed {
		return 0, 0, syntax(i, msgShort)
	}
	if next, err = atomEnd(s, i+fixed, x); err != nil { // module
		return 0, 0, err
	}
	if next, err = wantEnd(s, next, tagSmallInt, tagInt, x); err != nil { // old index
		return 0, 0, err
	}
	if next, err = wantEnd(s, next, tagSmallInt, tagInt, x); err != nil { // old uniq
		return 0, 0, err
	}
	if next, err = wantEnd(s, next, tagPid, tagNewPid, x); err != nil {
		return 0, 0, err
	}
	free := be32(s, i+fixed-4)
	if free > maxFree {
		return 0, 0, syntax(i, "fun of more than 255 free variables")
	}
	if uint64(free) > uint64(len(s)-next) {
		return 0, 0, syntax(i, msgCount)
	}
	return next, int(free), nil
}

// wantEnd measures the term at i, which must have one of two tags. They are
// tags of terms that hold no others, so this does not go deeper than one call.
func wantEnd(s string, i int, a, b byte, x lax) (next int, err error) {
	if i < len(s) && s[i] != a && s[i] != b {
		return 0, syntax(i, "wrong term within a fun")
	}
	next, _, err = scan(s, i, x)
	return next, err
}
