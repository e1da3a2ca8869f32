package pages_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/pages"
	"github.com/caddy-jwtauth/caddy-jwtauth/jwtauth/policy"
)

// hint is a template that shows a word instead of its content.
func hint(word string) string {
	return `{{define "heading"}}` + word + `{{end}}{{define "content"}}{{end}}`
}

// Each file of a folder replaces the built-in one of the same name, and no other.
func TestThemeFilesReplaceTheBuiltIn(t *testing.T) {
	const mine = "Mine and no other"
	for _, name := range []string{"login.html", "logout.html", "account.html", "forbidden.html", "message.html", "layout.html", "style.css", "lang/en.json"} {
		t.Run(name, func(t *testing.T) {
			text := hint(mine)
			switch name {
			case "layout.html":
				text = `<!doctype html><title>{{template "heading" .}}</title>` + mine + `{{template "content" .}}`
			case "style.css":
				text = "/* " + mine + " */"
			case "lang/en.json":
				text = `{"sign_in": "` + mine + `"}`
			}
			s := newSite(t, pages.ThemeOptions{Folder: folder(t, map[string]string{name: text})})
			_, cookie := s.begin(t, "alice", firefox)
			refusals := pages.Refusals{Server: s.Server, SignInPage: "/login"}
			pages := map[string]answer{
				"login.html":     s.get(t, "/login"),
				"logout.html":    s.get(t, "/logout", cookie),
				"account.html":   s.get(t, "/account", cookie),
				"forbidden.html": refuse(t, func(w writer, r request) { refusals.Forbidden(w, r, &policy.Principal{}, policy.Rule{}, "") }),
				"message.html":   s.get(t, "/login?check=1"),
				"style.css":      s.get(t, "/login/style.css"),
			}
			for page, a := range pages {
				want := page == name || name == "layout.html" && page != "style.css" ||
					name == "lang/en.json" && (page == "login.html" || page == "message.html")
				if got := strings.Contains(a.body, mine); got != want {
					t.Errorf("%s: changed: %v, want %v\n%s", page, got, want, a.body)
				}
			}
		})
	}
}

// The site's name is on every page and in the window's title.
func TestTitle(t *testing.T) {
	theme := load(t, pages.ThemeOptions{Title: `Tom & "Jerry"`})
	speaks(t, theme).wantText(t, `<title>Sign in · Tom & "Jerry"</title>`, `<p class="site">Tom & "Jerry"</p>`)
	speaks(t, load(t, pages.ThemeOptions{})).wantText(t, "<title>Sign in</title>").wantNoText(t, `class="site"`)
}

func TestThemesThatAreRefused(t *testing.T) {
	big := strings.Repeat(" ", 1<<20+1)
	logo := folder(t, map[string]string{"logo.bmp": "x", "big.png": big, "folder.png/x": "x", "no-extension": "x"})
	notAFolder := filepath.Join(logo, "logo.bmp")
	for _, tc := range []struct {
		name    string
		files   map[string]string
		options pages.ThemeOptions
		// the error names them all
		want []string
	}{
		{"unknown template", map[string]string{"signin.html": "x"}, pages.ThemeOptions{},
			[]string{"signin.html", "account.html", "forbidden.html", "layout.html", "login.html", "logout.html", "message.html"}},
		{"template in capitals", map[string]string{"Login.HTML": "x"}, pages.ThemeOptions{}, []string{"Login.HTML", "login.html"}},
		{"broken template", map[string]string{"login.html": "\n\n{{if}}"}, pages.ThemeOptions{}, []string{"login.html:3"}},
		{"broken layout", map[string]string{"layout.html": "\n{{template}}"}, pages.ThemeOptions{}, []string{"layout.html:2"}},
		{"unknown field", map[string]string{"login.html": "{{define \"heading\"}}x{{end}}\n{{define \"content\"}}{{.Data.Nickname}}{{end}}"}, pages.ThemeOptions{},
			[]string{"login.html:2", "Nickname"}},
		{"unknown field where something went wrong", map[string]string{"login.html": "{{define \"heading\"}}x{{end}}{{define \"content\"}}{{if .Problems}}{{.Nickname}}{{end}}{{end}}"},
			pages.ThemeOptions{}, []string{"login.html:1", "Nickname"}},
		{"unknown text", map[string]string{"logout.html": "{{define \"heading\"}}x{{end}}{{define \"content\"}}{{.T \"sing_out\"}}{{end}}"}, pages.ThemeOptions{},
			[]string{"logout.html:1", "sing_out"}},
		{"no content", map[string]string{"login.html": `{{define "heading"}}x{{end}}`}, pages.ThemeOptions{}, []string{"content"}},
		{"two logos", map[string]string{"logo.png": "x", "logo.svg": "y"}, pages.ThemeOptions{}, []string{"logo", "keep one"}},
		{"two logos, one in capitals", map[string]string{"logo.png": "x", "logo.SVG": "y"}, pages.ThemeOptions{}, []string{"logo", "keep one"}},
		{"large template", map[string]string{"login.html": big}, pages.ThemeOptions{}, []string{"login.html", "1048576"}},
		{"large style", map[string]string{"style.css": big}, pages.ThemeOptions{}, []string{"style.css", "1048576"}},
		{"large image", map[string]string{"photo.webp": big}, pages.ThemeOptions{}, []string{"photo.webp", "1048576"}},
		{"large catalogue", map[string]string{"lang/de.json": big}, pages.ThemeOptions{}, []string{"lang/de.json", "1048576"}},
		{"folder in place of an image", map[string]string{"photo.png/x": "x"}, pages.ThemeOptions{}, []string{"photo.png"}},
		{"folder in place of a template", map[string]string{"login.html/x": "x"}, pages.ThemeOptions{}, []string{"login.html"}},
		{"no folder", nil, pages.ThemeOptions{Folder: "/nowhere/at/all"}, []string{"/nowhere/at/all"}},
		{"a file in place of the folder", nil, pages.ThemeOptions{Folder: notAFolder}, []string{notAFolder}},
		{"logo of another kind", nil, pages.ThemeOptions{Logo: notAFolder}, []string{notAFolder, ".png", ".svg"}},
		{"logo without an extension", nil, pages.ThemeOptions{Logo: filepath.Join(logo, "no-extension")}, []string{"no-extension", ".png"}},
		{"no logo there", nil, pages.ThemeOptions{Logo: filepath.Join(logo, "none.png")}, []string{"logo", "none.png"}},
		{"large logo", nil, pages.ThemeOptions{Logo: filepath.Join(logo, "big.png")}, []string{"logo", "big.png", "1048576"}},
		{"a folder for a logo", nil, pages.ThemeOptions{Logo: filepath.Join(logo, "folder.png")}, []string{"logo", "folder.png"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			o := tc.options
			if tc.files != nil {
				o.Folder = folder(t, tc.files)
			}
			_, err := pages.LoadTheme(o)
			if err == nil {
				t.Fatal("loaded")
			}
			for _, part := range tc.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q does not name %q", err, part)
				}
			}
		})
	}
}

// Errors name the folder and the file, since an operator may have several themes.
func TestThemeErrorsNameFolderAndFile(t *testing.T) {
	for name, text := range map[string]string{
		"login.html": "{{if}}", "logout.html": `{{define "heading"}}{{end}}`, "account.html": hint("{{.Nickname}}"), "lang/de.json": "[]", "style.css": strings.Repeat(" ", 1<<20+1),
	} {
		dir := folder(t, map[string]string{name: text})
		if _, err := pages.LoadTheme(pages.ThemeOptions{Folder: dir}); err == nil || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s of %s: %v", name, dir, err)
		}
	}
}

// A folder may have other files, such as a README, a designer's sources and what
// mounting it creates.
func TestThemeIgnoresTheRest(t *testing.T) {
	theme := load(t, pages.ThemeOptions{Folder: folder(t, map[string]string{
		"README.md": "x", "login.html.bak": "{{", "logo.psd": "x", "old/login.html": "{{", "..data/login.html": "{{", ".DS_Store": "x", "print.css": "x",
	})})
	speaks(t, theme).wantText(t, "<h1>Sign in</h1>").wantNoText(t, "<img")
	s := &pages.Server{Theme: theme, Cookies: alwaysOut{}}
	for _, name := range []string{"README.md", "login.html.bak", "logo.psd", "old/login.html", "print.css"} {
		serve(t, s, "GET", "/login/"+name, "").want(t, 404)
	}
}

func TestLogo(t *testing.T) {
	svg := `<svg xmlns="http://www.w3.org/2000/svg"/>`
	dir := folder(t, map[string]string{"ours.SVG": svg, "ours.jpeg": "jpeg"})
	with := folder(t, map[string]string{"logo.png": "png", "photo.webp": "webp"})
	for _, tc := range []struct {
		name       string
		options    pages.ThemeOptions
		file, kind string
		content    string
	}{
		{"option", pages.ThemeOptions{Logo: filepath.Join(dir, "ours.SVG")}, "logo.svg", "image/svg+xml", svg},
		{"of another kind", pages.ThemeOptions{Logo: filepath.Join(dir, "ours.jpeg")}, "logo.jpeg", "image/jpeg", "jpeg"},
		{"of the folder", pages.ThemeOptions{Folder: with}, "logo.png", "image/png", "png"},
		{"option over that of the folder", pages.ThemeOptions{Folder: with, Logo: filepath.Join(dir, "ours.SVG")}, "logo.svg", "image/svg+xml", svg},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.options.Title = "Acme"
			s := &pages.Server{Theme: load(t, tc.options), Cookies: alwaysOut{}}
			a := serve(t, s, "GET", "/login", "")
			image := a.tag(t, `alt="Acme"`)
			src := regexp.MustCompile(`src="(/login/` + regexp.QuoteMeta(tc.file) + `\?v=[0-9a-f]+)"`).FindStringSubmatch(image)
			if src == nil {
				t.Fatalf("the image is %s", image)
			}
			a.wantNoText(t, "<svg")
			logo := serve(t, s, "GET", src[1], "").want(t, 200)
			if logo.body != tc.content || logo.Header.Get("Content-Type") != tc.kind || !strings.Contains(logo.Header.Get("Cache-Control"), "immutable") {
				t.Errorf("%v %q", logo.Header, logo.body)
			}
			if tc.file != "logo.png" {
				serve(t, s, "GET", "/login/logo.png", "").want(t, 404)
			}
		})
	}
	speaks(t, load(t, pages.ThemeOptions{})).wantText(t, "<svg").wantNoText(t, "<img")
}

// More images of a folder are served, for templates and style.
func TestMoreImages(t *testing.T) {
	files := map[string]string{"a.svg": "", "b.png": "", "c.jpg": "", "d.gif": "", "e.webp": "", "f.avif": "", "favicon.ico": "", "two words.png": ""}
	for name := range files {
		files[name] = name + " content"
	}
	s := &pages.Server{Theme: load(t, pages.ThemeOptions{Folder: folder(t, files)}), Cookies: alwaysOut{}}
	for name, content := range files {
		a := serve(t, s, "GET", "/login/"+strings.ReplaceAll(name, " ", "%20"), "").want(t, 200)
		if a.body != content || !strings.HasPrefix(a.Header.Get("Content-Type"), "image/") {
			t.Errorf("%s: %v %q", name, a.Header, a.body)
		}
		// An image that is opened directly, as a page of this site, can do nothing.
		if !strings.Contains(a.Header.Get("Content-Security-Policy"), "default-src 'none'") || !strings.HasSuffix(a.Header.Get("Content-Security-Policy"), "; sandbox") ||
			a.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", name, a.Header)
		}
	}
}

// A folder made of links, as Kubernetes makes it, is read. A link to nothing or to a
// folder is an error.
func TestThemeOfLinks(t *testing.T) {
	real := folder(t, map[string]string{"style.css": "/* linked */", "lang/en.json": `{"sign_in": "Linked"}`})
	link := func(from, to string) string {
		t.Helper()
		dir := t.TempDir()
		if err := os.Symlink(filepath.Join(real, to), filepath.Join(dir, from)); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	s := &pages.Server{Theme: load(t, pages.ThemeOptions{Folder: link("style.css", "style.css")}), Cookies: alwaysOut{}}
	if a := serve(t, s, "GET", "/login/style.css", ""); a.body != "/* linked */" {
		t.Errorf("%q", a.body)
	}
	speaks(t, load(t, pages.ThemeOptions{Folder: link("lang", "lang")})).wantText(t, "Linked")
	speaks(t, load(t, pages.ThemeOptions{Folder: filepath.Join(link("theme", "."), "theme")})).wantText(t, "Linked")
	for _, to := range []string{"nothing", "lang"} {
		if _, err := pages.LoadTheme(pages.ThemeOptions{Folder: link("style.css", to)}); err == nil || !strings.Contains(err.Error(), "style.css") {
			t.Errorf("a link to %s: %v", to, err)
		}
	}
}

// Browsers cache the style without a limit: its address changes with it.
func TestStyle(t *testing.T) {
	built := &pages.Server{Theme: load(t, pages.ThemeOptions{}), Cookies: alwaysOut{}}
	mine := &pages.Server{Theme: load(t, pages.ThemeOptions{Folder: folder(t, map[string]string{"style.css": "/* mine */"})}), Cookies: alwaysOut{}}
	address := func(s *pages.Server) string {
		link := serve(t, s, "GET", "/login", "").tag(t, `rel="stylesheet"`)
		_, href, _ := strings.Cut(link, `href="`)
		href, _, _ = strings.Cut(href, `"`)
		return href
	}
	if address(built) == address(mine) {
		t.Errorf("two styles have one address, %s", address(mine))
	}
	a := serve(t, mine, "GET", address(mine), "").want(t, 200)
	etag := a.Header.Get("ETag")
	for name, want := range map[string]string{
		"Content-Type": "text/css; charset=utf-8", "Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff",
		"Content-Length": "10", "Set-Cookie": "",
	} {
		if got := a.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if a.body != "/* mine */" || len(etag) < 8 || etag[0] != '"' {
		t.Errorf("ETag %s, %q", etag, a.body)
	}
	if head := serve(t, mine, "HEAD", address(mine), "").want(t, 200); head.body != "" || head.Header.Get("Content-Length") != "10" {
		t.Errorf("HEAD: %v %q", head.Header, head.body)
	}
	// Another version, or none, gets the current file, which browsers revalidate.
	for _, target := range []string{address(built), "/login/style.css"} {
		old := serve(t, mine, "GET", target, "").want(t, 200)
		if old.body != "/* mine */" || old.Header.Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: %v %q", target, old.Header, old.body)
		}
	}
	if same := serve(t, mine, "GET", "/login/style.css", "", "If-None-Match: "+etag).want(t, 304); same.body != "" || same.Header.Get("ETag") != etag {
		t.Errorf("%v %q", same.Header, same.body)
	}
	serve(t, mine, "GET", "/login/style.css", "", `If-None-Match: "other"`).want(t, 200)
	for _, method := range []string{"POST", "DELETE", "OPTIONS"} {
		if a := serve(t, mine, method, "/login/style.css", "").want(t, 405); a.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %v", method, a.Header)
		}
	}
}

// Templates, texts and other files are not served.
func TestFilesThatAreNotServed(t *testing.T) {
	s := &pages.Server{Theme: load(t, pages.ThemeOptions{Folder: folder(t, map[string]string{"README.md": "x", "photo.png": "x"})}), Cookies: alwaysOut{}}
	for _, path := range []string{
		"/login/login.html", "/login/layout.html", "/login/lang/en.json", "/login/README.md", "/login/", "/login//style.css", "/login/./style.css",
		"/login/../x", "/login/../photo.png", "/login/../login/style.css", "/login/%2e%2e/photo.png", "/login/..%2fphoto.png", `/login/..\photo.png`,
		"/login/style.css/", "/login/Style.css", "/login/PHOTO.png", "/login/photo", "/login/x", "/login/photo.png%00", "/style.css",
	} {
		if a := serve(t, s, "GET", path, ""); a.StatusCode != 404 {
			t.Errorf("%s: status %d", path, a.StatusCode)
		}
	}
}
