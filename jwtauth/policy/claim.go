package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// Claim asks that a claim has one of some values.
type Claim struct {
	// Name is the exact name of a top-level claim. A dot is part of the name.
	Name string `json:"name"`
	// Values: one of them is enough. A string claim is compared byte by byte,
	// a number or boolean by its JSON text ("42", "true"), and of an array
	// of those one element is enough. Null, objects and arrays in arrays
	// equal nothing.
	Values []string `json:"values"`
}

// Validate reports a claim without name or without values.
func (c Claim) Validate() error {
	if c.Name == "" {
		return errors.New("a claim has no name")
	}
	if len(c.Values) == 0 {
		return fmt.Errorf("claim %q has no values and would let nobody pass; name at least one", c.Name)
	}
	return nil
}

// holds fails closed: what it does not know equals nothing.
func (c *Claim) holds(p *Principal) bool {
	value, ok := p.Claim(c.Name)
	if !ok || c.Name == "" {
		return false
	}
	switch list := value.(type) {
	case []any:
		for _, element := range list {
			if c.equalsAny(element) {
				return true
			}
		}
		return false
	case []string:
		for _, element := range list {
			if slices.Contains(c.Values, element) {
				return true
			}
		}
		return false
	default:
		return c.equalsAny(value)
	}
}

func (c *Claim) equalsAny(value any) bool {
	text, ok := jsonText(value)
	return ok && slices.Contains(c.Values, text)
}

// jsonText is the text a scalar claim is compared by. Claims come from JSON and
// from configuration, so integers of Go are known too.
func jsonText(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case json.Number:
		return v.String(), v != ""
	case float64, float32, int, int64, int32, int16, int8, uint, uint64, uint32, uint16, uint8:
		text, err := json.Marshal(v) // refuses NaN and the infinities
		return string(text), err == nil
	default:
		return "", false
	}
}
