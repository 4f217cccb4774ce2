package etf

// Tags of the external term format, as in "External Term Format" of the ERTS
// User's Guide. The ones that only appear between distributed nodes (the atom
// cache, fragments) are left out: a term made by term_to_binary has none of them.
const (
	version = 131

	tagNewFloat      = 70
	tagBitBinary     = 77
	tagCompressed    = 80
	tagNewPid        = 88
	tagNewPort       = 89
	tagNewerRef      = 90
	tagSmallInt      = 97
	tagInt           = 98
	tagFloat         = 99 // text, from before OTP 17; still read by every OTP
	tagAtom          = 100
	tagRef           = 101
	tagPort          = 102
	tagPid           = 103
	tagSmallTuple    = 104
	tagLargeTuple    = 105
	tagNil           = 106
	tagString        = 107
	tagList          = 108
	tagBinary        = 109
	tagSmallBig      = 110
	tagLargeBig      = 111
	tagNewFun        = 112
	tagExport        = 113
	tagNewRef        = 114
	tagSmallAtom     = 115
	tagMap           = 116
	tagAtomUTF8      = 118
	tagSmallAtomUTF8 = 119
	tagV4Port        = 120
	tagLocal         = 121 // what follows is known to one node only, its length too
)

// Kind is what a term is, as far as its first byte tells.
type Kind uint8

// The kinds. KindOther is every term that a Reader can only skip: pids, ports,
// references, funs and bit strings that are not whole bytes.
const (
	KindNone    Kind = iota // no term: the end of the data, of a list, or an unknown tag
	KindInteger             // of any size
	KindFloat
	KindAtom
	KindBinary
	KindTuple
	KindList // proper or not, the empty one included
	KindMap
	KindOther
)

var kindNames = [...]string{
	"nothing", "integer", "float", "atom", "binary", "tuple", "list", "map", "opaque term",
}

// String returns the kind's name, as error messages use it.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "unknown kind"
}

// kinds maps a tag to its kind; a tag that opens no term maps to KindNone.
var kinds = [256]Kind{
	tagSmallInt: KindInteger, tagInt: KindInteger, tagSmallBig: KindInteger, tagLargeBig: KindInteger,
	tagNewFloat: KindFloat, tagFloat: KindFloat,
	tagAtom: KindAtom, tagSmallAtom: KindAtom, tagAtomUTF8: KindAtom, tagSmallAtomUTF8: KindAtom,
	tagBinary:     KindBinary,
	tagSmallTuple: KindTuple, tagLargeTuple: KindTuple,
	tagNil: KindList, tagString: KindList, tagList: KindList,
	tagMap:       KindMap,
	tagBitBinary: KindOther,
	tagPid:       KindOther, tagNewPid: KindOther,
	tagPort: KindOther, tagNewPort: KindOther, tagV4Port: KindOther,
	tagRef: KindOther, tagNewRef: KindOther, tagNewerRef: KindOther,
	tagNewFun: KindOther, tagExport: KindOther,
}
