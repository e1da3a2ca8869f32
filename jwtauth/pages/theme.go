package pages

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
)

//go:embed theme
var embedded embed.FS

const (
	layoutFile = "layout.html"
	styleFile  = "style.css"
	logoName   = "logo" // with the extension of an image
	langFolder = "lang"

	// maxFile is the maximum size of a file of a theme, in bytes.
	maxFile = 1 << 20
)

// images are the image types that a theme may have, by extension.
var images = map[string]string{
	".svg": "image/svg+xml", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg",
	".gif": "image/gif", ".webp": "image/webp", ".avif": "image/avif", ".ico": "image/x-icon",
}

// ThemeOptions are the options of a theme.
type ThemeOptions struct {
	// Title is the name of the site, shown on each page. Default: none.
	Title string
	// Logo is the path of an image, shown on each page. Default: the logo of
	// Folder, else a built-in mark.
	Logo string
	// Folder has files that replace the built-in ones of the same name:
	// templates, style.css, logo.<image> and lang/<language>.json. It may have
	// more images. Default: none.
	Folder string
}

// Theme is the files that pages are made of: templates, style, images and texts,
// all of them in memory. It is safe for concurrent use.
type Theme struct {
	title, logo string
	templates   map[string]*template.Template
	files       map[string]file
	catalogues  catalogues
}

// file is a file of a theme that browsers request.
type file struct {
	data        []byte
	contentType string
	version     string // changes with data
}

// LoadTheme reads a theme and parses its files. Errors name the file, and the line of
// a template.
func LoadTheme(o ThemeOptions) (*Theme, error) {
	shared, err := loadFiles(o.Folder)
	if err != nil {
		return nil, err
	}
	t := *shared
	t.title = o.Title
	if o.Logo != "" {
		if err := t.setLogo(o.Logo); err != nil {
			return nil, err
		}
	}
	return &t, nil
}

// builtIn is the built-in theme. It is parsed once; the tests of this package check
// that it renders.
var builtIn = sync.OnceValues(func() (*Theme, error) {
	s, err := builtInSources()
	if err != nil {
		return nil, err
	}
	return newTheme(s)
})

// loadFiles returns the built-in theme, or one with the files of a folder, which is
// checked. It may be shared.
func loadFiles(folder string) (*Theme, error) {
	if folder == "" {
		return builtIn()
	}
	t, err := loadFolder(folder)
	if err == nil {
		err = t.check()
	}
	if err != nil {
		return nil, fmt.Errorf("theme %s: %w", folder, err)
	}
	return t, nil
}

func loadFolder(folder string) (*Theme, error) {
	s, err := builtInSources()
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(folder); err != nil {
		return nil, err
	}
	over, err := readTheme(os.DirFS(folder), s.templates)
	if err != nil {
		return nil, err
	}
	maps.Copy(s.templates, over.templates)
	maps.Copy(s.files, over.files)
	s.lang = over.lang
	return newTheme(s)
}

// newTheme parses the files of a theme.
func newTheme(s sources) (*Theme, error) {
	t := &Theme{files: make(map[string]file)}
	for name, data := range s.files {
		t.files[name] = newFile(name, data)
		if isLogo(name) {
			t.logo = name
		}
	}
	var err error
	if t.catalogues, err = newCatalogues(s.builtInLang, s.lang); err != nil {
		return nil, err
	}
	return t, t.parse(s.templates)
}

// setLogo replaces the theme's logo by an image.
func (t *Theme) setLogo(path string) error {
	ext := strings.ToLower(filepath.Ext(path))
	if images[ext] == "" {
		return fmt.Errorf("logo %s: it has to be an image: %s", path, strings.Join(slices.Sorted(maps.Keys(images)), " "))
	}
	data, err := readFile(os.DirFS(filepath.Dir(path)), filepath.Base(path))
	if err != nil {
		return fmt.Errorf("logo %s: %w", path, err)
	}
	t.files = maps.Clone(t.files) // the map is shared
	maps.DeleteFunc(t.files, func(name string, _ file) bool { return isLogo(name) })
	t.logo = logoName + ext
	t.files[t.logo] = newFile(t.logo, data)
	return nil
}

func isLogo(name string) bool {
	return images[strings.ToLower(filepath.Ext(name))] != "" && strings.TrimSuffix(name, filepath.Ext(name)) == logoName
}

func newFile(name string, data []byte) file {
	contentType := images[strings.ToLower(filepath.Ext(name))]
	if name == styleFile {
		contentType = "text/css; charset=utf-8"
	}
	sum := sha256.Sum256(data)
	return file{data: data, contentType: contentType, version: hex.EncodeToString(sum[:6])}
}

// sources are the files of a theme before they are parsed.
type sources struct {
	templates         map[string]string
	files             map[string][]byte
	builtInLang, lang map[string][]byte
}

func builtInSources() (sources, error) {
	folder, err := fs.Sub(embedded, "theme")
	if err != nil {
		return sources{}, err
	}
	s, err := readTheme(folder, nil)
	s.builtInLang, s.lang = s.lang, nil
	return s, err
}

// readTheme reads a folder. known are the built-in templates: a folder may have no
// others. It is nil for the built-in folder.
func readTheme(folder fs.FS, known map[string]string) (sources, error) {
	s := sources{templates: make(map[string]string), files: make(map[string][]byte), lang: make(map[string][]byte)}
	entries, err := fs.ReadDir(folder, ".")
	if err != nil {
		return s, err
	}
	logos := 0
	for _, entry := range entries {
		name := entry.Name()
		ext := strings.ToLower(filepath.Ext(name))
		isImage := images[ext] != ""
		if ext != ".html" && name != styleFile && !isImage {
			continue // such as a README
		}
		if ext == ".html" && known != nil && known[name] == "" {
			return s, fmt.Errorf("%s: there is no such template; there are %s", name, strings.Join(slices.Sorted(maps.Keys(known)), " "))
		}
		if isLogo(name) {
			if logos++; logos > 1 {
				return s, errors.New("there are two files named logo: keep one")
			}
		}
		data, err := readFile(folder, name)
		if err != nil {
			return s, err
		}
		if ext == ".html" {
			s.templates[name] = string(data)
		} else {
			s.files[name] = data
		}
	}
	catalogues, err := fs.Glob(folder, langFolder+"/*.json")
	if err != nil {
		return s, err
	}
	for _, name := range catalogues {
		data, err := readFile(folder, name)
		if err != nil {
			return s, err
		}
		s.lang[strings.TrimSuffix(strings.TrimPrefix(name, langFolder+"/"), ".json")] = data
	}
	return s, nil
}

func readFile(folder fs.FS, name string) ([]byte, error) {
	info, err := fs.Stat(folder, name)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s: it is not a file", name)
	case info.Size() > maxFile:
		return nil, fmt.Errorf("%s: it is larger than %d bytes", name, maxFile)
	}
	return fs.ReadFile(folder, name)
}

// parse makes a template for each page, with the layout in it.
func (t *Theme) parse(texts map[string]string) error {
	layout, err := template.New(layoutFile).Parse(texts[layoutFile])
	if err != nil {
		return err
	}
	t.templates = make(map[string]*template.Template)
	for name, text := range texts {
		if name == layoutFile {
			continue
		}
		page, err := layout.Clone()
		if err == nil {
			_, err = page.New(name).Parse(text)
		}
		if err != nil {
			return err
		}
		t.templates[name] = page
	}
	return nil
}

func (t *Theme) catalogue(accept []string) *catalogue { return t.catalogues.match(accept) }

// hasFile reports whether browsers may request a file of that name.
func (t *Theme) hasFile(name string) bool {
	_, ok := t.files[name]
	return ok
}

// fileURL returns the URL of a file. It changes with the file, so browsers may cache
// it without a limit.
func (t *Theme) fileURL(folder, name string) string {
	return folder + name + "?v=" + t.files[name].version
}

func (t *Theme) serveFile(w http.ResponseWriter, r *http.Request, name string) {
	f := t.files[name]
	h := w.Header()
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		return
	}
	h.Set("Content-Type", f.contentType)
	h.Set("X-Content-Type-Options", "nosniff")
	// An SVG that is opened directly is a page of this site.
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox")
	h.Set("ETag", `"`+f.version+`"`)
	if r.URL.Query().Get("v") == f.version {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		h.Set("Cache-Control", "no-cache")
	}
	if r.Header.Get("If-None-Match") == `"`+f.version+`"` {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(f.data)))
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(f.data) // an error here: the client is gone
	}
}
