#!/usr/bin/env python3
"""Has Schemathesis try the service's own OpenAPI document on it: no 5xx but a documented 503 or 504, no undocumented status, nothing refused
that the document allows and nothing taken that it forbids.

It starts a service of its own on a free port, with the sample and the embedder that hashes words (no model is needed), once without
credentials and once with API keys: an administrator's, one of each lesser role, and none. The seed is fixed. Any finding fails it.

    python3 scripts/check_api.py [--binary target/debug/instinct] [--examples 25] [--only open]

The first run installs Schemathesis by pip, pinned by hash, into a folder of its own.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
PARTS = Path(__file__).resolve().parent / "api_check"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or REPOSITORY / "target").resolve()
RUN_SECONDS_MAX = 400

ROLES = ("decide", "write", "operate")

# What both runs of all checks and those of single roles are told. Statuses beyond Schemathesis's own defaults, with the reason.
CONFIG = """
seed = {seed}
hooks = {hooks}
# All findings of a run are told, and not the first alone.
continue-on-failure = true
request-timeout = 20.0

[generation]
max-examples = {examples}
database = "none"
# Keys come from the header that this script sends; a made-up one would be answered 401 whatever else is tried.
with-security-parameters = false

[checks]
# 503 (busy, or a part is away; Retry-After) and 504 (the caller's own deadline) are in the contract. 500 is not, nor is any other.
not_a_server_error = {{ expected-statuses = ["2xx", "3xx", "4xx", "503", "504"] }}
# A document says what a request looks like, and 400 is for what it doesn't. What the request means is judged with 422: bytes where the
# document counts characters, a text that is empty in its normal form, a moment in the future, an empty filter. 413 is for escapes: a text
# within its cap may take six times its bytes to write.
positive_data_acceptance = {{ enabled = {judged}, expected-statuses = ["2xx", "401", "403", "404", "413", "422", "429", "503", "504"] }}
negative_data_rejection = {{ enabled = {judged}, expected-statuses = ["400", "401", "403", "404", "405", "413", "422", "429", "503", "504"] }}
missing_required_header = {{ enabled = {judged} }}
ensure_resource_availability = {{ enabled = {judged} }}

[dictionaries]
strategies = {{ values = ["news-impact"] }}
components = {{ values = {components} }}
entries = {{ values = {entries} }}
decisions = {{ values = {decisions} }}
instruments = {{ values = ["ETH"] }}
datasets = {{ values = ["olist_orders_dataset", "olist_customers_dataset"] }}
"""

# Without these most ids are of nothing, and little but 404 is tried.
KNOWN = {
    "get_strategy": ("path.name", "strategies"),
    "get_component": ("path.id", "components"),
    "put_component": ("path.id", "components"),
    "get_entry": ("path.id", "entries"),
    "get_decision": ("path.id", "decisions"),
    "get_decision_events": ("path.id", "decisions"),
    "get_market": ("path.instrument", "instruments"),
    "put_market": ("path.instrument", "instruments"),
    "get_dataset": ("path.name", "datasets"),
    "get_dataset_rows": ("path.name", "datasets"),
}

# Of a bulk write each line fails alone under 200, which `every_line_has_its_result` holds against the document instead.
BULK = ("put_components", "put_entries", "put_market")

# The body is a file: no schema says whether bytes are a Parquet, and none at all are of no kind.
FILES = {
    "put_dataset": (
        'checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "401", "403", "413", "422", "429", "503"]\n'
        'checks.negative_data_rejection.expected-statuses = ["400", "401", "403", "405", "413", "415", "422", "429", "503"]\n'
    )
}


class Missing(Exception):
    """What is not there and can't be brought, and what to do about it."""


def say(line: str) -> None:
    print(f"api-check: {line}", file=sys.stderr, flush=True)


def environment() -> Path:
    """The interpreter of a virtual environment that has requirements.txt."""
    place, requirements = TARGET / "api-check" / "venv", PARTS / "requirements.txt"
    python, mark = place / "bin" / "python", place / ".requirements"
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    if python.exists() and mark.exists() and mark.read_text() == wanted:
        return python
    if sys.version_info < (3, 11):
        raise Missing(f"Schemathesis needs Python 3.11 or later, and this is {sys.version.split()[0]}")
    say(f"installing Schemathesis by pip into {place} (about 40 MB, once)")
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:", "--require-hashes"]
    for command, advice in (
        ([sys.executable, "-m", "venv", "--clear", str(place)], "python3 -m venv failed; on Debian: apt-get install python3-venv"),
        ([*pip, "-r", str(requirements)], "pip could not install the packages; check the network, or set PIP_INDEX_URL to a mirror"),
    ):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            raise Missing(f"{advice}\n{done.stdout[-2000:]}")
    mark.write_text(wanted)
    return python


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class Service:
    """A service on the sample, with a key for each role where `keys` says so."""

    def __init__(self, binary: Path, folder: Path, keys: bool) -> None:
        self.folder, self.binary = folder, binary
        self.url = f"http://127.0.0.1:{free_port()}"
        own = {"INSTINCT_EMBED__MODEL": "hashing-384", "INSTINCT_LOG__LEVEL": "warn"}
        self.environ = {name: value for name, value in os.environ.items() if not name.startswith("INSTINCT_")} | own
        self.keys = {role: self.new_key(role) for role in (*ROLES, "admin")} if keys else {}
        if keys:
            self.environ["INSTINCT_AUTH__KEYS_FILE"] = str(folder / "keys.toml")

    def instinct(self, *arguments: str) -> str:
        done = subprocess.run(
            [self.binary, *arguments], cwd=REPOSITORY, env=self.environ, capture_output=True, text=True, timeout=300
        )
        if done.returncode:
            raise Missing(f"instinct {arguments[0]} failed\n{done.stderr[-2000:]}")
        return done.stdout.strip()

    def new_key(self, role: str) -> str:
        return self.instinct("keys", "new", "--tenant", "default", "--role", role, "--file", str(self.folder / "keys.toml"))

    def __enter__(self) -> Service:
        data = str(self.folder / "data")
        sample = [str(REPOSITORY / "sample" / f"{name}.ndjson") for name in ("components", "entries")]
        self.instinct("ingest", *sample, "--data-dir", data)
        self.instinct("ingest", str(REPOSITORY / "sample" / "marketplace"), "--data-dir", data)
        self.log = self.folder / "service.log"
        with self.log.open("wb") as out:
            serve = [self.binary, "serve", "--listen", self.url.removeprefix("http://"), "--data-dir", data]
            self.process = subprocess.Popen(serve, cwd=REPOSITORY, env=self.environ, stdout=out, stderr=subprocess.STDOUT)
        try:
            self.wait()
        except Exception:
            self.process.kill()
            raise
        return self

    def __exit__(self, *_) -> None:
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=30)
        self.process.kill()
        self.process.wait()

    def wait(self) -> None:
        end = time.monotonic() + 60
        while time.monotonic() < end and self.process.poll() is None:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{self.url}/health/ready", timeout=5).close()
                return
            time.sleep(0.1)
        raise Missing(f"the service did not start\n{self.log.read_text()[-2000:]}")

    def ask(self, path: str, body: dict) -> dict:
        headers = {"Authorization": f"Bearer {self.keys['admin']}"} if self.keys else {}
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def known(self) -> dict:
        """Ids of what is there."""
        lines = [json.loads(line) for line in (REPOSITORY / "sample" / "entries.ndjson").read_text().splitlines()[:2]]
        answers = [self.ask("/v1/decide", {"text": line["text"], "tags": line["tags"], "allow": "fast"}) for line in lines]
        answers += [self.ask("/v1/decide", {"text": "Nothing like this was ever seen", "allow": "fast"})]
        components = [json.loads(line)["id"] for line in (REPOSITORY / "sample" / "components.ndjson").read_text().splitlines()]
        return {
            "components": [id for id in components if "exemplar" in id][:3],
            "entries": [answer["match"]["entry"] for answer in answers if answer["match"]],
            "decisions": [answer["id"] for answer in answers],
        }


def config(service: Service, seed: int, examples: int, judged: bool) -> Path:
    listed = {name: json.dumps(values) for name, values in service.known().items()}
    text = CONFIG.format(seed=seed, hooks=json.dumps(str(PARTS / "checks.py")), examples=examples, judged=json.dumps(judged), **listed)
    # Whoever may not have bodies judged has these checks off for all operations.
    files = FILES if judged else {}
    for operation in sorted({*KNOWN, *BULK, *files}):
        text += f'\n[[operations]]\ninclude-operation-id = "{operation}"\n'
        if operation in KNOWN:
            parameter, dictionary = KNOWN[operation]
            text += f'parameters = {{ "{parameter}" = {{ dictionary = "{dictionary}", probability = 0.5 }} }}\n'
        if operation in BULK:
            text += "checks.negative_data_rejection = { enabled = false }\n"
        text += files.get(operation, "")
    path = service.folder / "schemathesis.toml"
    path.write_text(text)
    return path


def tried(python: Path, service: Service, role: str, seed: int, examples: int, phases: str, judged: bool) -> bool:
    """Whether nothing was found in a service by somebody with the key of a role."""
    since = time.monotonic()
    st = [str(python.parent / "st"), "--config-file", str(config(service, seed, examples, judged)), "run", f"{service.url}/openapi.json"]
    st += ["--workers", "1", "--phases", phases, "--suppress-health-check", "all", "--warnings", "off", "--no-color"]
    if role in service.keys:
        st += ["--header", f"Authorization: Bearer {service.keys[role]}"]
    environ = {**os.environ, "API_CHECK_ROLE": role, "PYTHONDONTWRITEBYTECODE": "1"}
    log = service.folder / f"{role}.log"
    with log.open("w") as out:
        try:
            done = subprocess.run(st, cwd=service.folder, env=environ, stdout=out, stderr=subprocess.STDOUT, timeout=RUN_SECONDS_MAX)
            code = done.returncode
        except subprocess.TimeoutExpired:
            code = -1
            out.write(f"\nSchemathesis was not done within {RUN_SECONDS_MAX} s\n")
    text = log.read_text()
    if service.process.poll() is not None:
        code = -1
        text += f"\nthe service ended with {service.process.returncode}\n{service.log.read_text()[-4000:]}"
    cases = next((line.strip() for line in text.splitlines() if " generated, " in line), "")
    print(f"{'FAIL' if code else 'ok  '} {role}: {cases} ({time.monotonic() - since:.0f} s)", flush=True)
    if code:
        print(text, flush=True)
    return code == 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Has Schemathesis try the OpenAPI document on the service.")
    parser.add_argument("--binary", type=Path, help="the service; that of the release or debug build where absent")
    parser.add_argument("--examples", type=int, default=25, help="cases for each operation in each phase")
    parser.add_argument("--seed", type=int, default=20_250_314, help="other cases are made of another one")
    parser.add_argument("--only", choices=["open", "admin", *ROLES, "none"], help="run one part alone")
    given = parser.parse_args()
    built = [TARGET / profile / "instinct" for profile in ("release", "debug")]
    binary = given.binary or next((path for path in built if path.is_file()), built[0])
    # Who may do little is mostly refused, whatever is sent: there it is not asked whether what was sent is judged rightly.
    every, brief = "examples,coverage,fuzzing,stateful", "coverage,fuzzing"
    runs = [("open", False, given.examples, every, True), ("admin", True, given.examples, every, True)]
    runs += [(role, True, max(1, given.examples // 5), brief, False) for role in (*ROLES, "none")]
    good = True
    try:
        python = environment()
        if not binary.is_file():
            raise Missing(f"{binary} is not there: run `make build`, or name a binary with --binary")
        for keys in (False, True):
            chosen = [run for run in runs if run[1] == keys and given.only in (None, run[0])]
            with contextlib.ExitStack() as stack:
                for role, _, examples, phases, judged in chosen:
                    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="instinct-api-check-")))
                    with Service(binary.resolve(), folder, keys) as service:
                        good &= tried(python, service, role, given.seed, examples, phases, judged)
    except Missing as missing:
        say(str(missing))
        return 1
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
