# Caddy's own build tags: they leave out databases that nothing here uses.
TAGS := nobadger,nomysql,nopgx
# go.mod names the toolchain to build with. Where another one is installed, the go
# command fetches that one from the module proxy.
export GOTOOLCHAIN := auto
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

# Modules of their own, so that this one does not depend on what they need: the
# test data of Project Wycheproof, and the caches that ours is compared with.
WYCHEPROOF := jwtauth/accesstoken/wycheproof
NESTED := $(WYCHEPROOF) bench/cache

.PHONY: test fmt vet staticcheck vuln unit wycheproof fuzz-short fuzz browser pictures build bench

# Everything that has to pass before a change is done.
test: fmt vet staticcheck vuln unit wycheproof fuzz-short

fmt:
	@files=$$(gofmt -l .); if [ -n "$$files" ]; then echo "not formatted (run gofmt -w):"; echo "$$files"; exit 1; fi

vet:
	go vet -tags $(TAGS) ./...
	@for module in $(NESTED); do go -C $$module vet -tags $(TAGS) ./... || exit 1; done

staticcheck:
	go run $(STATICCHECK) -tags $(TAGS) ./...
	@for module in $(NESTED); do go -C $$module run $(STATICCHECK) -tags $(TAGS) ./... || exit 1; done

# What is known of the Go and the modules that are built with, where vuln.go.dev can
# be reached.
vuln:
	@go run ./internal/vuln -- -tags $(TAGS) ./...

unit: browser
	go test -tags $(TAGS) -race -timeout 30m $(GOTESTFLAGS) ./...

wycheproof:
	go -C $(WYCHEPROOF) test -tags $(TAGS) -race $(GOTESTFLAGS) ./...

# Every fuzz target, for as long as nobody minds.
fuzz-short:
	TAGS=$(TAGS) FUZZTIME=3s FUZZSEEDS=1 internal/fuzz/run.sh

# Every fuzz target, for longer: 3m each, or `make fuzz FUZZTIME=1h FUZZ=Claims`.
fuzz: export TAGS := $(TAGS)
fuzz:
	internal/fuzz/run.sh

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
