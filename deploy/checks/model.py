"""A stand-in for a language model's server, so that what is counted about language models is there: chat completions as a stream, every
fifth request refused."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count

VIEW = {"abstain": False, "signal": 1, "conviction": 0.6, "reasoning": "The stand-in always says so."}
CAUTION = {"veto": False, "size_factor": 1.0, "reasoning": "The stand-in forbids nothing."}


def answer_to(chat: dict) -> str:
    wanted = chat.get("response_format", {}).get("json_schema", {}).get("name")
    return json.dumps(CAUTION if wanted == "caution" else VIEW)


class Handler(BaseHTTPRequestHandler):
    turns = count(1)

    def do_POST(self) -> None:
        chat = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if next(self.turns) % 5 == 0:
            self.send_error(500)
            return
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        usage = {"prompt_tokens": 120, "completion_tokens": 40}
        for event in (
            {"choices": [{"index": 0, "delta": {"content": answer_to(chat)}}]},
            {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
            {"choices": [], "usage": usage},
        ):
            self.wfile.write(f"data: {json.dumps(event)}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")

    def log_message(self, *_) -> None:
        pass


class Model:
    """Serves from a free port until it is closed."""

    def __init__(self) -> None:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/v1"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
