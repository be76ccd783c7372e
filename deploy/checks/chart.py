"""The Helm chart, by Helm's own library: linted, rendered with several values, and the manifests validated for several versions of
Kubernetes. No cluster is asked."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

import helm_python as helm
import kubernetes_validate
import yaml

from .report import DEPLOY

CHART = DEPLOY / "helm" / "instinct"
# The oldest that Chart.yaml allows, and the newest that is known here.
VERSIONS = ("1.30", kubernetes_validate.latest_version())
# Kinds of operators, whose schemas Kubernetes doesn't have.
FOREIGN = ("monitoring.coreos.com/",)

KEYS = {"auth": {"keysSecret": "api-keys"}}
JWT = {"config": '[auth.jwt]\nissuer = "https://issuer.example"\naudience = ["instinct"]\njwks_file = "/run/secrets/jwks/keys.json"\n'}
OPEN = {"allowRemote": True}
REDIS = {**KEYS, "store": {"backend": "redis", "redis": {"url": "redis://redis:6379"}}}
ALL_ON = {
    **REDIS,
    "store": {"backend": "redis", "redis": {"existingSecret": "redis-url"}},
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}, "keySecret": "metrics-key"},
    "prometheusRule": {"enabled": True},
    "dashboards": {"enabled": True},
    "strategies": {"news-impact.toml": 'name = "news-impact"\n'},
    "secretFiles": {"llm": "llm-key"},
    "gpus": 1,
    "image": {"digest": "sha256:" + "0" * 64},
    "imagePullSecrets": [{"name": "registry"}],
    "extraEnv": [{"name": "INSTINCT_SERVER__WORKERS", "value": "4"}],
    "tolerations": [{"key": "gpu", "operator": "Exists"}],
    "nodeSelector": {"disk": "ssd"},
    "priorityClassName": "high",
    "networkPolicy": {
        "callers": [{"namespaceSelector": {"matchLabels": {"team": "desk"}}}],
        "egress": [{"to": [{"podSelector": {"matchLabels": {"app": "redis"}}}], "ports": [{"port": 6379, "protocol": "TCP"}]}],
    },
}
CASES = {
    "embedded": KEYS,
    "without credentials": OPEN,
    "with tokens": JWT,
    "redis": REDIS,
    "redis without autoscaling": {**REDIS, "autoscaling": {"enabled": False}, "networkPolicy": {"enabled": False}},
    "everything": ALL_ON,
}
# Each is good but for one thing.
BAD = {
    "no credentials": {},
    "an unknown setting": {**KEYS, "replica": 2},
    "Redis without an address": {**KEYS, "store": {"backend": "redis"}},
    "a password in the address": {**KEYS, "store": {"backend": "redis", "redis": {"url": "redis://:secret@redis:6379"}}},
    "an image without a version": {**KEYS, "image": {"tag": "latest"}},
    "a limit of memory that is missing": {**KEYS, "resources": {"limits": None}},
    "two GPUs": {**KEYS, "gpus": 2},
}
EXPECTED = {
    "embedded": {"StatefulSet", "Service", "ServiceAccount", "ConfigMap", "NetworkPolicy"},
    "without credentials": {"StatefulSet", "Service", "ServiceAccount", "ConfigMap", "NetworkPolicy"},
    "with tokens": {"StatefulSet", "Service", "ServiceAccount", "ConfigMap", "NetworkPolicy"},
    "redis": {
        "Deployment",
        "Service",
        "ServiceAccount",
        "ConfigMap",
        "NetworkPolicy",
        "HorizontalPodAutoscaler",
        "PodDisruptionBudget",
    },
    "redis without autoscaling": {"Deployment", "Service", "ServiceAccount", "ConfigMap", "PodDisruptionBudget"},
    "everything": {
        "Deployment",
        "Service",
        "ServiceAccount",
        "ConfigMap",
        "NetworkPolicy",
        "HorizontalPodAutoscaler",
        "PodDisruptionBudget",
        "ServiceMonitor",
        "PrometheusRule",
    },
}


@contextmanager
def without_chatter() -> Iterator[None]:
    """Helm tells of every symbolic link on standard error, past Python."""
    kept, sink = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    sys.stderr.flush()
    os.dup2(sink, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(sink)


def render(values: dict) -> list[dict]:
    with without_chatter(), helm.Chart.load(str(CHART)) as chart:
        chart.validate_schema(values)
        texts = chart.render(values, name="demo", namespace="prod")
    manifests = [text for path, text in texts.items() if path.endswith(".yaml")]
    return [document for text in manifests for document in yaml.safe_load_all(text) if document]


def lint() -> Iterator[str]:
    for name, values in CASES.items():
        with without_chatter():
            found = helm.lint(str(CHART), values, strict=True)
        # 1 is information: an icon is recommended.
        yield from (f"{name}: {m['path']}: {m['error']}" for m in found["messages"] if m["severity"] > 1)
        yield from (f"{name}: {error}" for error in found["errors"])


def rendered() -> Iterator[str]:
    for name, values in CASES.items():
        documents = render(values)
        if (kinds := {each["kind"] for each in documents}) != EXPECTED[name]:
            yield f"{name}: its kinds are {sorted(kinds)}"
        for document in documents:
            place = f"{name}: {document['kind']} {document['metadata']['name']}"
            yield from (f"{place}: {flaw}" for flaw in flaws(document))
        yield from (f"{name}: {flaw}" for flaw in fits_together(documents))


def flaws(document: dict) -> Iterator[str]:
    if not document["apiVersion"].startswith(FOREIGN):
        for version in VERSIONS:
            try:
                kubernetes_validate.validate(document, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                yield f"not valid for Kubernetes {version}: {error.message}"
    if document["kind"] in ("Deployment", "StatefulSet"):
        yield from hardened(document["spec"]["template"]["spec"])
    if document["kind"] == "PrometheusRule":
        yield from rules_kept(document["spec"])


def hardened(pod: dict) -> Iterator[str]:
    """What the restricted profile of Kubernetes' Pod Security Standards asks for, and what a rollout needs."""
    if not pod["securityContext"].get("runAsNonRoot") or pod["securityContext"]["seccompProfile"]["type"] != "RuntimeDefault":
        yield "the pod may run as root or without seccomp"
    if pod["automountServiceAccountToken"]:
        yield "the pod gets a token of Kubernetes' API"
    for container in pod["containers"]:
        context = container["securityContext"]
        if (
            context["allowPrivilegeEscalation"]
            or not context["readOnlyRootFilesystem"]
            or context["capabilities"] != {"drop": ["ALL"]}
        ):
            yield "the container is not hardened"
        if not {"startupProbe", "readinessProbe", "livenessProbe"} <= container.keys():
            yield "a probe is missing"
        if "memory" not in container["resources"]["limits"]:
            yield "there is no limit of memory"
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        there = {volume["name"] for volume in pod["volumes"]}
        if missing := mounted - there - {"data"}:
            yield f"volumes {sorted(missing)} are mounted and not there"


def rules_kept(spec: dict) -> Iterator[str]:
    """The rules come through the chart whole."""
    groups = [
        group
        for path in sorted((DEPLOY / "prometheus" / "rules").glob("*.yml"))
        for group in yaml.safe_load(path.read_text())["groups"]
    ]
    if sorted(spec["groups"], key=lambda g: g["name"]) != sorted(groups, key=lambda g: g["name"]):
        yield "its rules differ from deploy/prometheus/rules"


def fits_together(documents: list[dict]) -> Iterator[str]:
    """Selectors find the pods, and the ports have names that are there."""
    pods = next(d for d in documents if d["kind"] in ("Deployment", "StatefulSet"))
    labels = pods["spec"]["template"]["metadata"]["labels"].items()
    for document in documents:
        spec = document.get("spec", {})
        selector = {
            "Service": lambda: spec["selector"],
            "PodDisruptionBudget": lambda: spec["selector"]["matchLabels"],
            "NetworkPolicy": lambda: spec["podSelector"]["matchLabels"],
            "Deployment": lambda: spec["selector"]["matchLabels"],
            "StatefulSet": lambda: spec["selector"]["matchLabels"],
        }.get(document["kind"])
        if selector and not selector().items() <= labels:
            yield f"{document['kind']} {document['metadata']['name']} selects other pods"
        if document["kind"] == "HorizontalPodAutoscaler" and spec["scaleTargetRef"]["name"] != pods["metadata"]["name"]:
            yield "the autoscaler scales something else"
    services = {d["metadata"]["name"] for d in documents if d["kind"] == "Service"}
    if pods["kind"] == "StatefulSet" and pods["spec"]["serviceName"] not in services:
        yield "the StatefulSet's Service is missing"
    if (
        pods["kind"] == "Deployment"
        and "replicas" in pods["spec"]
        and any(d["kind"] == "HorizontalPodAutoscaler" for d in documents)
    ):
        yield "both the Deployment and the autoscaler set the replicas"


def refused() -> Iterator[str]:
    for name, values in BAD.items():
        try:
            render(values)
            yield f"{name} is accepted"
        except helm.HelmError:
            pass


def guarded() -> Iterator[str]:
    """Whether callers are asked for credentials is what the values say."""
    for name, values in CASES.items():
        pods = next(d for d in render(values) if d["kind"] in ("Deployment", "StatefulSet"))["spec"]["template"]["spec"]
        variables = {v["name"] for v in pods["containers"][0]["env"]}
        if ("INSTINCT_SERVER__ALLOW_REMOTE" in variables) != values.get("allowRemote", False):
            yield f"{name}: it listens to everybody, or does not, against its values"
        if ("INSTINCT_AUTH__KEYS_FILE" in variables) != ("auth" in values):
            yield f"{name}: its keys are not those of its values"


def settings(binary: str) -> Iterator[str]:
    """The service reads the settings of the chart and those that its variables make, over strategies as a ConfigMap mounts them."""
    documents = render(CASES["embedded"])
    config = next(d for d in documents if d["kind"] == "ConfigMap")["data"]["instinct.toml"]
    pods = next(d for d in documents if d["kind"] == "StatefulSet")["spec"]["template"]["spec"]
    with tempfile.TemporaryDirectory() as folder:
        path, strategies = Path(folder) / "instinct.toml", Path(folder) / "strategies"
        path.write_text(config)
        as_config_map(strategies)
        variables = {v["name"]: v["value"] for v in pods["containers"][0]["env"]}
        # The Secret, where it would be mounted.
        keys = Path(folder) / "keys.toml"
        new = [binary, "keys", "new", "--tenant", "a", "--role", "decide", "--file", str(keys)]
        subprocess.run(new, check=True, capture_output=True)
        variables.update(INSTINCT_AUTH__KEYS_FILE=str(keys))
        variables.update(INSTINCT_STORE__DATA_DIR=folder, INSTINCT_STRATEGIES__DIR=str(strategies), PATH=os.environ["PATH"])
        command = [binary, "check-config", "--config", str(path)]
        done = subprocess.run(command, cwd=DEPLOY.parent, env=variables, capture_output=True, text=True)
        if done.returncode:
            yield done.stdout + done.stderr


def as_config_map(place: Path) -> None:
    """Files as links into a hidden folder, which is how Kubernetes mounts them."""
    hidden = place / "..2026_01_01"
    hidden.mkdir(parents=True)
    (place / "..data").symlink_to(hidden.name)
    for file in (DEPLOY.parent / "strategies").iterdir():
        (hidden / file.name).write_bytes(file.read_bytes())
        (place / file.name).symlink_to(f"..data/{file.name}")
