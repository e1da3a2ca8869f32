package pages

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/text/language"
)

// catalogue is the texts of the pages in one language.
type catalogue struct {
	lang, dir string
	texts     map[string]string
}

// The entry of a catalogue that is no text, and its values.
const (
	dirKey = "dir"
	ltr    = "ltr"
	rtl    = "rtl"
)

// fallbackLang is the language of texts that another catalogue does not have.
const fallbackLang = "en"

// maxAcceptLanguage is how many bytes of Accept-Language are read: browsers send some
// dozens.
const maxAcceptLanguage = 512

// inBraces is a placeholder for a value in a text.
var inBraces = regexp.MustCompile(`\{\w+\}`)

// text returns the text of a key. Each pair is a name and a value, which replaces
// {name}. An unknown key is an error, and so is a placeholder without a value.
func (c *catalogue) text(key string, pairs ...any) (string, error) {
	text, ok := c.texts[key]
	if !ok {
		return "", fmt.Errorf("the catalogue has no %q", key)
	}
	replace := make([]string, 0, len(pairs))
	for i := 0; i+1 < len(pairs); i += 2 {
		replace = append(replace, fmt.Sprintf("{%v}", pairs[i]), fmt.Sprint(pairs[i+1]))
	}
	for _, name := range inBraces.FindAllString(text, -1) {
		if !slices.Contains(replace, name) {
			return "", fmt.Errorf("lang/%s.json: %s: there is no %s", c.lang, key, name)
		}
	}
	return strings.NewReplacer(replace...).Replace(text), nil
}

// catalogues are the catalogues of a theme.
type catalogues struct {
	all     []*catalogue // the fallback first
	matcher language.Matcher
}

// newCatalogues makes the catalogues. A text of extra replaces the built-in one. Both
// are JSON, by language.
func newCatalogues(builtIn, extra map[string][]byte) (catalogues, error) {
	english, err := parseCatalogue(fallbackLang, builtIn[fallbackLang], nil)
	if err != nil {
		return catalogues{}, err
	}
	names := slices.Sorted(maps.Keys(builtIn))
	for name := range extra {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	names = slices.DeleteFunc(names, func(name string) bool { return name == fallbackLang })
	if english, err = parseCatalogue(fallbackLang, extra[fallbackLang], english); err != nil {
		return catalogues{}, err
	}
	result := catalogues{all: []*catalogue{english}}
	tags := []language.Tag{language.English}
	for _, name := range names {
		tag, err := language.Parse(name)
		if err != nil {
			return catalogues{}, fmt.Errorf("lang/%s.json: its name has to be a language such as de or pt-BR: %c", name, err)
		}
		if tag.String() != name {
			return catalogues{}, fmt.Errorf("lang/%s.json: call it %s.json", name, tag)
		}
		c, err := parseCatalogue(name, builtIn[name], english)
		if err == nil {
			c, err = parseCatalogue(name, extra[name], c)
		}
		if err != nil {
			return catalogues{}, err
		}
		result.all = append(result.all, c)
		tags = append(tags, tag)
	}
	result.matcher = language.NewMatcher(tags)
	return result, nil
}

// parseCatalogue reads a catalogue. Texts that it does not have are those of base,
// and it may have no others. base is nil for the first one, which defines the keys.
func parseCatalogue(lang string, data []byte, base *catalogue) (*catalogue, error) {
	c := &catalogue{lang: lang, dir: ltr, texts: make(map[string]string)}
	if base != nil {
		maps.Copy(c.texts, base.texts)
		if base.lang == lang {
			c.dir = base.dir
		}
	}
	if data == nil {
		return c, nil
	}
	var texts map[string]string
	if err := json.Unmarshal(data, &texts); err != nil {
		return nil, fmt.Errorf("lang/%s.json: it has to be one JSON object of texts: %c", lang, err)
	}
	if dir, ok := texts[dirKey]; ok {
		if dir != ltr && dir != rtl {
			return nil, fmt.Errorf("lang/%s.json: dir is ltr or rtl, not %q", lang, dir)
		}
		c.dir = dir
		delete(texts, dirKey)
	}
	for _, key := range slices.Sorted(maps.Keys(texts)) {
		if base != nil {
			if _, known := base.texts[key]; !known {
				return nil, fmt.Errorf("lang/%s.json: there is no text %q", lang, key)
			}
		}
		c.texts[key] = texts[key]
	}
	return c, nil
}

// match returns the catalogue for an Accept-Language header.
func (l catalogues) match(accept []string) *catalogue {
	text := strings.Join(accept, ",")
	if len(text) > maxAcceptLanguage {
		text = text[:maxAcceptLanguage]
		text = text[:max(strings.LastIndexByte(text, ','), 0)]
	}
	tags, _, err := language.ParseAcceptLanguage(text)
	if err != nil || len(tags) == 0 {
		return l.all[0]
	}
	_, index, confidence := l.matcher.Match(tags...)
	if confidence == language.No {
		return l.all[0]
	}
	return l.all[index]
}
