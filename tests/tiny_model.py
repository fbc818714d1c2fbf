"""A causal language model of some 100,000 parameters, made on the spot: for tests and benchmarks of the local engines.

A Qwen3 with random weights, a byte-level tokenizer, a ChatML template; no hub. With `says` it answers every
conversation with that text at temperature 0: a chain of tokens, each the successor of the one before.
"""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

hf: Any = transformers  # its functions are untyped

EOS, START, PAD = "<|im_end|>", "<|im_start|>", "<|endoftext|>"
THINK = ("<think>", "</think>")
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
    "{% if enable_thinking is defined and enable_thinking %}{{ '<think>' }}{% endif %}"
)


def make_tiny_model(
    folder: Path, *, says: str | None = None, max_positions: int = 512, num_layers: int = 2, seed: int = 0
) -> Path:
    """Writes model, tokenizer and template into `folder` and returns it; no two tokens of `says` may be equal."""
    tokenizer = make_tokenizer()
    config = hf.Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=num_layers,
        num_attention_heads=2,
        num_key_value_heads=2,
        head_dim=32,
        max_position_embeddings=max_positions,
        tie_word_embeddings=False,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = hf.Qwen3ForCausalLM(config)
        if says is not None:
            _teach(model, list(_chain(tokenizer, says)))
    hf.utils.logging.disable_progress_bar()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def make_tokenizer() -> Any:
    """One token per byte, one for each of the words below and each special token."""
    words = [" think", " answer", " is", "ing", "the", "{", "}", '"', " 4", " 2", " +", " ="]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({symbol: index for index, symbol in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_tokens([AddedToken(word, normalized=False, special=False) for word in (*words, *THINK)])
    tokenizer.add_special_tokens([EOS, START, PAD])
    return hf.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=EOS,
        pad_token=PAD,
        clean_up_tokenization_spaces=False,
        chat_template=CHAT_TEMPLATE,
        model_input_names=["input_ids", "attention_mask"],
    )


def _chain(tokenizer: Any, says: str) -> Iterator[tuple[int, int]]:
    first = tokenizer.encode("\n")  # the end of the prompt
    tokens = [*first, *tokenizer.encode(says), tokenizer.eos_token_id]
    if len(set(tokens)) < len(tokens):
        raise ValueError(f"{says!r}: a token stands twice, which a chain of tokens cannot say")
    return pairwise(tokens)


def _teach(model: Any, chain: list[tuple[int, int]]) -> None:
    """Lets every token of `chain` be followed by its successor: layers add nothing, the head looks the token up."""
    for layer in model.model.layers:
        layer.self_attn.o_proj.weight.data.zero_()
        layer.mlp.down_proj.weight.data.zero_()
    embedding, head = model.model.embed_tokens.weight.data, model.lm_head.weight.data
    torch.nn.init.normal_(embedding)
    head.zero_()
    for token, successor in chain:
        head[successor] = embedding[token]
