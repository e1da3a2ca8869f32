// Package strictjson reads JSON of people and programs that are trusted, and tells
// them what is wrong with it: users files and the bodies of the admin API.
//
// It imports no package of this module. Packages user and adminapi call it.
package strictjson

import (
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Error says what is wrong, and at which byte. Its text shows names of members and
// never a value, which may be a password or a hash.
type Error struct {
	// Offset is the number of bytes before the mistake.
	Offset int64
	text   string
}

// Error implements error.
func (e *Error) Error() string { return e.text }

// Unmarshal reads one JSON value that fills text, as [json.Unmarshal] does. Members
// that are unknown, repeated or in another case, text that is not UTF-8, and
// anything after the value are errors, each an *[Error].
func Unmarshal(text []byte, into any) error {
	err := json.Unmarshal(text, into, json.RejectUnknownMembers(true))
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		switch {
		case errors.Is(e, jsontext.ErrDuplicateName):
			return &Error{e.ByteOffset, fmt.Sprintf("member %s is there twice", quote(e.JSONPointer.LastToken()))}
		case errors.Is(e, io.ErrUnexpectedEOF):
			return &Error{e.ByteOffset, "the JSON ends too early"}
		}
		return &Error{e.ByteOffset, "not valid JSON"}
	}
	if e, ok := errors.AsType[*json.SemanticError](err); ok {
		if errors.Is(e, json.ErrUnknownName) {
			return &Error{e.ByteOffset, fmt.Sprintf("unknown member %s", quote(e.JSONPointer.LastToken()))}
		}
		return &Error{e.ByteOffset, fmt.Sprintf("%s has a value of the wrong type", quote(string(e.JSONPointer)))}
	}
	return &Error{0, "not valid JSON"}
}

// quote makes a name fit for an error or a log: in one line, and not too long.
func quote(name string) string {
	const most = 64
	if len(name) <= most {
		return fmt.Sprintf("%q", name)
	}
	end := most
	for !utf8.RuneStart(name[end]) {
		end--
	}
	return fmt.Sprintf("%q…", name[:end])
}

// Interface guards.
var _ error = (*Error)(nil)
