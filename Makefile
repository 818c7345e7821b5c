# Forebay's verbs. `make help` lists them; README.md says which two you need.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PREFIX ?= /usr/local
DESTDIR ?=
PROGRAMS := forebayd forebayctl forebay-bench
# Nothing that users run needs symbols. For a profile: make build LINK_FLAGS=
LINK_FLAGS ?= -Xlinker --gc-sections -Xlinker -s
BIN := .build/release
# The one that sees Debian's packages, whatever else is first in PATH.
PYTHON ?= $(firstword $(wildcard /usr/bin/python3) python3)
BENCH := Sources/forebay-bench
HELPERS := out/forebay-relay out/malloc-counter.so
# The native clients that forebayd is measured beside, and the library that each is made with.
NATIVES := redis nats amqp kafka http
NATIVE_LIBRARY_redis := hiredis
NATIVE_LIBRARY_amqp := librabbitmq
NATIVE_LIBRARY_kafka := rdkafka
NATIVE_LIBRARY_http := libcurl
CFLAGS ?= -O2 -g -Wall -Wextra -Werror

# Prints the verbs.
help:
	@awk '/^# /{said = substr($$0, 3)} /^[a-z-]+:/{if (said) printf "  make %-16s%s\n", \
	  substr($$1, 1, index($$1, ":") - 1), said} !/^# /{said = ""}' Makefile

# Installs missing Debian packages (without root: prints the command) and checks for Swift.
deps:
	@deploy/deps.sh

# Builds the programs for release, and the C helpers of the benchmark.
build: deps $(HELPERS)
	swift build -c release --static-swift-stdlib $(LINK_FLAGS)

# Runs every test: Swift, the wire's vectors and codes, the dissector, the lint's own.
test: deps
	swift test --disable-xctest
	@$(MAKE) --no-print-directory check-proto
	$(PYTHON) proto/vectors/run_against.py --start .build/debug/forebayd
	@$(MAKE) --no-print-directory check-replay
	@$(MAKE) --no-print-directory check-settings
	$(PYTHON) deploy/lint/test_lint.py

SEEDS ?= 1000
# Simulates the core: SEEDS of them (1000), or one alone with SEED=n, told in words with TRACE=1.
sim: deps
	@deploy/sim.sh $(if $(SEED),seed $(SEED) $(TRACE),$(SEEDS))

# Plants bugs in the core; each must be found within SEEDS (1000). DOCS=1 writes the table in the docs.
planted: deps
	$(PYTHON) deploy/planted.py --seeds $(SEEDS) $(if $(DOCS),--docs)

SECONDS ?= 60
# Fuzzes every target for SECONDS (60) in all, or one with TARGET=name; SEED=n always in the same order.
fuzz: deps
	@SEED=$(SEED) deploy/fuzz.sh $(SECONDS) $(TARGET)

# Runs the unit tests of wire, sockets, store, configuration and client under ASan, C helpers under UBSan, too.
asan: deps
	@deploy/sanitize.sh address

# Runs the integration tests with a daemon built for TSan.
tsan: deps
	@deploy/sanitize.sh thread

# Region coverage of wire and core by area; at least 95 % where it counts. MISSED=1 names the places.
coverage: deps
	$(PYTHON) deploy/coverage.py $(if $(MISSED),--missed)

# Checks proto/ alone: codes, vectors, the dissector on a capture, the client in one file.
check-proto:
	$(PYTHON) proto/check_codes.py
	$(PYTHON) proto/vectors/check.py
	$(PYTHON) proto/test_dissector.py
	$(PYTHON) proto/test_example_client.py

# Checks the models of credit and breaker with spin, and that each weakened one fails.
model: deps
	$(PYTHON) proto/model/check.py

# Checks `forebay-bench replay` with a model in Python: golden files, and random events from seeds.
check-replay:
	$(PYTHON) proto/replay/check.py .build/debug/forebay-bench --seeds 100

# Checks the schema of configuration files with the sample, and with good and bad files.
check-settings:
	$(PYTHON) deploy/check_schema.py

# Checks layers, determinism, codes, shell scripts and format. deploy/lint/rules.py has the rules.
lint:
	$(PYTHON) deploy/lint/test_lint.py
	$(PYTHON) deploy/lint/lint.py

# Writes the sample, the schema and the manual's tables of settings anew from the settings table.
settings: deps
	swift build --product forebayd
	deploy/settings.sh .build/debug/forebayd

# Formats the Swift sources in place.
format:
	swift format --in-place --parallel --recursive Package.swift Sources Tests

# Builds, and shows producers slowed by windows and an upstream killed and revived. 40 s; proves its numbers.
demo: build
	$(BIN)/forebay-bench demo

# Installs what the benchmark compares with: HAProxy, nginx, and Envoy (into out/envoy).
deps-bench:
	@deploy/deps-bench.sh

# Measures forebayd against a raw byte relay and other proxies. For a quick look: BENCH_FLAGS=--smoke
bench: build natives
	deploy/bench.sh $(BENCH_FLAGS)

# Fetches noida-db, a Kafka broker for tests that are left out without it, into out/noida.
deps-kafka:
	@deploy/deps-kafka.sh

# Measures everything that docs/benchmarks.md shows, on a quiet machine, and writes it there.
bench-docs: build deps-bench
	deploy/bench.sh --docs $(BENCH_FLAGS)

# Measures forebayd beside native clients of real upstreams. To keep the result: BENCH_FLAGS='--docs docs'
bench-upstreams: build natives
	$(BIN)/forebay-bench upstreams $(BENCH_FLAGS)

# Compiles the native clients of the benchmark, as far as their libraries are installed.
natives: $(NATIVES:%=out/native-%) $(patsubst %,out/kafka-cluster,$(wildcard Tests/KafkaCluster/main.c))

# Installs programs and documents below DESTDIR and PREFIX.
install: build
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/doc/forebay
	install -m 755 $(PROGRAMS:%=$(BIN)/%) $(DESTDIR)$(PREFIX)/bin
	install -m 644 LICENSE *.md deploy/forebay.yaml deploy/forebay.schema.json \
	  $(DESTDIR)$(PREFIX)/share/doc/forebay

# Removes everything that was built.
clean:
	rm -rf .build* out

out/forebay-relay: $(BENCH)/relay/relay.c | deps
	mkdir -p out
	$(CC) $(CFLAGS) -o $@ $<

out/malloc-counter.so: $(BENCH)/malloc-counter/malloc-counter.c | deps
	mkdir -p out
	$(CC) $(CFLAGS) -shared -fPIC -o $@ $<

# A client whose library isn't installed is left out, and the benchmark says so.
out/native-%: $(BENCH)/native/%.c $(BENCH)/native/load.c $(BENCH)/native/load.h | deps
	@mkdir -p out
	@library='$(NATIVE_LIBRARY_$*)'; \
	if [[ -n $$library ]] && ! pkg-config --exists "$$library"; then \
	  echo "natives: no $$library, so $@ isn't made; make deps-bench installs it"; \
	else \
	  flags=$${library:+$$(pkg-config --cflags --libs "$$library")}; \
	  echo "$(CC) $(CFLAGS) -o $@ $< $$flags"; \
	  $(CC) $(CFLAGS) -o $@ $< $(BENCH)/native/load.c $$flags; \
	fi

# The cluster that tests speak to, too.
out/kafka-cluster: $(wildcard Tests/KafkaCluster/*.[ch]) | deps
	@mkdir -p out
	$(CC) $(CFLAGS) -o $@ $(filter %.c,$^) -lrdkafka -lssl -lcrypto -lpthread

.PHONY: help deps deps-bench deps-kafka build test sim planted coverage fuzz asan tsan model lint settings format \
  demo bench bench-docs bench-upstreams natives install clean check-proto check-replay check-settings
