package user

// Poll is one look of Watch.
func Poll(f *File, onChange func([]User, error)) { f.poll(onChange) }
