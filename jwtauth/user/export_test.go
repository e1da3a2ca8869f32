package user

// Poll is one look of Watch.
func Poll(f *File, onChange func([]User, error)) { f.poll(onChange) }

// ParseFile reads what a users file holds.
func ParseFile(path string, text []byte) ([]User, error) { return parseFile(path, text) }
