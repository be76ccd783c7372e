#!/usr/bin/env python3
"""Makes ONNX graphs that turn token ids into a sentence embedding.

    build_onnx.py export   model.safetensors model.onnx --heads 12
    build_onnx.py pool     hidden-states.onnx model.onnx
    build_onnx.py quantize model.onnx model-int8.onnx

`export` writes the graph of a BERT encoder straight from its weights, so neither torch nor an exporter is needed. `pool`
completes a graph that somebody else exported and that ends at the hidden states. Both put pooling and the L2 norm into the
graph: whoever runs it gets a unit vector and cannot pool in another way than the model was trained with.
`quantize` makes the int8 version of such a graph.

Every graph takes `input_ids` and `attention_mask`, int64 of [batch, seq], and gives `sentence_embedding`, float32 of
[batch, dim]. The same input gives the same bytes each time with the versions in requirements.txt, which is what lets a
checksum stand in the manifest. Names of nodes and constants are numbered in the order of their making, so reordering
statements here changes the checksums without changing what a graph computes.
"""

import argparse
import logging
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

# The first opset with LayerNormalization as one operator, and the IR version that came with it.
OPSET = 17
IR_VERSION = 8

# Added to the attention scores of padding: far below any real score, so that its softmax is 0 in float32.
MASKED_SCORE = -1e4
# Floors that keep an empty text from dividing by zero.
TOKENS_MIN = 1e-9
NORM_MIN = 1e-12


class Graph:
    """Collects the nodes and constants of a graph, and names them by number."""

    def __init__(self):
        self.nodes = []
        self.constants = []
        self._made = 0

    def constant(self, array, name=None):
        """Keeps an array in the graph; gives its name."""
        name = name or f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def integers(self, *values):
        return self.constant(np.array(values, np.int64))

    def scalar(self, value):
        return self.constant(np.float32(value))

    def op(self, kind, *inputs, name=None, **attributes):
        """Adds a node with one output; gives the output's name."""
        return self._node(kind, inputs, 1, name, attributes)[0]

    def split(self, value, sizes, axis):
        """Cuts a tensor in parts of these sizes along an axis; gives their names."""
        return self._node("Split", [value, self.integers(*sizes)], len(sizes), None, {"axis": axis})

    def _node(self, kind, inputs, output_count, name, attributes):
        self._made += 1
        outputs = [f"t{self._made}_{i}" for i in range(output_count)]
        name = name or f"{kind}_{self._made}"
        # The empty domain is that of ONNX's own operators.
        self.nodes.append(helper.make_node(kind, inputs, outputs, name=name, domain="", **attributes))
        return outputs

    def affine(self, x, weight, bias, name):
        """x · weight + bias, with the weight as [in, out]."""
        product = self.op("MatMul", x, self.constant(weight.astype(np.float32), f"{name}.weight"), name=name)
        return self.op("Add", product, self.constant(bias, f"{name}.bias"))

    def pool(self, hidden, mask, how):
        """One vector for each text of [batch, seq, dim]: the mean of its tokens, or its first token."""
        if how == "cls":
            return self.op("Gather", hidden, self.constant(np.int64(0)), axis=1)
        mask = self.op("Unsqueeze", mask, self.integers(2))
        total = self.op("ReduceSum", self.op("Mul", hidden, mask), self.integers(1), keepdims=0)
        tokens = self.op("ReduceSum", mask, self.integers(1), keepdims=0)
        return self.op("Div", total, self.op("Clip", tokens, self.scalar(TOKENS_MIN)))

    def normalize(self, x):
        """Brings vectors to unit length, as the graph's output."""
        norm = self.op("Clip", self.op("ReduceL2", x, axes=[1], keepdims=1), self.scalar(NORM_MIN))
        self.nodes.append(helper.make_node("Div", [x, norm], ["sentence_embedding"], name="l2norm"))


class Bert:
    """A BERT encoder with absolute positions and GELU, read from a safetensors file with the usual names."""

    def __init__(self, weights, heads, layer_norm_eps):
        from safetensors.numpy import load_file

        # Some uploads carry the weights of BertModel, others those of a model that holds one as `bert`.
        self.weights = {name.removeprefix("bert."): array for name, array in load_file(weights).items()}
        self.width = self.weights["embeddings.word_embeddings.weight"].shape[1]
        self.layers = 1 + max(int(name.split(".")[2]) for name in self.weights if name.startswith("encoder.layer."))
        self.heads = heads
        self.layer_norm_eps = layer_norm_eps
        if self.width % heads:
            raise SystemExit(f"{weights}: a width of {self.width} does not divide into {heads} heads")

    def graph(self, pooling):
        g = Graph()
        x = self._embeddings(g)
        mask = g.op("Cast", "attention_mask", to=TensorProto.FLOAT)
        masked = g.op("Sub", g.scalar(1), g.op("Unsqueeze", mask, g.integers(1, 2)))
        score_bias = g.op("Mul", masked, g.scalar(MASKED_SCORE))
        by_head = g.integers(0, 0, self.heads, self.width // self.heads)
        for layer in range(self.layers):
            x = self._attention(g, x, score_bias, by_head, f"encoder.layer.{layer}.attention")
            x = self._feed_forward(g, x, f"encoder.layer.{layer}")
        g.normalize(g.pool(x, mask, pooling))
        return g

    def _embeddings(self, g):
        words = g.constant(self.weights["embeddings.word_embeddings.weight"], "word_embeddings")
        words = g.op("Gather", words, "input_ids")
        # A single text is all of token type 0, so its embedding is added to the positions once and for all.
        positions = self.weights["embeddings.position_embeddings.weight"]
        positions = positions + self.weights["embeddings.token_type_embeddings.weight"][0]
        length = g.op("Slice", g.op("Shape", "input_ids"), g.integers(1), g.integers(2))
        positions = g.op("Slice", g.constant(positions, "position_embeddings"), g.integers(0), length, g.integers(0))
        return self._layer_norm(g, g.op("Add", words, positions), "embeddings.LayerNorm")

    def _attention(self, g, x, score_bias, by_head, name):
        query, key, value = (self._pair(f"{name}.self.{part}") for part in ("query", "key", "value"))
        # One product for query, key and value: int8 then quantises x once instead of three times. The scale of the
        # scores, 1/√d, is folded into the query's weights.
        scale = np.float32(1 / np.sqrt(self.width // self.heads))
        weight = np.concatenate([query[0].T * scale, key[0].T, value[0].T], 1)
        bias = np.concatenate([query[1] * scale, key[1], value[1]])
        query, key, value = g.split(g.affine(x, weight, bias, f"{name}.qkv"), [self.width] * 3, axis=2)
        query = g.op("Transpose", g.op("Reshape", query, by_head), perm=[0, 2, 1, 3])
        key = g.op("Transpose", g.op("Reshape", key, by_head), perm=[0, 2, 3, 1])
        value = g.op("Transpose", g.op("Reshape", value, by_head), perm=[0, 2, 1, 3])
        scores = g.op("Add", g.op("MatMul", query, key), score_bias)
        mixed = g.op("MatMul", g.op("Softmax", scores, axis=-1), value)
        mixed = g.op("Reshape", g.op("Transpose", mixed, perm=[0, 2, 1, 3]), g.integers(0, 0, self.width))
        return self._add_and_norm(g, self._linear(g, mixed, f"{name}.output.dense"), x, f"{name}.output")

    def _feed_forward(self, g, x, name):
        wide = self._linear(g, x, f"{name}.intermediate.dense")
        # GELU in its exact form; ONNX Runtime fuses these four into one operator.
        erf = g.op("Erf", g.op("Div", wide, g.scalar(np.sqrt(2))))
        wide = g.op("Mul", g.op("Mul", wide, g.op("Add", erf, g.scalar(1))), g.scalar(0.5))
        return self._add_and_norm(g, self._linear(g, wide, f"{name}.output.dense"), x, f"{name}.output")

    def _add_and_norm(self, g, x, residual, name):
        return self._layer_norm(g, g.op("Add", x, residual), f"{name}.LayerNorm")

    def _linear(self, g, x, name):
        weight, bias = self._pair(name)
        return g.affine(x, weight.T, bias, name)

    def _layer_norm(self, g, x, name):
        weight, bias = (g.constant(array, f"{name}.{part}") for array, part in zip(self._pair(name), ("weight", "bias")))
        return g.op("LayerNormalization", x, weight, bias, axis=-1, epsilon=self.layer_norm_eps)

    def _pair(self, name):
        return self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]


def export(weights, out, heads, layer_norm_eps, pooling):
    """Writes the fp32 graph of a BERT encoder."""
    bert = Bert(weights, heads, layer_norm_eps)
    g = bert.graph(pooling)
    tokens = ["batch", "seq"]
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, tokens) for name in ("input_ids", "attention_mask")]
    outputs = [helper.make_tensor_value_info("sentence_embedding", TensorProto.FLOAT, ["batch", bert.width])]
    graph = helper.make_graph(g.nodes, "sentence_encoder", inputs, outputs, g.constants)
    opsets = [helper.make_opsetid("", OPSET)]
    save(helper.make_model(graph, opset_imports=opsets, producer_name="build_onnx", ir_version=IR_VERSION), out)


def pool(graph, out, hidden_states, pooling):
    """Completes a graph that ends at [batch, seq, dim] hidden states."""
    model = onnx.load(graph)
    outputs = {output.name: output for output in model.graph.output}
    if hidden_states not in outputs:
        raise SystemExit(f'{graph}: no output "{hidden_states}" among {", ".join(outputs)}')
    width = outputs[hidden_states].type.tensor_type.shape.dim[2].dim_value
    g = Graph()
    # Exporters number their values too, so every new name is set apart from theirs.
    inputs = {value.name for value in model.graph.input}
    mask = g.op("Cast", "attention_mask", to=TensorProto.FLOAT)
    g.normalize(g.pool(hidden_states, mask, pooling))
    keep = inputs | {hidden_states, "sentence_embedding"}
    for node in g.nodes:
        node.name = f"pool/{node.name}"
        node.input[:] = [name if name in keep else f"pool/{name}" for name in node.input]
        node.output[:] = [name if name in keep else f"pool/{name}" for name in node.output]
    for constant in g.constants:
        constant.name = f"pool/{constant.name}"
    if "token_type_ids" in inputs:
        take_token_types_as_zero(model)
    model.graph.node.extend(g.nodes)
    model.graph.initializer.extend(g.constants)
    del model.graph.output[:]
    model.graph.output.append(helper.make_tensor_value_info("sentence_embedding", TensorProto.FLOAT, ["batch", width]))
    save(model, out)


def take_token_types_as_zero(model):
    """A single text is all of token type 0: computes that input instead of asking for it."""
    rest = [value for value in model.graph.input if value.name != "token_type_ids"]
    del model.graph.input[:]
    model.graph.input.extend(rest)
    nodes = [
        helper.make_node("Sub", ["input_ids", "input_ids"], ["token_type_ids"], name="pool/token_types"),
        *model.graph.node,
    ]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def quantize(graph, out):
    """Writes the int8 version: weights quantised here for each output channel, activations at run time.

    One scale for a whole weight matrix would cost much more of the accuracy than one for each channel. The full range of 8
    bits is used: CPUs with VNNI add up without overflow; on others the fp32 graph is the more faithful one.
    """
    from onnxruntime.quantization import QuantType, quantize_dynamic

    # It recommends a shape inference that changes nothing for a graph like ours.
    logging.getLogger().setLevel(logging.ERROR)
    quantize_dynamic(
        graph,
        out,
        weight_type=QuantType.QInt8,
        per_channel=True,
        reduce_range=False,
        extra_options={"MatMulConstBOnly": True},
    )


def save(model, out):
    onnx.checker.check_model(model)
    onnx.save(model, out)


def main():
    parser = argparse.ArgumentParser(description="Makes ONNX graphs that turn token ids into a sentence embedding.")
    steps = parser.add_subparsers(dest="step", required=True)
    step = steps.add_parser("export", help="fp32 graph from the weights of a BERT encoder")
    step.add_argument("weights", type=Path, help="safetensors file")
    step.add_argument("out", type=Path)
    step.add_argument("--heads", type=int, required=True, help="attention heads of a layer")
    step.add_argument("--layer-norm-eps", type=float, default=1e-12)
    step.add_argument("--pooling", choices=["mean", "cls"], default="mean")
    step = steps.add_parser("pool", help="adds pooling and the L2 norm to an exported graph")
    step.add_argument("graph", type=Path)
    step.add_argument("out", type=Path)
    step.add_argument("--hidden-states", default="last_hidden_state", help="the output to pool")
    step.add_argument("--pooling", choices=["mean", "cls"], default="mean")
    step = steps.add_parser("quantize", help="int8 version of a graph")
    step.add_argument("graph", type=Path)
    step.add_argument("out", type=Path)
    arguments = vars(parser.parse_args())
    {"export": export, "pool": pool, "quantize": quantize}[arguments.pop("step")](**arguments)


if __name__ == "__main__":
    main()
