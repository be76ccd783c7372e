"""What Schemathesis is told of this service: how its NDJSON is written and read, and checks of its own beside Schemathesis's.

Loaded by Schemathesis (SCHEMATHESIS_HOOKS). API_CHECK_ROLE says whose key the requests carry: a role, `none` for a service that asks for keys
and is shown none, or `open` for a service that asks for none.
"""

from __future__ import annotations

import json
import os
import re

import jsonschema_rs
import schemathesis
from schemathesis.core import NOT_SET

NDJSON = "application/x-ndjson"
ROLE = os.environ.get("API_CHECK_ROLE", "open")
TRACE_ID = re.compile(r"[0-9a-f]{32}")

# By operation: what each line of its body is by the document.
lines_of: dict[str, jsonschema_rs.Draft202012Validator] = {}


@schemathesis.hook
def before_load_schema(context, raw_schema) -> None:
    """OpenAPI 3.1 has no words for a body of lines. The description names the schema of one; here it becomes a list of them."""
    for item in raw_schema["paths"].values():
        for operation in item.values():
            for answer in operation["responses"].values():
                told = answer.get("content", {}).get(NDJSON)
                if told is not None:
                    # A text stands for lines whose columns only the data set knows.
                    line = {"type": "object"} if told["schema"].get("type") == "string" else told["schema"]
                    told["schema"] = {"type": "array", "items": line}
            body = operation.get("requestBody", {})
            wanted = body.get("content", {}).get(NDJSON)
            if wanted is not None:
                name = re.search(r"One `(\w+)`", body["description"])
                if name is None:
                    wanted["schema"] = {"type": "array", "items": {"type": "object"}, "maxItems": 8}
                    continue
                reference = {"$ref": f"#/components/schemas/{name.group(1)}"}
                whole = {**reference, "components": raw_schema["components"]}
                lines_of[operation["operationId"]] = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
                wanted["schema"] = {"type": "array", "items": reference, "maxItems": 8}


@schemathesis.serializer("text/csv", "application/vnd.apache.parquet")
def to_file(context, value) -> bytes:
    """Nothing generates a file that is one; what comes is refused with the reason, or taken for a table of one column."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


@schemathesis.serializer(NDJSON)
def to_lines(context, value) -> bytes:
    if value is NOT_SET or value is None:
        return b""
    if isinstance(value, (bytes, str)):
        return value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")
    lines = value if isinstance(value, list) else [value]
    return "".join(json.dumps(line) + "\n" for line in lines).encode()


@schemathesis.deserializer(NDJSON)
def from_lines(context, response):
    return [json.loads(line) for line in response.content.splitlines() if line.strip()]


def told_problem(problem: dict, status: int) -> None:
    for field in ("type", "title", "detail"):
        assert isinstance(problem.get(field), str) and problem[field], f"the problem has no {field}: {problem}"
    assert problem.get("status") == status, f"the problem says {problem.get('status')}, and the status is {status}"


@schemathesis.check
def answers_by_contract(ctx, response, case) -> None:
    """Every answer has its trace id; every refusal is a problem (RFC 9457), and one that is for now says when to come back."""
    status, headers = response.status_code, {name.lower(): values for name, values in response.headers.items()}
    trace = headers.get("x-trace-id", [""])[0]
    assert TRACE_ID.fullmatch(trace), f"X-Trace-Id is {trace!r}"
    if status >= 400 and case.operation.path != "/health/ready":
        kind = headers.get("content-type", [""])[0]
        assert kind == "application/problem+json", f"{status} with {kind}"
        if response.request.method != "HEAD":
            told_problem(json.loads(response.content), status)
    if status in (429, 503):
        wait = headers.get("retry-after", [""])[0]
        assert wait.isdigit() and int(wait) >= 1, f"{status} with Retry-After {wait!r}"


@schemathesis.check
def every_line_has_its_result(ctx, response, case) -> None:
    """A bulk write answers each line by itself: what the document allows is never a bad request, what it forbids is never taken."""
    validator = lines_of.get(case.operation.definition.raw.get("operationId"))
    if validator is None or response.status_code != 200 or response.request.method not in ("POST", "PUT"):
        return
    sent = response.request.body or b""
    sent = sent.encode() if isinstance(sent, str) else sent
    lines = {number: line for number, line in enumerate(sent.split(b"\n"), 1) if line.strip()}
    results = from_lines(None, response)
    assert [result["line"] for result in results] == list(lines), f"{len(lines)} lines, and results {results}"
    for result in results:
        error = result.get("error")
        assert (error is None) == (result["status"] in ("created", "replaced")), result
        if error is not None:
            told_problem(error, error["status"])
            assert 400 <= error["status"] < 500, f"a line ends with {error}"
        try:
            good = validator.is_valid(json.loads(lines[result["line"]]))
        except ValueError:
            good = False
        if good:
            assert error is None or error["status"] != 400, f"the document allows {lines[result['line']]!r}: {error}"
        else:
            assert error is not None, f"the document does not allow {lines[result['line']]!r}"


@schemathesis.check
def roles_are_as_documented(ctx, response, case) -> None:
    """Who shows no key is let in nowhere, and who shows one exactly where the document says that its role is enough."""
    roles, status = case.operation.definition.raw.get("x-roles"), response.status_code
    documented = response.request.method.lower() == case.operation.method
    if ROLE == "open" or roles is None or not documented or {} in case.operation.definition.raw["security"]:
        return
    shown = response.request.headers.get("Authorization")
    if ROLE == "none" or not shown:
        assert status == 401, f"{status} without credentials"
        return
    # Who may operate may ask as well, and who may administer may do everything.
    enough = ROLE in roles or ROLE == "admin" or (ROLE == "operate" and "decide" in roles)
    assert (status != 403) == enough, f"{status} for the role {ROLE}, and the document says {roles}"
    assert status != 401, "401 with a key"
