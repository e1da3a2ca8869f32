package strictjson_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/strictjson"
)

func TestUnmarshal(t *testing.T) {
	type value struct {
		Name string         `json:"name"`
		More map[string]any `json:"more"`
	}
	var v value
	if err := strictjson.Unmarshal([]byte(` {"name":"a","more":{"b":[1]}} `), &v); err != nil || v.Name != "a" || v.More["b"] == nil {
		t.Errorf("%+v, %v", v, err)
	}
	long := strings.Repeat("ä", 100)
	for text, want := range map[string]struct {
		offset int64
		text   string
	}{
		``:                                       {0, "the JSON ends too early"},
		`{"name":"secret"`:                       {16, "the JSON ends too early"},
		`{"name":"secret","name":"b"}`:           {17, `member "name" is there twice`},
		`{"more":{"a":1,"\u0061":1}}`:            {15, `member "a" is there twice`},
		`{"Name":"secret"}`:                      {1, `unknown member "Name"`},
		`{"a\nb":"secret"}`:                      {1, `unknown member "a\nb"`},
		`{"` + long + `":"secret"}`:              {1, `unknown member "` + long[:64] + `"…`},
		`{"name":{"secret":1}}`:                  {8, `"/name" has a value of the wrong type`},
		"{\"name\":\"secret\xff\"}":              {15, "not valid JSON"},
		`{"name":"secret"} {}`:                   {18, "not valid JSON"},
		`{"name":'secret'}`:                      {8, "not valid JSON"},
		`{"more":{"secret":1e999}}`:              {0, ""},
		`{"more":` + strings.Repeat("[", 20_000): {0, ""},
	} {
		err := strictjson.Unmarshal([]byte(text), new(value))
		var wrong *strictjson.Error
		if !errors.As(err, &wrong) {
			t.Errorf("%.40s: %v", text, err)
			continue
		}
		if want.text != "" && (wrong.Offset != want.offset || wrong.Error() != want.text) {
			t.Errorf("%.40s: %d %q, want %d %q", text, wrong.Offset, wrong, want.offset, want.text)
		}
		if want.text != "" && strings.Contains(err.Error(), "secret") {
			t.Errorf("%.40s: a value in %q", text, err)
		}
	}
}
