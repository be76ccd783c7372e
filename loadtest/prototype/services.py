"""The services under comparison: each started on a free port, filled, asked for its memory, and stopped."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Iterable, NamedTuple, Optional

from fetch import Failure, say
from stack import HERE, REPOSITORY, Stack

READY_WITHIN_SEC = 120
STOPPED_WITHIN_SEC = 40
# Lines of one bulk write.
BULK_LINES = 1_000


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def fetched(url: str, body: Optional[bytes] = None, content_type: str = "application/json") -> str:
    request = urllib.request.Request(url, body, {"content-type": content_type} if body else {})
    with urllib.request.urlopen(request, timeout=120) as answer:
        return answer.read().decode()


class Process:
    """A program in a group of its own, so that its children end with it."""

    def __init__(self, command: list[str], environment: dict[str, str], log: Path, cwd: Path = REPOSITORY):
        self.log = log
        with log.open("ab") as out:
            self._child = subprocess.Popen(
                command, env=environment, cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
            )

    def wait_until(self, ready, name: str) -> None:
        until = time.monotonic() + READY_WITHIN_SEC
        while True:
            with contextlib.suppress(OSError, urllib.error.URLError):
                if ready():
                    return
            if self._child.poll() is not None or time.monotonic() > until:
                said = self.log.read_text(errors="replace").strip().splitlines()[-5:]
                raise Failure(f"{name} is not ready: " + (" / ".join(said) or "it said nothing"))
            time.sleep(0.05)

    def stop(self) -> None:
        if self._child.poll() is None:
            self._child.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(STOPPED_WITHIN_SEC)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGKILL)
        self._child.wait()

    def memory(self) -> dict[str, int]:
        """Bytes of the program and its children: resident, and with shared pages counted by share."""
        pids, total = [self._child.pid], {"rss": 0, "pss": 0}
        for pid in pids:
            with contextlib.suppress(OSError):
                for task in Path(f"/proc/{pid}/task").iterdir():
                    pids += [int(child) for child in (task / "children").read_text().split()]
                told = Path(f"/proc/{pid}/smaps_rollup").read_text()
                for name in total:
                    total[name] += int(re.search(rf"^{name}: +(\d+) kB", told, re.I | re.M)[1]) * 1024
        return total


class Redis:
    """Redis with search, nothing written to disk."""

    def __init__(self, stack: Stack, folder: Path):
        self.port = free_port()
        folder.mkdir()
        settings = ["--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(folder), "--save", "", "--appendonly", "no"]
        command = [str(stack.redis_server), *settings, "--loadmodule", str(stack.redis_search)]
        self.process = Process(command, stack.environment(), folder / "log")
        self.url = f"redis://127.0.0.1:{self.port}"

    def wait(self) -> None:
        self.process.wait_until(self._answers, "Redis")

    def _answers(self) -> bool:
        with socket.create_connection(("127.0.0.1", self.port), 2) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")


class Service:
    """One of those that are compared."""

    path = ""
    # What an answer has in it that carries a decision.
    served = ""

    def __init__(self, name: str, key: str, stack: Stack, folder: Path, redis: Optional[Redis] = None):
        self.name, self.key, self.stack, self.folder, self.redis = name, key, stack, folder, redis
        self.port = free_port()
        self.process: Optional[Process] = None
        folder.mkdir()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def memory(self) -> dict[str, int]:
        own = self.process.memory()
        redis = self.redis.process.memory() if self.redis else {"rss": 0, "pss": 0}
        return {"rss": own["rss"], "pss": own["pss"], "redis_rss": redis["rss"]}

    def stop(self) -> None:
        if self.process:
            self.process.stop()

    def embedded(self) -> Optional[int]:
        """Texts of requests whose vector was computed, where the service counts them itself."""
        return None


class Instinct(Service):
    path = "/v1/decide"
    served = '"outcome":"decided"'

    def __init__(self, binary: Path, *given, **named):
        super().__init__(*given, **named)
        self._binary = binary

    def start(self) -> None:
        command = [str(self._binary), "serve", "--listen", f"127.0.0.1:{self.port}", "--data-dir", str(self.folder / "data")]
        if self.redis:
            command += ["--store", self.redis.url]
        self.process = Process(command, self.stack.environment(), self.folder / "log")
        self.process.wait_until(lambda: bool(fetched(f"{self.url}/health/ready")), self.name)

    def fill(self, entries: Path) -> None:
        """Through its own bulk write; then it starts anew, so that its memory is that of serving and not of loading."""
        self.start()
        lines = entries.read_bytes().splitlines(keepends=True)
        for at in range(0, len(lines), BULK_LINES):
            results = fetched(f"{self.url}/v1/entries", b"".join(lines[at : at + BULK_LINES]), "application/x-ndjson")
            refused = [line for line in results.splitlines() if json.loads(line)["status"] == "error"]
            if refused:
                raise Failure(f"{self.name} refused {len(refused)} entries, for one: {refused[0]}")
        self.process.stop()
        self.start()

    def body(self, text: str) -> dict:
        return {"text": text, "allow": "fast"}

    def fact_in(self, answer: dict) -> Optional[str]:
        return answer["decision"]["labels"].get("fact") if answer["decision"] else None

    def embedded(self) -> Optional[int]:
        told = dict(re.findall(r"^(\w+(?:\{[^}]*\})?) (\d+)$", fetched(f"{self.url}/metrics"), re.M))
        return int(told['embedding_duration_seconds_count{operation="embedding"}']) - int(told["embedding_cache_hits_total"])


class Torch(NamedTuple):
    """A Python that has sentence-transformers, and the folder of its model."""

    python: str
    model: Path


class Prototype(Service):
    path = "/decide"
    served = '"hit":true'

    def __init__(self, workers: int, tuned: bool, *given, torch: Optional[Torch] = None, **named):
        super().__init__(*given, **named)
        self._workers = workers
        self._python = torch.python if torch else self.stack.python
        threads = max(1, (os.cpu_count() or 1) // workers)
        self._environment = self.stack.environment(
            PROTOTYPE_REDIS_URL=self.redis.url, PROTOTYPE_TUNED=str(int(tuned)), PROTOTYPE_EMBED_THREADS=str(threads)
        )
        if torch:
            self._environment["PROTOTYPE_TORCH_MODEL"] = str(torch.model)

    def start(self) -> None:
        # No log line for each request: Instinct writes none either.
        options = ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--workers", str(self._workers)]
        command = [self._python, "-m", "uvicorn", "server:app", "--host", "127.0.0.1", "--port", str(self.port), *options]
        self.process = Process(command, self._environment, self.folder / "log", HERE)
        # A worker that is ready later than the first would get no connections: all of them must be.
        self.process.wait_until(lambda: self.process.log.read_text().count("startup complete") >= self._workers, self.name)

    def fill(self, entries: Path) -> None:
        filled = subprocess.run(
            [self._python, "server.py", str(entries)], env=self._environment, cwd=HERE, capture_output=True, text=True
        )
        if filled.returncode:
            raise Failure(f"{self.name} could not be filled: {filled.stderr.strip().splitlines()[-1:]}")
        say(f"  Redis holds {json.loads(filled.stdout)['stored']}")

    def body(self, text: str) -> dict:
        return {"prompt": text}

    def fact_in(self, answer: dict) -> Optional[str]:
        return answer["response"]["labels"].get("fact") if answer["hit"] else None


def stop_all(parts: Iterable) -> None:
    for part in parts:
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            part.stop()
