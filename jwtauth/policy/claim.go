package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// Claim demands that a claim has one of some values.
type Claim struct {
	// Name is the exact name of a top-level claim. A dot is part of the name.
	Name string
	// Values: one of them is enough. A string claim is compared byte by byte, a
	// number or boolean by its JSON text ("42", "true"). Of an array one
	// element is enough. Null, objects and arrays in arrays equal no value.
	Values []string
}

// Validate returns an error for a claim without a name or without values.
func (c Claim) Validate() error {
	if c.Name == "" {
		return errors.New("a claim has no name")
	}
	if len(c.Values) == 0 {
		return fmt.Errorf("claim %q has no values and would let no one pass; name at least one", c.Name)
	}
	return nil
}

// holds reports whether p has the claim. A value of an unknown type equals no
// value, so that the guard refuses.
func (c *Claim) holds(p *Principal) bool {
	value, ok := p.Claim(c.Name)
	if !ok || c.Name == "" {
		return false
	}
	if list, ok := value.([]any); ok {
		return slices.ContainsFunc(list, c.equalsAny)
	}
	return c.equalsAny(value)
}

func (c *Claim) equalsAny(value any) bool {
	text, ok := jsonText(value)
	return ok && slices.Contains(c.Values, text)
}

// jsonText is the text by which a scalar claim is compared; see [Claims] for the
// types.
func jsonText(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case float64:
		text, err := json.Marshal(v) // refuses NaN and the infinities
		return string(text), err == nil
	default:
		return "", false
	}
}
