package bridge

// MemoryInUse is how many bytes of files in memory are reserved for bodies.
func MemoryInUse() int64 { return memoryInUse.Load() }
