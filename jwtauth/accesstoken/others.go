package accesstoken

import (
	"strconv"
	"sync"
	"unsafe"

	"github.com/go-json-experiment/json/jsontext"
)

// others are claims that most sites ask for none of.
type others struct {
	list []other
	once sync.Once
	read map[string]any // nil before the first question
}

// other is a claim as the token has it.
type other struct {
	name string
	kind jsontext.Kind
	text string // of a string its content, of a number its digits
	// value is that of an array or object.
	value any
}

// values are the values of all of them.
func (o *others) values() map[string]any {
	if o == nil {
		return nil
	}
	o.once.Do(func() {
		o.read = make(map[string]any, len(o.list))
		for _, claim := range o.list {
			o.read[claim.name] = claim.any()
		}
	})
	return o.read
}

func (o *other) any() any {
	switch o.kind {
	case jsontext.KindString:
		return o.text
	case jsontext.KindNumber:
		value, _ := number(o.text) // it was read before
		return value
	case jsontext.KindTrue, jsontext.KindFalse:
		return o.kind == jsontext.KindTrue
	}
	return o.value
}

// size is a little more than they take once they were asked for.
func (o *others) size() int64 {
	if o == nil {
		return 0
	}
	size := int64(unsafe.Sizeof(*o)) + sizeOf(map[string]any{})
	for _, claim := range o.list {
		const slot = 80
		size += int64(unsafe.Sizeof(claim)) + slot + sizeOf(claim.value)
	}
	return size
}

// sizeOf is a little more than the size of a claim's value in memory. It
// counts a box for each value that an interface points to, and half-empty maps.
func sizeOf(value any) int64 {
	const box, slot = 24, 80
	switch v := value.(type) {
	case string:
		return box + int64(len(v))
	case []any:
		size := int64(box)
		for _, element := range v {
			size += 2*box + sizeOf(element)
		}
		return size
	case map[string]any:
		if v == nil {
			return 0
		}
		size := int64(8*slot + box) // a map has room for eight at least
		for name, element := range v {
			size += slot + int64(len(name)) + sizeOf(element)
		}
		return size
	}
	return box
}

// readOther reads a claim of which this package knows nothing. What the value of a string
// or number is, is found when it is asked for.
func (c *claimsReader) readOther(dec *jsontext.Decoder, name string) (err error) {
	claim := other{name: name, kind: dec.PeekKind()}
	switch claim.kind {
	case jsontext.KindString:
		claim.text, err = c.readString(dec)
	case jsontext.KindNumber:
		var raw jsontext.Value
		if raw, err = dec.ReadValue(); err == nil {
			end := int(dec.InputOffset())
			claim.text = c.text[end-len(raw) : end]
			_, err = number(claim.text)
		}
	default:
		claim.value, err = readAny(dec)
	}
	if c.others == nil {
		c.others = new(others)
	}
	c.others.list = append(c.others.list, claim)
	return err
}

// readAny reads a value of any kind into the types that [Claims.Extra] lists.
func readAny(dec *jsontext.Decoder) (any, error) {
	switch kind := dec.PeekKind(); {
	case (kind == jsontext.KindBeginObject || kind == jsontext.KindBeginArray) && dec.StackDepth() >= maxDepth:
		return nil, errTooDeep
	case kind == jsontext.KindBeginObject:
		object := map[string]any{}
		err := readObject(dec, func(name []byte) error {
			key := string(name)
			value, err := readAny(dec)
			object[key] = value
			return err
		})
		return object, err
	case kind == jsontext.KindBeginArray:
		if _, err := dec.ReadToken(); err != nil {
			return nil, err
		}
		array := []any{}
		for dec.PeekKind() != jsontext.KindEndArray {
			value, err := readAny(dec)
			if err != nil {
				return nil, err
			}
			array = append(array, value)
		}
		_, err := dec.ReadToken()
		return array, err
	}
	tok, err := dec.ReadToken()
	if err != nil {
		return nil, err
	}
	switch tok.Kind() {
	case jsontext.KindString:
		return tok.String(), nil
	case jsontext.KindNumber:
		return number(tok.String())
	case jsontext.KindTrue, jsontext.KindFalse:
		return tok.Kind() == jsontext.KindTrue, nil
	}
	return nil, nil
}

// number returns whole numbers as int64, so that an id of 17 digits does not lose
// its last one.
func number(s string) (any, error) {
	if i, err := strconv.ParseInt(s, 10, 64); err == nil {
		return i, nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return nil, errNumber
	}
	return f, nil
}
