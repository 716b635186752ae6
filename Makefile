# Holdfast. `make run` needs Python 3.11+, Node 20.19+ and make; everything else is installed into this folder.
PYTHON ?= python3
PORT ?= 8000
# Processes that run tests side by side; a file stays in one of them. More than two cores: many tests wait. With more, tests
# of whole processes and of browsers starve each other on a small machine.
JOBS ?= 4
# Or each process of the tests would compile every module anew, which takes half as long again as collecting them.
unexport PYTHONDONTWRITEBYTECODE
PY := .venv/bin/python
DURATION ?= 60
RUNS ?= 20 50 100 200
CONVERSATIONS ?= 10
ROUNDS ?= 1000
DATABASE ?= sqlite
SEED ?=
TIMES ?= 200
# Frames at each door; a long run has 100000.
N ?= 2000
# How often schemathesis asks each route in each phase.
EXAMPLES ?= 500
# The release before: 0.1.0.
FROM ?= c4c434f

.PHONY: help run tools lint lint-python lint-frontend test test-frontend fuzz hostile bounded adversary chaos crowd outages schedules doors carry-over feishu-burst mutants messages protocol authority limits lock wheel bench million bench-check bench-counts shots clean audit sbom templates servers streams sdks alerts webhooks senders feishu-fuzz stopping test-long test-postgres image roots first-starts engines browsers branches

help: ## Show what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: ## Start Holdfast at http://127.0.0.1:8000 (PORT=… for another port); Ctrl-C ends it
	@$(PYTHON) scripts/bootstrap.py run --port "$(PORT)"

tools: ## Install what the checks and tests need
	@$(PYTHON) scripts/bootstrap.py tools

lint: tools ## Formatting, types, rules, and drift: locks behind their pins, TypeScript types behind the protocol
	@$(MAKE) --no-print-directory -j2 -O lint-python lint-frontend

lint-python:
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m scripts.lock --check
	$(PY) -m scripts.migration_lint
	$(PY) -m mypy .

lint-frontend:
	cd frontend && npm run --silent lint
	cd frontend && npm run --silent typecheck
	cd frontend && npm run --silent protocol:check

test-frontend: lint-frontend
	cd frontend && npm run --silent test

test: tools ## All checks and tests; the last line is pytest's
	@$(MAKE) --no-print-directory -j2 -O lint-python test-frontend
	@$(PY) -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder || { [ $$? = 1 ] && $(PY) -m tests.again; }

test-long: tools ## What `make test` leaves out of the same kind (marked exhaustive), every database test on PostgreSQL among it
	$(PY) -m pytest -m exhaustive -n $(JOBS) --dist loadfile --no-loadscope-reorder

test-postgres: tools ## Every test that touches the database, on PostgreSQL
	$(PY) -m pytest -m "" -k everything tests/platform/test_postgres.py

fuzz: tools ## 100,000 generated requests by the rules of every provider; odd values at every door, N at each (2,000; long: N=100000); schemathesis
	$(PY) -m tests.agents.transcript.fuzz
	$(PY) -m tests.chat.entrances.triggers.bounded --count $(N)0 $(if $(SEED),--seed $(SEED))
	HOLDFAST_FUZZ=$(N) $(PY) -m pytest -q -k surprise tests/chat/http/test_doors.py tests/chat/entrances/web/test_connection.py
	HOLDFAST_SCHEMATHESIS=$(EXAMPLES) $(PY) -m pytest -q -s -k schemathesis tests/chat/http/test_schemathesis.py tests/hostile
	$(MAKE) --no-print-directory hostile N=$(N)

hostile: tools ## Attack every door of real processes with N generated frames (DOORS=socket,hooks,…; SEED, DATABASE): no 500, no leak, memory flat
	cd frontend && npm run --silent build
	$(PY) -m tests.hostile.run --count $(N) --database $(if $(filter command line environment,$(origin DATABASE)),$(DATABASE),postgres) \
		$(if $(DOORS),--doors $(DOORS)) $(if $(SEED),--seed $(SEED))

bounded: tools ## A million generated paths, patterns and templates on payloads of 64 KiB, beside an event loop: none may take 50 ms (COUNT, SEED)
	$(PY) -m tests.chat.entrances.triggers.bounded $(if $(COUNT),--count $(COUNT)) $(if $(SEED),--seed $(SEED))

stopping: tools ## Send SIGTERM at every moment of a process's life, TIMES times each (200; MOMENT: those with this in the name)
	$(PY) -m tests.recovery.stopping --times $(TIMES) $(if $(MOMENT),--moment "$(MOMENT)")

adversary: tools ## 10,000 conversations with providers that refuse any one feature: none may die (CONVERSATIONS=…, SEED)
	$(PY) -m tests.agents.adversary --conversations $(if $(filter command line environment,$(origin CONVERSATIONS)),$(CONVERSATIONS),10000) \
		$(if $(SEED),--seed $(SEED))

templates: tools ## Render our requests through a thousand chat templates of public packages, and convert them by public converters (GENERATED, ONLY)
	$(PY) -m tests.witnesses.render_templates $(if $(GENERATED),--generated $(GENERATED)) $(if $(ONLY),--only "$(ONLY)")

servers: tools ## Build llama.cpp's own server once, and have it take our requests with each of its chat templates (GENERATED, ONLY)
	$(PY) -m tests.witnesses.ask_servers $(if $(GENERATED),--generated $(GENERATED)) $(if $(ONLY),--only "$(ONLY)")

alerts: tools ## Have Prometheus' own promtool read the alert rules, the example of its configuration, and what we tell it
	$(PY) -m tests.witnesses.promtool

sdks: tools ## Have the official SDKs of Anthropic and Google read our requests, and the streams of our fake servers (HISTORIES, STREAMS)
	$(PY) -m tests.sdks.run $(if $(HISTORIES),--histories $(HISTORIES)) $(if $(STREAMS),--streams $(STREAMS))

streams: tools ## Split, disturb and cut 100,000 generated streams of each dialect at random (SEED, STREAMS)
	$(PY) -m tests.agents.dialects.streams.run $(if $(STREAMS),--streams $(STREAMS)) $(if $(SEED),--seed $(SEED))

chaos: tools ## Kill, stop and cut off real processes for DURATION seconds, then check (SEED, CONVERSATIONS, DATABASE)
	cd frontend && npm run --silent build
	$(PY) -m tests.recovery.chaos --seconds $(DURATION) --conversations $(CONVERSATIONS) --database $(DATABASE) \
		$(if $(SEED),--seed $(SEED)) $(if $(PAGES),--pages $(PAGES))

outages: tools ## Break both stores in every way, with Sentinels and pgbouncer, for DURATION seconds (600), then check (SEED, CONVERSATIONS)
	$(PY) -m tests.recovery.outages --seconds $(if $(filter command line environment,$(origin DURATION)),$(DURATION),600) \
		--conversations $(CONVERSATIONS) $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only "$(ONLY)")

crowd: tools ## Kill one of two workers with RUNS runs every ten seconds, and have one run kill whoever performs it (DATABASE)
	cd frontend && npm run --silent build
	$(PY) -m tests.recovery.crowd --runs $(RUNS) $(if $(filter postgres,$(DATABASE)),--postgres)

schedules: tools ## Let 200 schedules fall due over clock changes while workers are killed; each due time must run once (SEED, DATABASE)
	$(PY) -m tests.recovery.schedules --database $(DATABASE) $(if $(SEED),--seed $(SEED))

webhooks: tools ## Fifty webhooks at once, over and over, to two web servers whose clocks are two seconds apart (ROUNDS, DATABASE)
	$(PY) -m tests.recovery.webhooks --rounds $(ROUNDS) --database $(DATABASE)

senders: tools ## Hold our check of webhooks' signatures, and our client of Feishu, against the senders' own libraries (DELIVERIES, SEED)
	$(PY) -m tests.senders.run $(if $(DELIVERIES),--deliveries $(DELIVERIES)) $(if $(SEED),--seed $(SEED))

doors: tools ## Every door with every way to stop, with real processes on PostgreSQL
	$(PY) -m pytest -m "" tests/recovery/test_doors.py tests/chat/entrances/feishu/test_processes.py

carry-over: tools ## A running installation of the release before, carried over in every state and back (FROM: its commit)
	CARRY_OVER_FROM=$(FROM) $(PY) -m pytest -m "" tests/recovery/test_carry_over.py

feishu-burst: tools ## 1,000 Feishu messages over 50 chats, all delivered five times, to real processes (SEED, DATABASE)
	$(PY) -m tests.chat.entrances.feishu.burst --database $(DATABASE) $(if $(SEED),--seed $(SEED))

feishu-fuzz: tools ## Write 100,000 random texts for Feishu and have GitHub's cmark read them (SEED)
	$(PY) -m tests.chat.entrances.feishu.fuzz $(if $(SEED),--seed $(SEED))

mutants: tools ## Break Holdfast on purpose in many ways; the tests must notice each
	$(PY) -m tests.recovery.mutants

image: tools ## Build the real image, run docker-compose.yml with Docker (root: with one of its own), chat, upgrade FROM a commit (HEAD^, none) and back (TIMES)
	$(PY) -m tests.containers.run --from $(if $(filter command line environment,$(origin FROM)),$(FROM),HEAD^) \
		$(if $(filter command line environment,$(origin TIMES)),--times $(TIMES)) $(if $(SEED),--seed $(SEED))

roots: tools ## What the README says, on a fresh Debian 12 and 13 (root): two first starts at once, chat, end, start again offline (DEBIAN="12 13")
	$(PY) -m tests.roots.run $(if $(DEBIAN),--debian $(DEBIAN))

first-starts: tools ## Interrupt the first start at eleven moments by Ctrl-C and by SIGKILL, in six clones, and begin again (SIGNALS="INT KILL", CLONES="1 2 3")
	$(PY) -m tests.starts.run $(if $(SIGNALS),--signals $(SIGNALS)) $(if $(CLONES),--clones $(CLONES))

browsers: tools ## The chat in Debian's Firefox and WebKit, installed by apt where that may be done (ONLY=firefox, PICTURES=folder)
	$(PY) -m tests.browsers.run $(if $(ONLY),--only "$(ONLY)") $(if $(PICTURES),--pictures "$(PICTURES)")

branches: tools ## HISTORIES random conversations (100,000) with edits, retries, switches during calls and summaries (SEED, PROCESSES)
	$(PY) -m tests.agents.branching_fuzz --histories $(if $(HISTORIES),$(HISTORIES),100000) $(if $(SEED),--seed $(SEED)) \
		$(if $(PROCESSES),--processes $(PROCESSES))

engines: tools ## Chat, tools, takeovers and failovers on databases, stores and proxies of Debian 12 and 13, SECONDS_EACH (120; ONLY, SEED)
	$(PY) -m tests.engines.run $(if $(SECONDS_EACH),--seconds $(SECONDS_EACH)) $(if $(ONLY),--only "$(ONLY)") $(if $(SEED),--seed $(SEED))

messages: tools ## Bring the server's translations up to its texts, and compile them
	$(PY) -m scripts.messages

protocol: tools ## Generate the TypeScript types of the frames
	cd frontend && npm run --silent protocol

authority: tools ## Write the tables of docs/security.md from the rules of chat/authorization.py
	$(PY) -m scripts.authorization_docs

limits: tools ## Write the tables of docs/limits.md from chat/limits/table.py
	$(PY) -m scripts.limits_docs

lock: tools ## Write the locks of the Python packages again, after a change of requirements*.txt (UPGRADE=1: everything)
	$(PY) -m scripts.lock $(if $(UPGRADE),--upgrade)

audit: tools ## Ask OSV and npm's registry whether a locked package has a known fault; needs a route to both (OSV_URL, REGISTRY: others)
	$(PY) -m scripts.audit $(if $(OSV_URL),--osv-url $(OSV_URL)) $(if $(REGISTRY),--registry $(REGISTRY))

sbom: tools ## Write the bills of materials (CycloneDX) of the Python packages and of the page, checked, into build/
	$(PY) -m scripts.sbom

wheel: tools ## Build the wheel, with the web chat in it, into build/
	cd frontend && npm run --silent build
	$(PY) -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir build .

bench: tools ## Measure, each figure beside a bare relay in the same run (PEERS=1: turns also on Chainlit and LangGraph; ONLY=turns; AT_ONCE)
	$(if $(PEERS),PEERS=1) $(if $(AT_ONCE),AT_ONCE=$(AT_ONCE)) $(PY) -m bench $(ONLY)

bench-check: tools ## Count what a turn, a token and a reconnect ask of the stores, and compare with what is stored
	$(PY) -m bench.counts

million: tools ## Time every page of the admin in a database of a million events (DATABASE, CONVERSATIONS)
	$(PY) -m bench.million $(if $(filter postgres,$(DATABASE)),--postgres) \
		$(if $(filter command line environment,$(origin CONVERSATIONS)),--conversations $(CONVERSATIONS))

bench-counts: tools ## Store these counts anew, after a change that means to change them
	$(PY) -m bench.counts --write

shots: tools ## Take the pictures of the README and of docs/feishu.md
	$(PY) -m scripts.shots

clean: ## Remove what was installed and built; data/ (the conversations) stays
	rm -rf .venv frontend/node_modules frontend/dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
