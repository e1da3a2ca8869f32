# Caddy's own build tags: they leave out databases that nothing here uses.
TAGS := nobadger,nomysql,nopgx
# go.mod names the toolchain to build with. Where another one is installed, the go
# command fetches that one from the module proxy.
export GOTOOLCHAIN := auto
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2

# Modules of their own, so that this one does not depend on what they need: the tests
# with a browser and with the real binary, and the test data of Project Wycheproof.
E2E := internal/e2e
WYCHEPROOF := jwtauth/accesstoken/wycheproof
NESTED := $(E2E) $(WYCHEPROOF)

.PHONY: help test quick fmt vet staticcheck vuln unit e2e wycheproof fuzz-short fuzz browser pictures build bench

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

test: fmt vet staticcheck vuln unit e2e wycheproof fuzz-short ## set up and prove everything: before a change is done

quick: fmt ## the tests that need no browser, less the slowest: while you work
	go test -short -tags $(TAGS) $(GOTESTFLAGS) ./...

fmt: ## find files that gofmt would change
	@files=$$(gofmt -l .); if [ -n "$$files" ]; then echo "not formatted (run gofmt -w):"; echo "$$files"; exit 1; fi

vet: ## run go vet on all modules
	go vet -tags $(TAGS) ./...
	@for module in $(NESTED); do go -C $$module vet -tags $(TAGS) ./... || exit 1; done

staticcheck: ## run staticcheck on all modules
	go run $(STATICCHECK) -tags $(TAGS) ./...
	@for module in $(NESTED); do go -C $$module run $(STATICCHECK) -tags $(TAGS) ./... || exit 1; done

vuln: ## look for known vulnerabilities, where vuln.go.dev can be reached
	@go run ./internal/vuln -- -tags $(TAGS) ./...

unit: ## run the tests of the module, with the race detector
	go test -tags $(TAGS) -race -timeout 30m $(GOTESTFLAGS) ./...

e2e: browser ## run the tests with a browser and with the real binary
	go -C $(E2E) test -tags $(TAGS) -race -timeout 30m $(GOTESTFLAGS) ./...

wycheproof: ## run the test vectors of Project Wycheproof (109 MB, fetched once)
	go -C $(WYCHEPROOF) test -tags $(TAGS) -race $(GOTESTFLAGS) ./...

# By count and not by time: before Go 1.27 a target that is still busy when its time is
# up can report that as a failure.
fuzz-short: ## fuzz every target in brief
	TAGS=$(TAGS) FUZZTIME=10000x FUZZSEEDS=1 internal/fuzz/run.sh

fuzz: export TAGS := $(TAGS)
fuzz: ## fuzz every target: 3m each, or `make fuzz FUZZTIME=1h FUZZ=Claims`
	internal/fuzz/run.sh

browser: ## install what the tests with a browser need, if it is missing
	@$(E2E)/browser/install.sh

pictures: browser ## make the pictures of the README from the real pages
	go -C $(E2E) test -tags $(TAGS) -count=1 . -run '^TestPictures$$' -pictures

build: ## build Caddy with this module: ./caddy
	go build -tags $(TAGS) -o caddy ./cmd/caddy

# PARTS="guard size" measures some of them and writes nothing; BENCHFLAGS=-quick shows in
# brief whether everything works.
bench: ## measure the figures of internal/bench/README.md
	@internal/bench/install-wrk.sh
	go run -tags $(TAGS) ./internal/bench $(BENCHFLAGS) $(PARTS)
