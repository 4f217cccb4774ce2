# `make` lists the targets. Everything they need is brought by .ci/setup, which says what it
# does and takes a fraction of a second once it is done.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PORT ?= 8080
# Runs of each Go fuzz target (or a time), and runs of each Erlang property, in `make test-full`.
FUZZTIME ?= 100000x
PROPER_TESTS ?= 2000

GOFUMPT     := go run mvdan.cc/gofumpt@v0.12.0
STATICCHECK := go run honnef.co/go/tools/cmd/staticcheck@v0.8.2
DEADCODE    := go run golang.org/x/tools/cmd/deadcode@v0.52.0

# What a module of its own, apps/chat or one below test/, has to pass. -count=1: Go's memory of what has passed knows nothing of the Erlang half.
CHECK_MODULE = go mod tidy -diff && go vet ./... && $(STATICCHECK) ./... && go test -count=1 ./...

# Our Go files, those of the other modules included; _build and _checkouts hold others'.
GOFILES = $(shell find . \( -name '_*' -o -name '.?*' -o -name testdata -o -name node_modules \) -prune \
	-o -name '*.go' -print)
# Go modules of their own: the chat, third-party handlers, benchmarks. Those in test/long take minutes each.
LONGMODULES = $(patsubst %/go.mod,%,$(wildcard test/long/*/go.mod))
GOMODULES = $(filter-out $(LONGMODULES),$(patsubst %/go.mod,%,$(wildcard apps/*/go.mod test/*/go.mod test/*/*/go.mod)))
SLOW_SUITES = $(wildcard test/slow/*_SUITE.erl)

# Makes that can (GNU make 4) keep the output of two halves apart, a recipe line at a time.
SYNC := $(if $(filter output-sync,$(.FEATURES)),--output-sync=line)

.PHONY: help demo build test test-go test-erl test-full full-go full-erl test-long test-browser test-sid test-trixie bench bench-quick bench-growth bench-attacks bench-profile bench-build \
	bench-etf compare planted soak lint-go lint-erl release-check fmt clean clean-chroot

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## Serve the bundled apps on http://localhost:8080 (PORT=...; 0 picks one) until Ctrl-C
	@.ci/setup demo
	@rebar3 compile
	@exec cmd/gwport/demo.sh "$(PORT)"

build: ## Compile the Erlang application and the port program, priv/gwport
	@.ci/setup demo
	rebar3 compile

test: ## Check and test everything that is quick, Go and Erlang side by side (ten minutes)
	@.ci/setup test
	@compgen -G '_build/default/*_plt' >/dev/null || echo "Dialyzer's first run takes a minute more."
	@$(MAKE) --no-print-directory -k -j2 $(SYNC) test-go test-erl
	@echo "make test: all passed"

test-go: lint-go
	go test -race ./...

test-erl: lint-erl
	QUIET=1 rebar3 as lint do eunit, ct

test-full: ## The slow rest of the tests: fuzzing, more properties, slow suites, Go modules of their own
	@.ci/setup full
	@$(MAKE) --no-print-directory -k full-go full-erl
	@echo "make test-full: all passed"

# Fuzzing is counted in runs: by the clock, Go before 1.27 fails a run that its end finds busy (go.dev/issue/75804).
full-go:
	@QUIET=1 rebar3 compile
	@echo "deadcode"; dead=$$($(DEADCODE) -test ./... | { grep -v 'func: Example' || :; }); [[ -z $$dead ]] || { echo "$$dead"; exit 1; }
	@for dir in $(GOMODULES); do \
		echo "== $$dir"; (cd $$dir && $(CHECK_MODULE)); \
	done
	@go test -list '^Fuzz' ./... | \
		awk '/^Fuzz/ { names[n++] = $$1 } /^ok/ { for (i = 0; i < n; i++) print $$2, names[i]; n = 0 }' | \
		while read -r package name; do \
			echo "== fuzzing $$package $$name for $(FUZZTIME)"; \
			go test "$$package" -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 100x </dev/null; \
		done

# A property takes its number of runs from GWPORT_PROPER_TESTS.
full-erl:
	GWPORT_PROPER_TESTS=$(PROPER_TESTS) QUIET=1 rebar3 as lint eunit
ifneq ($(SLOW_SUITES),)
	QUIET=1 rebar3 as lint ct --dir test/slow
endif

test-long: ## What takes longest: test/long (connectrpc's conformance suite, the siege of the process tree), test-browser, planted faults, test-trixie, test-sid
	@.ci/setup long
	QUIET=1 rebar3 as lint ct --dir test/long
	@for dir in $(LONGMODULES); do \
		echo "== $$dir"; (cd $$dir && $(CHECK_MODULE)); \
	done
	@$(MAKE) --no-print-directory test-browser
	@$(MAKE) --no-print-directory planted
	@$(MAKE) --no-print-directory test-trixie
	@$(MAKE) --no-print-directory test-sid
	@echo "make test-long: all passed"

test-browser: ## What a page in Chromium, and npm's ws, see of gwport (four minutes)
	@.ci/setup long
	@QUIET=1 rebar3 compile
	@$(MAKE) --no-print-directory test/browser/node_modules/.package-lock.json
	@cd test/browser && npm test

test/browser/node_modules/.package-lock.json: test/browser/package-lock.json
	cd test/browser && npm ci

test-sid: ## The Erlang tests on Debian sid, the newest Erlang/OTP and Cowboy there are, in a chroot; needs root
	@.ci/chroot sid

test-trixie: ## The same on Debian 13 (OTP 27, Cowboy 2.12)
	@.ci/chroot trixie

# Flags of the bench, as BENCH='-only gwport -loads hello'; -help lists them. With any, what it finds is printed and
# the committed results stay, unless -out is among them.
BENCH ?=
BENCHER = _build/bench/bench -root .

bench: bench-build ## Measure gwport beside the alternatives into test/bench/RESULTS.md and README.md (40 minutes)
	@$(BENCHER) $(if $(BENCH),$(BENCH),-out test/bench -readme README.md)

# BEFORE=folder has an earlier tree, built, take part: four minutes more.
bench-quick: bench-build ## Seven loads in four minutes; prints what it found
	@$(BENCHER) -quick -duration 1s $(if $(BEFORE),-before '$(BEFORE)') $(BENCH)

bench-growth: bench-build ## How costs grow with streams, sizes, fields, routes and ports, into RESULTS.md beside the rest (half an hour)
	@$(BENCHER) -growth $(if $(BENCH),$(BENCH),-out test/bench -resume)

bench-attacks: bench-build ## Hello's latency beside attacks, by Cowboy's own handler and both mounts (three minutes)
	@$(BENCHER) -attacks $(BENCH)

bench-profile: bench-build ## Where the time of a hello goes, into test/bench/PROFILE.md (two minutes)
	@$(BENCHER) -profile $(if $(BENCH),$(BENCH),-out test/bench)

bench-etf: ## Measure etf beside other codecs and Erlang's own into test/etfbench/RESULTS.md (two minutes)
	@.ci/setup test
	@test/etfbench/bench.sh

bench-build:
	@.ci/setup bench
	@QUIET=1 rebar3 compile
	@QUIET=1 rebar3 as bench compile
	@cd test/bench && go build -o ../../_build/bench/bench .

# Flags of the comparison, as COMPARE='-only "targets/" -failures'.
COMPARE ?=

compare: ## Send the same requests to net/http and to gwport, a line for each case
	@.ci/setup test
	@QUIET=1 rebar3 compile
	@cd test/compare && go run . $(COMPARE)

planted: ## Plant faults in gwport, one by one, and see each turn the comparison's cases red
	@.ci/setup test
	@QUIET=1 rebar3 compile
	@cd test/compare && go run . -planted $(COMPARE)

# Flags of the soak, as SOAK='-duration 1m -seed 7'; -help lists them.
SOAK ?=

soak: ## Kill, stop, reload and resize programs under load for ten minutes, and check every answer
	@.ci/setup test
	@QUIET=1 rebar3 compile
	@cd test/soak && go run . $(SOAK)

lint-go: ## gofumpt, go vet, staticcheck, and a build for other systems
	@echo "gofumpt"; bad=$$($(GOFUMPT) -l $(GOFILES)); \
		[[ -z $$bad ]] || { echo "not formatted, run make fmt:"; echo "$$bad"; exit 1; }
	go vet ./...
	@for os in darwin freebsd windows; do echo "go build for $$os"; GOOS=$$os CGO_ENABLED=0 go build ./...; done
	$(STATICCHECK) ./...

lint-erl: ## Compile with warnings as errors, xref, Dialyzer
	QUIET=1 rebar3 as lint compile
	QUIET=1 rebar3 do xref, dialyzer

release-check: ## Walk what a release needs, and list what is left to do by hand
	@.ci/release-check

fmt: ## Format the Go files
	$(GOFUMPT) -w $(GOFILES)

clean: ## Remove what was built (not _checkouts, which .ci/setup brought)
	rm -rf _build priv

clean-chroot: ## Remove the chroots of test-sid and test-trixie; the next run makes them anew, with what is newest then
	@.ci/chroot clean
