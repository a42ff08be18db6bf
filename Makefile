# Lockstep's everyday commands. `make` alone prints them.

GO       ?= go
BIN      := bin/lockstep
# make campaign
SCENARIO ?=
SEEDS    ?= 1-1000
BUDGET   ?= 0s
OUT      ?= out/campaign
# make determinism
CHECK    ?= 1-500
# make mutants
MUTANTS  ?=
# make module
MODULE   ?=
# make fuzz
FUZZTIME ?= 10s
# make benchmarks
COUNT    ?= 10
BENCHSTAT = golang.org/x/perf/cmd/benchstat@v0.0.0-20260908200009-22c9c6c9d4da
# make dev, make bench
NODES    ?= 3
DEV      ?=
BENCH    ?= --acks -1 --replication-factor 3 --partitions 3 --concurrency 64 --message-size 256
BENCH_PORT ?= 29092

.DEFAULT_GOAL := help
.PHONY: help build dev format module vet lint test test-long race fuzz bench benchmarks benchstat mutants campaign determinism clean

help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build bin/lockstep
	$(GO) build -o $(BIN) ./cmd/lockstep

dev: build ## run a local cluster until Ctrl-C (NODES=3 DEV="--fresh ...")
	$(BIN) dev --nodes $(NODES) $(DEV)

format: ## format all Go files
	gofmt -w .

module: ## change the module's import path everywhere (MODULE=example.org/team/lockstep)
	@case "$(MODULE)" in [a-z]*.*/*) ;; *) echo "MODULE=host/path is missing"; exit 1;; esac
	@old="$$($(GO) list -m)"; pattern="$$(echo "$$old" | sed 's/[.]/[.]/g')"; \
	git grep -lzF "$$old" | xargs -0 sed -i -E "s#(^|[^[:alnum:]./-])$$pattern(/|[^[:alnum:]_.-]|\$$)#\1$(MODULE)\2#g"
	gofmt -w .
	$(GO) build ./...

vet: ## check formatting, and run go vet and staticcheck
	@files="$$(gofmt -l .)"; if [ -n "$$files" ]; then echo "not formatted, run make format:"; echo "$$files"; exit 1; fi
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

lint: ## check the length of lines, and the English of comments and pages (cmd/prose)
	$(GO) run ./cmd/prose

test: vet lint ## run vet, lint, and all tests, with simulated seeds and the import rules
	$(GO) test ./...

test-long: ## run the tests that build the program with the planted bugs, which CI runs, too
	LOCKSTEP_LONG=1 $(GO) test ./sim/pool

race: ## run all tests under the race detector, with fewer seeds
	$(GO) test -race -short ./...

fuzz: ## run every fuzz target of the decoders in turn (FUZZTIME=10s each)
	@grep -ro --include='*_test.go' '^func Fuzz[A-Za-z]*' . | sort | while IFS=: read -r file name; do \
		$(GO) test "$$(dirname "$$file")" -run '^$$' -fuzz "^$${name#func }$$" -fuzztime $(FUZZTIME) || exit 1; done

bench: build ## measure a fresh local cluster (BENCH="--acks -1 ...")
	@dir="$$(mktemp -d)"; trap 'kill $$pid 2>/dev/null; wait $$pid; rm -rf "$$dir"' EXIT; trap 'exit 1' INT TERM; \
	$(BIN) dev --nodes $(NODES) --base-port $(BENCH_PORT) --dir "$$dir/cluster" > "$$dir/out" 2>&1 & pid=$$!; \
	until grep -qx ready "$$dir/out"; do kill -0 $$pid 2>/dev/null || { cat "$$dir/out"; exit 1; }; sleep 0.2; done; \
	$(BIN) bench produce --bootstrap-servers 127.0.0.1:$(BENCH_PORT) $(BENCH)

# To measure a change: make benchmarks, cp out/benchmarks.txt out/before.txt, make the
# change, make benchmarks, make benchstat.
benchmarks: ## run all Go benchmarks, COUNT=10 times each, into out/benchmarks.txt
	@mkdir -p out
	$(GO) test -run '^$$' -bench . -benchmem -count $(COUNT) \
		$$(grep -rl --include='*_test.go' '^func Benchmark' . | xargs -n1 dirname | sort -u) > out/benchmarks.new
	@mv out/benchmarks.new out/benchmarks.txt

benchstat: ## compare out/before.txt with out/benchmarks.txt
	$(GO) run $(BENCHSTAT) out/before.txt out/benchmarks.txt

mutants: build ## switch each planted bug on, check that the simulator catches it, and write MUTANTS.md (MUTANTS="--only W3")
	$(BIN) mutants $(if $(MUTANTS),$(MUTANTS),--out MUTANTS.md)

campaign: build ## run many simulated seeds, or continue a campaign (SCENARIO=all SEEDS=1-1000 BUDGET=10m OUT=out/campaign)
	$(BIN) sim $(if $(SCENARIO),--scenario $(SCENARIO)) --seeds $(SEEDS) --budget $(BUDGET) --out $(OUT)

determinism: build ## run each seed with several settings of the Go runtime, and compare (SCENARIO=all CHECK=1-500)
	$(BIN) sim determinism $(if $(SCENARIO),--scenario $(SCENARIO)) --seeds $(CHECK) --race

clean: ## remove what make has built and campaigns have written
	rm -rf bin out
