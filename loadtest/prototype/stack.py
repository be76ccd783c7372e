"""What the comparison runs on, brought into the runtime folder: the prototype's packages, Redis with search, and the client."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent.parent
sys.path.insert(0, str(REPOSITORY / "scripts"))
import fetch
from fetch import Failure, say

# The Pythons whose wheels requirements.txt has the hashes of.
PYTHONS = [(3, minor) for minor in (14, 13, 12, 11)]
REQUIREMENTS = HERE / "requirements.txt"
# The packages unpacked, and pip's temporary files.
BYTES_NEEDED = 700_000_000
MODEL = "all-minilm-l6-v2/model-int8.onnx"
TOKENIZER = "all-minilm-l6-v2/tokenizer.json"


@dataclass(frozen=True)
class Stack:
    runtime: Path
    python: str
    site: Path
    client: Path
    redis_server: Path
    redis_search: Path

    def environment(self, **settings: str) -> dict[str, str]:
        """The user's environment without what would bring in other packages or other settings of the services."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "INSTINCT_", "PROTOTYPE_", "OMP_"))}
        paths = {
            "PYTHONPATH": str(self.site),
            "PYTHONNOUSERSITE": "1",
            "PROTOTYPE_MODEL": str(self.runtime / MODEL),
            "PROTOTYPE_TOKENIZER": str(self.runtime / TOKENIZER),
            "INSTINCT_RUNTIME_DIR": str(self.runtime),
        }
        return {**kept, **paths, **settings}


def bring() -> Stack:
    fetch.check_machine()
    runtime = fetch.runtime_dir().resolve()
    for name in (MODEL, TOKENIZER):
        if not (runtime / name).exists():
            raise Failure(f"{runtime / name} is missing. Run `make setup` first.")
    folder = runtime / "prototype"
    folder.mkdir(exist_ok=True)
    with fetch.sole_run(folder):
        python = fetch.python_with_pip(PYTHONS)
        site = packages(folder, python)
        client = compiled_client(folder)
    server, search = redis(runtime)
    return Stack(runtime, python, site, client, server, search)


def packages(folder: Path, python: str) -> Path:
    """The prototype's packages in a folder of their own, as requirements.txt pins them."""
    site, note = folder / "site", folder / "site.json"
    version = subprocess.check_output([python, "-c", "import sys; print(*sys.version_info[:2])"], text=True).strip()
    recipe = {"requirements": fetch.sha256_of(REQUIREMENTS), "python": version}
    if site.exists() and note.exists() and json.loads(note.read_text()) == recipe:
        return site
    free = shutil.disk_usage(folder).free
    if free < BYTES_NEEDED:
        raise Failure(f"{folder} has {fetch.megabytes(free)} free and {fetch.megabytes(BYTES_NEEDED)} are needed. Make room and run this again.")
    begin = time.monotonic()
    say("installing the prototype's packages")
    note.unlink(missing_ok=True)
    shutil.rmtree(site, ignore_errors=True)
    with fetch.scratch_folder(folder) as scratch:
        pip = [python, "-m", "pip", "install", "--quiet", "--retries", "2", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
        command = [*pip, "--target", str(site), "--requirement", str(REQUIREMENTS)]
        done = fetch.run(command, fetch.pip_environment(scratch), lambda: f"{fetch.megabytes(sum(fetch.sizes_under(folder)))} so far")
    if done.status:
        reason = fetch.reason_in(done.output)
        if fetch.NETWORK_FAULT.search(done.output):
            raise fetch.unreachable_index(reason)
        raise Failure(f"pip could not install {REQUIREMENTS}: {reason}" + fetch.space_advice(done.output))
    note.write_text(json.dumps(recipe))
    say(f"  installed in {time.monotonic() - begin:.1f} s")
    return site


def compiled_client(folder: Path) -> Path:
    """The load client, compiled where its source has changed."""
    source = HERE / "client.rs"
    client = folder / f"client-{fetch.sha256_of(source)[:16]}"
    if not client.exists():
        for old in folder.glob("client-*"):
            old.unlink()
        made = client.with_suffix(".new")
        done = fetch.run(["rustc", "-O", "--edition", "2024", "-o", str(made), str(source)], dict(os.environ))
        if done.status:
            raise Failure(f"rustc could not compile {source}: {fetch.reason_in(done.output)}")
        os.replace(made, client)
    return client


def redis(runtime: Path) -> tuple[Path, Path]:
    """Redis and its search module, brought by the script that also brings them for the tests."""
    server, search = runtime / "redis" / "bin" / "redis-server", runtime / "redis" / "bin" / "redisearch.so"
    script = REPOSITORY / "scripts" / "fetch_redis.py"
    if script.exists() and not (server.exists() and search.exists()):
        subprocess.run([sys.executable, str(script)], check=False, env={**os.environ, "INSTINCT_RUNTIME_DIR": str(runtime)})
    for file in (server, search):
        if not file.exists():
            raise Failure(f"{file} is missing. scripts/fetch_redis.py brings it.")
    return server, search
