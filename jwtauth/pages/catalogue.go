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

// words are the texts of the pages in one language.
type words struct {
	lang, dir string
	texts     map[string]string
}

// The two entries of a catalogue that are no texts.
const (
	dirKey = "dir"
	ltr    = "ltr"
	rtl    = "rtl"
)

// fallbackLang is the language of every text that another catalogue leaves out.
const fallbackLang = "en"

// maxAcceptLanguage bounds what is read of Accept-Language, in bytes: browsers
// send some dozens.
const maxAcceptLanguage = 512

// inBraces is what stands for a value in a text.
var inBraces = regexp.MustCompile(`\{\w+\}`)

// text is the text of a key, with {name} replaced for each pair of name and
// value. An unknown key, or a name left over, is an error.
func (w *words) text(key string, pairs ...any) (string, error) {
	text, ok := w.texts[key]
	if !ok {
		return "", fmt.Errorf("the catalogue has no %q", key)
	}
	replace := make([]string, 0, len(pairs))
	for i := 0; i+1 < len(pairs); i += 2 {
		replace = append(replace, fmt.Sprintf("{%v}", pairs[i]), fmt.Sprint(pairs[i+1]))
	}
	for _, name := range inBraces.FindAllString(text, -1) {
		if !slices.Contains(replace, name) {
			return "", fmt.Errorf("lang/%s.json: %s: there is no %s", w.lang, key, name)
		}
	}
	return strings.NewReplacer(replace...).Replace(text), nil
}

// languages are the catalogues of a theme.
type languages struct {
	all     []*words // the fallback first
	matcher language.Matcher
}

// newLanguages makes the catalogues: what extra has over what is built in, text
// by text. Both are JSON by name of language.
func newLanguages(builtIn, extra map[string][]byte) (languages, error) {
	english, err := parseWords(fallbackLang, builtIn[fallbackLang], nil)
	if err != nil {
		return languages{}, err
	}
	names := slices.Sorted(maps.Keys(builtIn))
	for name := range extra {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	names = slices.DeleteFunc(names, func(name string) bool { return name == fallbackLang })
	if english, err = parseWords(fallbackLang, extra[fallbackLang], english); err != nil {
		return languages{}, err
	}
	result := languages{all: []*words{english}}
	tags := []language.Tag{language.English}
	for _, name := range names {
		tag, err := language.Parse(name)
		if err != nil {
			return languages{}, fmt.Errorf("lang/%s.json: it takes a language such as de or pt-BR for its name: %w", name, err)
		}
		if tag.String() != name {
			return languages{}, fmt.Errorf("lang/%s.json: call it %s.json", name, tag)
		}
		w, err := parseWords(name, builtIn[name], english)
		if err == nil {
			w, err = parseWords(name, extra[name], w)
		}
		if err != nil {
			return languages{}, err
		}
		result.all = append(result.all, w)
		tags = append(tags, tag)
	}
	result.matcher = language.NewMatcher(tags)
	return result, nil
}

// parseWords reads a catalogue over another one, nil for the first of all, which
// says what texts there are.
func parseWords(lang string, data []byte, base *words) (*words, error) {
	w := &words{lang: lang, dir: ltr, texts: make(map[string]string)}
	if base != nil {
		maps.Copy(w.texts, base.texts)
		if base.lang == lang {
			w.dir = base.dir
		}
	}
	if data == nil {
		return w, nil
	}
	var texts map[string]string
	if err := json.Unmarshal(data, &texts); err != nil {
		return nil, fmt.Errorf("lang/%s.json: it takes one JSON object of texts: %w", lang, err)
	}
	if dir, ok := texts[dirKey]; ok {
		if dir != ltr && dir != rtl {
			return nil, fmt.Errorf("lang/%s.json: dir is ltr or rtl, not %q", lang, dir)
		}
		w.dir = dir
		delete(texts, dirKey)
	}
	for _, key := range slices.Sorted(maps.Keys(texts)) {
		if base != nil {
			if _, known := base.texts[key]; !known {
				return nil, fmt.Errorf("lang/%s.json: there is no text %q", lang, key)
			}
		}
		w.texts[key] = texts[key]
	}
	return w, nil
}

// match returns the catalogue for an Accept-Language header.
func (l languages) match(accept []string) *words {
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
