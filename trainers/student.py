"""The quickstart's student: a Qwen3 of about a million parameters with random weights and a character tokenizer.

It can read and write the compact style and nothing else. Any other model is named by path or hub id in the
recipe and loaded with `catena.trainers.models.load_model`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers

from catena.trainers.models import save_model

hf: Any = transformers  # its functions are untyped

TINY_NAME = "tiny"
"""What settings call it."""
CHARACTERS = "abcdefghijklmnopqrstuvwxyz0123456789=;?+-*"
PAD, EOS, UNK, USER, ASSISTANT = "<pad>", "<eos>", "<unk>", "<user>", "<assistant>"
ANSWER_TAGS = ("<answer>", "</answer>")
CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<' + message['role'] + '>' + message['content'] }}"
    "{% if message['role'] == 'assistant' %}{{ '<eos>' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}"
)


@dataclass(frozen=True, slots=True)
class StudentSettings:
    """Shape of the student; the defaults give 1.0 million parameters."""

    hidden_size: int = 128
    num_layers: int = 5
    num_heads: int = 4
    num_key_value_heads: int = 4
    intermediate_size: int = 384
    max_positions: int = 512


def make_tokenizer() -> Any:
    """One token per character of the compact style, one for each answer tag; pads on the left, as generation needs."""
    special = [PAD, EOS, UNK, USER, ASSISTANT]
    vocabulary = {token: index for index, token in enumerate([*special, *ANSWER_TAGS, *CHARACTERS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=UNK))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    tokenizer.decoder = decoders.Fuse()
    tokenizer.add_special_tokens(special)
    # The tags are ordinary text for decoding: a reward that reads decoded rollouts has to see them.
    tokenizer.add_tokens([AddedToken(tag, normalized=False, special=False) for tag in ANSWER_TAGS])
    return hf.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=EOS,
        unk_token=UNK,
        padding_side="left",
        clean_up_tokenization_spaces=False,
        chat_template=CHAT_TEMPLATE,
        model_input_names=["input_ids", "attention_mask"],
    )


def make_student(folder: Path, *, seed: int, settings: StudentSettings | None = None) -> int:
    """Writes the untrained student into `folder` and returns its number of parameters."""
    settings, tokenizer = settings or StudentSettings(), make_tokenizer()
    config = hf.Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=settings.hidden_size,
        intermediate_size=settings.intermediate_size,
        num_hidden_layers=settings.num_layers,
        num_attention_heads=settings.num_heads,
        num_key_value_heads=settings.num_key_value_heads,
        head_dim=settings.hidden_size // settings.num_heads,
        max_position_embeddings=settings.max_positions,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: Any = hf.Qwen3ForCausalLM(config)
    save_model(model, tokenizer, folder)
    return sum(parameter.numel() for parameter in model.parameters())
