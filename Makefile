# Say what is wanted, or `make` alone for the list. The tests and the demo find
# their Postgres and Redis by themselves; see README.md.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo build chaos matrix pace histories mutants sdk test race bench cover fuzz servers lint fix up down systems docs-test references

FUZZTIME ?= 10s
MINUTES ?= 5
TIMES ?= 20

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: ## run a whole campaign against the simulator
	@go run ./cmd/dialer demo

build: ## build the two programs into bin/
	CGO_ENABLED=0 go build -trimpath -o bin/ ./cmd/dialer ./cmd/enqueue

chaos: ## kill and cut everything for MINUTES=5, by SEED= if given
	go run ./test/chaos --duration $(MINUTES)m $(if $(SEED),--seed $(SEED)) $(CHAOS)

matrix: ## have a process die TIMES=20 times at each failpoint, by SEED= if given
	go run ./test/chaos --matrix $(TIMES) --processes 3 --contacts 400 --calls-per-second 40 --queue-ahead 1s $(if $(SEED),--seed $(SEED)) $(CHAOS)

pace: ## measure the share of the rate that dialers use (seven minutes); PACE=--harm kills and pauses them
	go run ./test/pace $(PACE)

histories: ## run random histories of the pure core for MINUTES=5, or the one of SEED=
	go test -count=1 -v -timeout 0 -run '^TestHistories$$' ./test/histories $(if $(SEED),-seed $(SEED),-for $(MINUTES)m)

mutants: servers ## take each guard away and see its test fail (ten minutes)
	go run ./test/mutants $(if $(GUARD),-run '$(GUARD)')

sdk: ## install Vonage's Node SDK and let it use the simulator
	npm --prefix test/contract/testdata/node ci --ignore-scripts --no-audit --no-fund
	go test -tags sdk -count=1 -run TestNodeSDK ./test/contract

# Where memory serves as a disk, the tests' private servers live in it: they make
# a database for each test, which takes half as long there.
MEMORY_DISK := $(shell df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 && $$4 > 4000000 { print $$6 }')
test race cover: export TMPDIR := $(or $(MEMORY_DISK),$(TMPDIR),/tmp)
test race cover: export GOTMPDIR := $(or $(GOTMPDIR),/tmp)

test: servers ## run the whole suite, on a real Postgres and a real Redis
	go test -p 2 -timeout 15m ./...

race: servers ## run the whole suite with the race detector (needs a C compiler)
	go test -race -timeout 15m ./...

bench: servers ## run the benchmarks: each figure stands beside a baseline of the same run
	go test -p 1 -timeout 60m -run '^$$' -bench . -benchmem ./...

cover: servers ## show the coverage of every package by all tests together
	go test -coverpkg=./... -coverprofile=cover.out ./...
	go tool cover -func=cover.out | tail -n 1

fuzz: ## fuzz every parser for FUZZTIME each
	scripts/fuzz $(FUZZTIME)

servers:
	@scripts/servers
	@scripts/browser

docs-test: servers ## run every command of README and docs/start.md in a clean copy, as root also as nobody
	DOCS_TEST_USER=$(if $(filter 0,$(shell id -u)),nobody) go test -count=1 -v -run '^TestDocumentedCommands$$' ./cmd/dialer

references: ## write docs/commands.md, enqueue.md and settings.md from the flags, internals/schema.sql from the migrations, the API's operations from openapi.json
	go test -count=1 -run Reference ./cmd/dialer ./cmd/enqueue ./storage ./internal/httpapi/operations -update

systems: ## build for Linux, macOS and Windows, on amd64 and arm64
	@for system in linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64; do \
		echo "$$system" && CGO_ENABLED=0 GOOS=$${system%/*} GOARCH=$${system#*/} go build -trimpath -o bin/$$system/ ./cmd/dialer ./cmd/enqueue || exit 1; \
	done

lint: ## check form, vet, unused code and go.mod
	scripts/lint

fix: ## rewrite what can be rewritten
	gofmt -w .
	go fix ./...

up: ## start everything in Docker, on the simulator
	docker compose up --build --detach

down: ## stop what up started; the data stay
	docker compose down
