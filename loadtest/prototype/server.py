"""The prototype's service: FastAPI in front of RedisVL's SemanticCache, with the model that Instinct embeds with.

    python server.py STORED.ndjson      writes every text with its decision to Redis
    python -m uvicorn server:app        serves

The prototype embedded through a provider's API, which took 0.47 s. Here the model runs in the process: the same ONNX file, the same
tokenizer and the same ONNX Runtime, so that what differs is the service around it. Settings come by PROTOTYPE_* from the environment,
because uvicorn's workers are processes of their own that import this file again.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Optional

import prometheus_client as prometheus
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict
from redisvl.extensions.cache.embeddings import EmbeddingsCache
from redisvl.extensions.cache.llm import SemanticCache
from redisvl.utils.vectorize import CustomVectorizer
from tokenizers import Tokenizer

# The prototype's: one match for a lookup, at most this far away by RedisVL's cosine distance.
DISTANCE_THRESHOLD = 0.1
# Tokens of a text that are read, as in Instinct.
TOKENS_MAX = 256
# Writes of the fill that are on their way at one time.
FILL_AT_ONCE = 64

REDIS_URL = os.environ.get("PROTOTYPE_REDIS_URL", "redis://127.0.0.1:6379")
MODEL = os.environ.get("PROTOTYPE_MODEL", "runtime/all-minilm-l6-v2/model-int8.onnx")
TOKENIZER = os.environ.get("PROTOTYPE_TOKENIZER", "runtime/all-minilm-l6-v2/tokenizer.json")
EMBED_THREADS = int(os.environ.get("PROTOTYPE_EMBED_THREADS", "1"))
# A graph in place of RedisVL's scan of all vectors, and the vectors of known texts kept: what the prototype could have had and had not.
# A folder with the weights for sentence-transformers, through which RedisVL embeds unless told otherwise; without it, the ONNX file.
TORCH_MODEL = os.environ.get("PROTOTYPE_TORCH_MODEL")
TUNED = os.environ.get("PROTOTYPE_TUNED") == "1"


class Embedder:
    """The model, run beside the event loop: ONNX Runtime lets go of the interpreter's lock while it computes."""

    def __init__(self):
        import numpy as np
        import onnxruntime

        self._np = np
        options = onnxruntime.SessionOptions()
        # One thread for a text and as many texts at a time as there are threads, which is what Instinct does.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(MODEL, options, providers=["CPUExecutionProvider"])
        self._tokenizer = Tokenizer.from_file(TOKENIZER)
        # The file asks for padding to 128 tokens, and every headline would pay for them.
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(TOKENS_MAX)
        self._threads = ThreadPoolExecutor(EMBED_THREADS)

    def embed(self, content, **_) -> list[float]:
        ids = self._np.array([self._tokenizer.encode(content).ids], self._np.int64)
        return self._session.run(None, {"input_ids": ids, "attention_mask": self._np.ones_like(ids)})[0][0].tolist()

    async def aembed(self, content, **_) -> list[float]:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.embed, content)


class TorchEmbedder:
    """sentence-transformers, which is what RedisVL's own vectorizer calls, with the weights that the ONNX file was made from."""

    def __init__(self, folder: str):
        import torch
        from sentence_transformers import SentenceTransformer

        torch.set_num_threads(EMBED_THREADS)
        self._model = SentenceTransformer(folder, device="cpu")
        self._threads = ThreadPoolExecutor(1)

    def embed(self, content, **_) -> list[float]:
        return self._model.encode([content], normalize_embeddings=True)[0].tolist()

    async def aembed(self, content, **_) -> list[float]:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.embed, content)


class GraphCache(SemanticCache):
    """RedisVL's cache over an HNSW index, for which it has no setting."""

    def _modify_schema(self, schema, filterable_fields=None):
        fields = schema.to_dict()["fields"]
        for field in fields:
            if field["type"] == "vector":
                field["attrs"] = {**field["attrs"], "algorithm": "hnsw", "m": 32, "ef_construction": 128}
        changed = type(schema).from_dict({"index": schema.to_dict()["index"], "fields": fields})
        return super()._modify_schema(changed, filterable_fields)


def open_cache() -> SemanticCache:
    embedder = TorchEmbedder(TORCH_MODEL) if TORCH_MODEL else Embedder()
    known = EmbeddingsCache(name="known", redis_url=REDIS_URL) if TUNED else None
    vectorizer = CustomVectorizer(embed=embedder.embed, aembed=embedder.aembed, cache=known)
    kind = GraphCache if TUNED else SemanticCache
    return kind(name="prototype", distance_threshold=DISTANCE_THRESHOLD, vectorizer=vectorizer, redis_url=REDIS_URL)


class Prompt(BaseModel):
    prompt: str


class Report(BaseModel):
    """One event with what was decided on it, in the columns of the prototype's data."""

    model_config = ConfigDict(extra="allow")
    input_report: str
    output_report: str
    signal: Optional[int] = None
    conviction: Optional[float] = None


# The prototype's metrics.
REQUESTS = prometheus.Counter("http_requests_total", "Requests.", ["endpoint", "method", "status"])
REQUEST_S = prometheus.Histogram("http_request_duration_seconds", "Time of a request.", ["endpoint", "method"])
HITS = prometheus.Counter("semantic_cache_hits_total", "Lookups that found a decision.")
MISSES = prometheus.Counter("semantic_cache_misses_total", "Lookups that found none.")
LOOKUP_S = prometheus.Histogram("semantic_cache_duration_seconds", "Time of a lookup.", ["operation"])
EMBED_S = prometheus.Histogram("embedding_duration_seconds", "Time of an embedding.", ["operation"])


@asynccontextmanager
async def lifespan(app: FastAPI):
    app.state.cache = open_cache()
    await app.state.cache.acheck(prompt="the first lookup connects")
    yield


app = FastAPI(lifespan=lifespan)


@app.post("/decide")
async def decide(request: Prompt, manual_embedding: bool = False):
    begin = time.perf_counter()
    cache: SemanticCache = app.state.cache
    if manual_embedding:
        vector = await cache._vectorizer.aembed(request.prompt)
        EMBED_S.labels("embedding").observe(time.perf_counter() - begin)
        looked = time.perf_counter()
        found = await cache.acheck(vector=vector, num_results=1)
    else:
        looked = begin
        found = await cache.acheck(prompt=request.prompt, num_results=1)
    LOOKUP_S.labels("acheck").observe(time.perf_counter() - looked)
    (HITS if found else MISSES).inc()
    answer = {"hit": bool(found), "response": json.loads(found[0]["response"]) if found else None}
    if found:
        answer |= {"matched": found[0]["prompt"], "distance": found[0]["vector_distance"]}
    REQUESTS.labels("/decide", "POST", "200").inc()
    REQUEST_S.labels("/decide", "POST").observe(time.perf_counter() - begin)
    return answer


@app.post("/insert_data")
async def insert_data(report: Report):
    decision = {"reasoning": report.output_report, "signal": report.signal, "conviction": report.conviction}
    return {"response": await app.state.cache.astore(prompt=report.input_report, response=json.dumps(decision))}


@app.post("/clear")
async def clear():
    await app.state.cache.aclear()
    return {"response": "cleared"}


@app.get("/metrics")
async def metrics():
    return prometheus.generate_latest().decode()


async def fill(path: str) -> None:
    cache = open_cache()
    with open(path, encoding="utf-8") as file:
        entries = [json.loads(line) for line in file]
    for at in range(0, len(entries), FILL_AT_ONCE):
        part = entries[at : at + FILL_AT_ONCE]
        await asyncio.gather(*(cache.astore(prompt=entry["text"], response=json.dumps(entry["decision"])) for entry in part))
    print(json.dumps({"stored": cache.index.info()["num_docs"]}))


if __name__ == "__main__":
    asyncio.run(fill(sys.argv[1]))
