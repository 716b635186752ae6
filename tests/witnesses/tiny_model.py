"""A model of nonsense for llama.cpp: two layers of random weights and a real vocabulary. It talks rubbish in a second.

python tiny_model.py VOCABULARY.gguf MODEL.gguf        (in the environment of requirements-witnesses.txt)
"""

from __future__ import annotations

import sys

import numpy
from gguf import GGUFReader, GGUFWriter

WIDTH, LAYERS, HEADS, INNER, CONTEXT = 64, 2, 4, 128, 32_768


def main(vocabulary: str, model: str) -> None:
    """Write the model. The same vocabulary gives the same weights."""
    source, made = GGUFReader(vocabulary), GGUFWriter(model, "llama")
    for field in source.fields.values():
        if field.name.startswith("tokenizer.") and field.name != "tokenizer.chat_template":
            kind, inner = field.types[0], field.types[-1] if len(field.types) > 1 else None
            made.add_key_value(field.name, field.contents(), kind, inner)
    words = len(source.fields["tokenizer.ggml.tokens"].data)
    made.add_context_length(CONTEXT)
    made.add_embedding_length(WIDTH)
    made.add_block_count(LAYERS)
    made.add_feed_forward_length(INNER)
    made.add_head_count(HEADS)
    made.add_head_count_kv(HEADS)
    made.add_layer_norm_rms_eps(1e-5)
    made.add_rope_dimension_count(WIDTH // HEADS)
    made.add_vocab_size(words)
    random = numpy.random.default_rng(2026)

    def tensor(name: str, *shape: int) -> None:
        values = random.normal(0, 0.05, shape) if len(shape) > 1 else numpy.ones(shape)
        made.add_tensor(name, values.astype(numpy.float32))

    tensor("token_embd.weight", words, WIDTH)
    for layer in range(LAYERS):
        block = f"blk.{layer}"
        tensor(f"{block}.attn_norm.weight", WIDTH)
        for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
            tensor(f"{block}.{part}.weight", WIDTH, WIDTH)
        tensor(f"{block}.ffn_norm.weight", WIDTH)
        tensor(f"{block}.ffn_gate.weight", INNER, WIDTH)
        tensor(f"{block}.ffn_up.weight", INNER, WIDTH)
        tensor(f"{block}.ffn_down.weight", WIDTH, INNER)
    tensor("output_norm.weight", WIDTH)
    tensor("output.weight", words, WIDTH)
    made.write_header_to_file()
    made.write_kv_data_to_file()
    made.write_tensors_to_file()
    made.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
