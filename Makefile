# Caddy's own build tags: they leave out databases that nothing here uses.
TAGS := nobadger,nomysql,nopgx
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

.PHONY: test fmt vet staticcheck unit browser pictures build bench

# Everything that has to pass before a change is done.
test: fmt vet staticcheck unit

fmt:
	@files=$$(gofmt -l .); if [ -n "$$files" ]; then echo "not formatted (run gofmt -w):"; echo "$$files"; exit 1; fi

vet:
	go vet -tags $(TAGS) ./...

staticcheck:
	go run $(STATICCHECK) -tags $(TAGS) ./...

unit: browser
	go test -tags $(TAGS) -race -timeout 30m $(GOTESTFLAGS) ./...

# What the tests that look at pages need: installed where it is missing and may be.
browser:
	@internal/browser/install.sh

# The pictures of the README.
pictures: browser
	go test -tags $(TAGS) -count=1 ./internal/e2e -run '^TestPictures$$' -pictures

build:
	go build -tags $(TAGS) -o caddy ./cmd/caddy

# The figures of bench/README.md. PARTS="guard size" measures some of them and
# writes nothing; BENCHFLAGS=-quick shows in brief whether everything works.
bench:
	@bench/install-wrk.sh
	go run -tags $(TAGS) ./bench $(BENCHFLAGS) $(PARTS)
