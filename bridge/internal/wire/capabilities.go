package wire

// A Capability is something that a side can do beyond what every side can: it is in
// force if both have named it in the greeting (SPEC.md, section 12).
type Capability string

// The capabilities that there are.
const (
	CapabilityFile     Capability = "file"     // section 15
	CapabilityHijack   Capability = "hijack"   // section 14
	CapabilityEvidence Capability = "evidence" // section 16
)

// Capabilities are the names of all.
var Capabilities = []Capability{CapabilityFile, CapabilityHijack, CapabilityEvidence}
