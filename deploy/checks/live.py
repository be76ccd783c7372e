"""A real service under a little load and a real Prometheus that scrapes it and evaluates the rules, on free ports, for as long as the
checks need them."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Iterator

import yaml

from .model import Model
from .promql import exported
from .report import DEPLOY, REPOSITORY, Missing, say

LOAD_SECONDS = 20


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def http(method: str, url: str, body: bytes | dict | None = None) -> tuple[int, bytes]:
    data = json.dumps(body).encode() if isinstance(body, dict) else body
    request = urllib.request.Request(url, data=data, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def wait_for(url: str, process: subprocess.Popen, log: Path, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError):
            if http("GET", url)[0] == 200:
                return
        time.sleep(0.2)
    raise RuntimeError(f"{url} did not answer within {seconds:.0f} s\n{log.read_text()[-2000:]}")


class Stack:
    """What is running: addresses of the service and of Prometheus."""

    def __init__(self, folder: Path, binary: str, prometheus: str) -> None:
        self.folder, self.binary, self.program = folder, binary, prometheus
        self.service = f"http://127.0.0.1:{free_port()}"
        self.prometheus = f"http://127.0.0.1:{free_port()}"
        self.model = Model()
        self.running: list[subprocess.Popen] = []

    def start(self, name: str, command: list[str], ready: str) -> None:
        log = self.folder / f"{name}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(command, cwd=REPOSITORY, stdout=out, stderr=subprocess.STDOUT)
        self.running.append(process)
        wait_for(ready, process, log)

    def start_service(self) -> None:
        settings = self.folder / "instinct.toml"
        settings.write_text(
            f'[[llm.endpoints]]\nname = "stand-in"\nbase = "{self.model.base}"\nmodel = "none"\nstream = true\njson_schema = true\n'
            "prompt_usd_per_million = 1.0\ncompletion_usd_per_million = 2.0\n"
        )
        listen = urllib.parse.urlparse(self.service).netloc
        data = str(self.folder / "data")
        command = [self.binary, "serve", "--config", str(settings), "--listen", listen, "--data-dir", data]
        self.start("instinct", command, f"{self.service}/health/ready")

    def start_prometheus(self) -> None:
        shutil.copytree(DEPLOY / "prometheus" / "rules", self.folder / "rules")
        recording = self.folder / "rules" / "recording.yml"
        # The checks can't wait two minutes for the groups that are read less often.
        recording.write_text(re.sub(r"interval: 2m", "interval: 1s", recording.read_text()))
        config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
        config["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
        job = next(job for job in config["scrape_configs"] if job["job_name"] == "instinct")
        job["static_configs"] = [{"targets": [urllib.parse.urlparse(self.service).netloc]}]
        config["scrape_configs"] = [job]
        path = self.folder / "prometheus.yml"
        path.write_text(yaml.safe_dump(config))
        listen = urllib.parse.urlparse(self.prometheus).netloc
        command = [
            self.program,
            f"--config.file={path}",
            f"--storage.tsdb.path={self.folder / 'tsdb'}",
            f"--web.listen-address={listen}",
        ]
        self.start("prometheus", command, f"{self.prometheus}/-/ready")

    def stop(self) -> None:
        for process in reversed(self.running):
            process.terminate()
        for process in self.running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=30)
            process.kill()
        self.model.close()

    def exported(self) -> set[str]:
        return exported(http("GET", f"{self.service}/metrics")[1].decode())

    def query(self, expression: str) -> tuple[str | None, list]:
        """What is wrong, if anything is, and the series."""
        asked = urllib.parse.urlencode({"query": expression})
        _, body = http("GET", f"{self.prometheus}/api/v1/query?{asked}")
        answer = json.loads(body)
        if answer["status"] != "success":
            return answer.get("error", "failed"), []
        result = answer["data"]["result"]
        return None, [{"metric": {}}] if answer["data"]["resultType"] == "scalar" else result

    def rule_flaws(self) -> Iterator[str]:
        """Rules that do not evaluate, which promtool can't know."""
        _, body = http("GET", f"{self.prometheus}/api/v1/rules")
        for group in json.loads(body)["data"]["groups"]:
            for rule in group["rules"]:
                if rule["health"] == "err":
                    yield f"{group['name']} {rule['name']}: {rule.get('lastError')}"


def load(stack: Stack) -> None:
    """A little of everything that is counted."""
    sample = REPOSITORY / "sample"
    for path, name in (("/v1/components", "components"), ("/v1/entries", "entries")):
        status, body = http("POST", stack.service + path, (sample / f"{name}.ndjson").read_bytes())
        if status != 200:
            raise RuntimeError(f"POST {path}: {status} {body[:300]!r}")
    for ceiling in (10, 10, 20):
        model = {
            "model_type": "lp",
            "decision_variables": [{"name": "x", "type": "continuous", "lb": 0}],
            "objective": {"sense": "maximize", "expression": "x"},
            "constraints": [f"2*x <= {ceiling}"],
        }
        status, body = http("POST", f"{stack.service}/v1/plans", model)
        if status != 200:
            raise RuntimeError(f"POST /v1/plans: {status} {body[:300]!r}")
        time.sleep(2)
    asked = [json.loads(line) for line in (sample / "requests.ndjson").read_text().splitlines()]
    end = time.monotonic() + LOAD_SECONDS
    turn = 0
    while time.monotonic() < end:
        one = asked[turn % len(asked)]
        question = {"text": one["text"], "tags": one["tags"]}
        if one["kind"] != "exact" and turn >= len(asked):
            question["text"] += f" (update {turn})"
        status, body = http("POST", f"{stack.service}/v1/decide", question)
        if status == 200 and turn % 10 == 0:
            verdict = "wrong" if turn % 100 == 0 else "right"
            http("POST", f"{stack.service}/v1/feedback", {"decision_id": json.loads(body)["id"], "verdict": verdict})
        if turn % 50 == 0:
            http("POST", f"{stack.service}/v1/decide", {"text": ""})
        turn += 1
        time.sleep(0.02)


@contextlib.contextmanager
def running(binary: str, prometheus: str) -> Iterator[Stack]:
    if not Path(binary).is_file():
        raise Missing(f"{binary} is not there: run `make build`, or name a binary with --binary")
    with tempfile.TemporaryDirectory(prefix="instinct-deploy-check-") as folder:
        stack = Stack(Path(folder), binary, prometheus)
        try:
            stack.start_service()
            stack.start_prometheus()
            say(f"deploy-check: {LOAD_SECONDS} s of load on {stack.service}, scraped by {stack.prometheus}")
            load(stack)
            yield stack
        finally:
            stack.stop()
