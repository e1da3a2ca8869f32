package pages_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/pages"
)

// catalogues are the built-in texts, by language.
func catalogues(t testing.TB) map[string]map[string]string {
	t.Helper()
	names, err := filepath.Glob("theme/lang/*.json")
	if err != nil || len(names) < 2 {
		t.Fatalf("%v, %v", names, err)
	}
	all := make(map[string]map[string]string)
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var texts map[string]string
		if err := json.Unmarshal(data, &texts); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all[strings.TrimSuffix(filepath.Base(name), ".json")] = texts
	}
	return all
}

// speaks returns a page in the language that was asked for.
func speaks(t testing.TB, theme *pages.Theme, accept ...string) answer {
	t.Helper()
	headers := make([]string, len(accept))
	for i, line := range accept {
		headers[i] = "Accept-Language: " + line
	}
	return serve(t, &pages.Server{Theme: theme, Cookies: alwaysOut{}}, "GET", "/login", "", headers...).want(t, 200)
}

func TestLanguage(t *testing.T) {
	theme := load(t, pages.ThemeOptions{})
	for _, tc := range []struct {
		name, accept, want string
	}{
		{"one that there is", "de", "de"},
		{"of a country", "de-AT", "de"},
		{"of another country", "fr-CA,fr;q=0.8", "fr"},
		{"pt", "pt", "pt"},
		{"pt of Brazil", "pt-BR", "pt"},
		{"in capitals", "DE", "de"},
		{"another script", "zh-TW", "zh"},
		{"English of a country", "en-GB", "en"},
		{"the first that there is", "x-klingon, sw;q=0.9, nl;q=0.5, en;q=0.1", "nl"},
		{"the one liked best", "en;q=0.5, es;q=0.9", "es"},
		{"one that is refused", "de;q=0, it", "it"},
		{"right to left", "ar-EG", "ar"},
		{"one that there is not", "x-klingon", "en"},
		{"another that there is not", "sw", "en"},
		{"any", "*", "en"},
		{"nothing", "", "en"},
		{"garbage", `;;q=,"<>`, "en"},
		{"not UTF-8", "\xff\xfe", "en"},
		{"long", strings.Repeat("sw,", 33<<10) + "de", "en"},
		{"long, in one", strings.Repeat("x", 100<<10), "en"},
		{"long, and cut within a word", "de," + strings.Repeat("x", 1000), "de"},
		{"long, and begun well", "de," + strings.Repeat("sw,", 33<<10), "de"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := speaks(t, theme, tc.accept)
			if got := a.Header.Get("Content-Language"); got != tc.want {
				t.Errorf("Content-Language is %q, want %q", got, tc.want)
			}
			dir := "ltr"
			if tc.want == "ar" {
				dir = "rtl"
			}
			a.wantText(t, `<html lang="`+tc.want+`" dir="`+dir+`">`, catalogues(t)[tc.want]["sign_in"])
		})
	}
	// Headers may come in several lines (RFC 9110 §5.3).
	if got := speaks(t, theme, "sw", "de").Header.Get("Content-Language"); got != "de" {
		t.Errorf("of two lines: %q", got)
	}
}

var placeholder = regexp.MustCompile(`\{[^}]*\}`)

// Every catalogue has all texts, with the same placeholders.
func TestCataloguesAreComplete(t *testing.T) {
	all := catalogues(t)
	english := all["en"]
	for lang, texts := range all {
		for key, text := range english {
			got, ok := texts[key]
			if !ok || strings.TrimSpace(got) == "" {
				t.Errorf("%s: %s is missing", lang, key)
				continue
			}
			a, b := placeholder.FindAllString(text, -1), placeholder.FindAllString(got, -1)
			slices.Sort(a)
			slices.Sort(b)
			if !slices.Equal(a, b) {
				t.Errorf("%s: %s has the placeholders %v, want %v", lang, key, b, a)
			}
		}
		for key := range texts {
			if _, ok := english[key]; !ok && key != "dir" {
				t.Errorf("%s: %s is no text of the pages", lang, key)
			}
		}
		if dir := texts["dir"]; (dir == "rtl") != (lang == "ar") {
			t.Errorf("%s: dir is %q", lang, dir)
		}
	}
}

// No catalogue has a text that no page uses.
func TestEveryTextIsUsed(t *testing.T) {
	var source strings.Builder
	for _, pattern := range []string{"*.go", "theme/*.html"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") || name == "try.go" {
				continue
			}
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			source.Write(data)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(catalogues(t)["en"])) {
		name := strings.TrimSuffix(strings.TrimSuffix(key, "_heading"), "_text")
		if !strings.Contains(source.String(), `"`+key+`"`) && (name == key || !strings.Contains(source.String(), `= "`+name+`"`)) {
			t.Errorf("%s is used nowhere", key)
		}
	}
}

// folder writes the files of a theme to a folder and returns its path.
func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// A theme may replace some texts, and add languages.
func TestCataloguesOfAFolder(t *testing.T) {
	theme := load(t, pages.ThemeOptions{Folder: folder(t, map[string]string{
		"lang/en.json":      `{"sign_in": "Come in"}`,
		"lang/de.json":      `{"username": "Wer?"}`,
		"lang/he.json":      `{"dir": "rtl", "sign_in": "כניסה"}`,
		"lang/pt-BR.json":   `{"sign_in": "Entrar já"}`,
		"lang/ar.json":      `{"sign_in": "ادخل"}`,
		"lang/notes.txt":    `not a catalogue`,
		"lang/old/sv.json":  `not one either`,
		"lang/README.json~": `nor this`,
	})})
	german := catalogues(t)["de"]
	speaks(t, theme, "en").wantText(t, "<h1>Come in</h1>", ">User name<")
	speaks(t, theme, "de").wantText(t, "<h1>"+german["sign_in"]+"</h1>", ">Wer?<", ">"+german["password"]+"<")
	// Texts that a catalogue does not have are English, those of the folder first.
	speaks(t, theme, "he").wantText(t, `<html lang="he" dir="rtl">`, "<h1>כניסה</h1>", ">User name<")
	speaks(t, theme, "pt-BR").wantText(t, `lang="pt-BR"`, "<h1>Entrar já</h1>")
	speaks(t, theme, "pt-PT").wantText(t, `lang="pt"`, "<h1>"+catalogues(t)["pt"]["sign_in"]+"</h1>")
	// A catalogue that is changed keeps its direction.
	speaks(t, theme, "ar").wantText(t, `<html lang="ar" dir="rtl">`, "<h1>ادخل</h1>")
	speaks(t, theme, "sv").wantText(t, `lang="en"`)
}

func TestCataloguesThatAreRefused(t *testing.T) {
	for _, tc := range []struct {
		name, file, text string
		// the error names them all
		want []string
	}{
		{"unknown key", "lang/de.json", `{"sign_in": "Los", "sing_in": "Los"}`, []string{"lang/de.json", `"sing_in"`}},
		{"unknown key in English", "lang/en.json", `{"sing_in": "Go"}`, []string{"lang/en.json", `"sing_in"`}},
		{"unknown key in a new language", "lang/sv.json", `{"sing_in": "Gå"}`, []string{"lang/sv.json", `"sing_in"`}},
		{"no JSON", "lang/de.json", `{"sign_in": "Los"`, []string{"lang/de.json", "JSON"}},
		{"no object", "lang/de.json", `[]`, []string{"lang/de.json"}},
		{"no text", "lang/de.json", `{"sign_in": 1}`, []string{"lang/de.json"}},
		{"direction", "lang/sv.json", `{"dir": "left"}`, []string{"lang/sv.json", `"left"`, "ltr", "rtl"}},
		{"no language", "lang/klingon!.json", `{}`, []string{"lang/klingon!.json", "pt-BR"}},
		// A visitor would see the braces.
		{"unknown placeholder", "lang/de.json", `{"signed_in_as": "Hallo {nutzer}"}`, []string{"de", "{nutzer}"}},
		{"placeholder of another text", "lang/en.json", `{"continue": "Go on, {user}"}`, []string{"en", "{user}"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := pages.LoadTheme(pages.ThemeOptions{Folder: folder(t, map[string]string{tc.file: tc.text})})
			if err == nil {
				t.Fatal("loaded")
			}
			for _, part := range tc.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not name %s", err, part)
				}
			}
		})
	}
}

// An empty text is accepted.
func TestEmptyTextIsAText(t *testing.T) {
	theme := load(t, pages.ThemeOptions{Folder: folder(t, map[string]string{"lang/en.json": `{"keep_hint": ""}`})})
	speaks(t, theme, "en").wantNoText(t, catalogues(t)["en"]["keep_hint"])
	speaks(t, theme, "de").wantText(t, catalogues(t)["de"]["keep_hint"])
}

// For every Accept-Language the whole page is in one language, of those there are.
func FuzzAcceptLanguage(f *testing.F) {
	for _, seed := range []string{
		"", "*", "de", "de-AT,de;q=0.9,en;q=0.8", "fr-CA", "zh-TW", "x-klingon", "pt", ";;q=,", "de;q=x", "en-US-u-co-phonebk-x-y", "\xff",
		"i-klingon", "de;q=-1", "a-b-c-d-e-f", strings.Repeat("de-", 400), strings.Repeat("de,", 400), "-", ",", "und", "mul", "de;q=1e9",
	} {
		f.Add(seed)
	}
	all := catalogues(f)
	theme := load(f, pages.ThemeOptions{})
	f.Fuzz(func(t *testing.T, accept string) {
		a := speaks(t, theme, accept)
		lang := a.Header.Get("Content-Language")
		texts, ok := all[lang]
		if !ok || !strings.Contains(a.body, fmt.Sprintf(`<html lang="%s" dir=`, lang)) || !strings.Contains(a.body, "<h1>"+texts["sign_in"]+"</h1>") {
			t.Fatalf("%q: the page is in %q:\n%s", accept, lang, a.body)
		}
	})
}

// TestPlainCookieBehindProxyInEveryLanguage: the page shows the line that repairs the
// proxy's configuration, and asks for no password before.
func TestPlainCookieBehindProxyInEveryLanguage(t *testing.T) {
	s := newSite(t)
	for lang := range catalogues(t) {
		for _, method := range []string{"GET", "POST"} {
			s.do(t, method, "/login", "username=alice&password=x", "Host-Hidden: 1", "Accept-Language: "+lang).
				want(t, 400).wantText(t, "proxy_set_header Host $host;")
		}
	}
}

// TestCheckSaysNothingOfAPassword: any site can link to the page that checks the
// cookie, so that page must not claim that a password was right or wrong.
func TestCheckSaysNothingOfAPassword(t *testing.T) {
	s := newSite(t)
	for lang, texts := range catalogues(t) {
		for _, cookie := range []string{"", "Cookie: jwtauth=dead"} {
			body := strings.ToLower(s.do(t, "GET", "/login?check=1", "", cookie, "Accept-Language: "+lang, "Sec-Fetch-Site: cross-site").want(t, 400).body)
			if strings.Contains(body, strings.ToLower(texts["password"])) {
				t.Errorf("%s: %s", lang, body)
			}
		}
	}
}
