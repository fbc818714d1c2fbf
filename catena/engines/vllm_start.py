"""How vLLM is started for a model: options, the environment of its processes, what is put around its engine."""

import logging
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

from catena.engines.local import Tags, one_line, revision_of
from catena.engines.models import ModelSpec
from catena.engines.orphans import EndsWithParent
from catena.engines.vllm_library import (
    VERSION,
    AsyncEngineArgs,
    AsyncLLM,
    OnlineRenderer,
    UsageContext,
    current_platform,
    load_chat_template,
)
from catena.engines.vllm_model import SHUTDOWN_S, VllmModel
from catena.errors import RunStopped, UserError

logger = logging.getLogger(__name__)

SERVER_OPTIONS = ("chat_template", "chat_template_content_format", "default_chat_template_kwargs")
OPTIONS = {each.name for each in fields(AsyncEngineArgs)} - {"model", "revision", "tokens_only"} | {*SERVER_OPTIONS}

_CHILDREN = {"TORCH_CPP_LOG_LEVEL": "ERROR", "TORCH_LOGS": "-torch", "VLLM_WORKER_SHUTDOWN_TIMEOUT_SECONDS": "30"}


def start(spec: ModelSpec) -> VllmModel:
    """Loads the model; returns when vLLM is ready, after seconds or minutes.

    Raises:
        UserError: vLLM refuses the model or the value of an option.
        RunStopped: It could not start (memory, device).
    """
    options = {"disable_log_stats": True, "use_tqdm_on_load": False, **_platform_options(), **spec.options}
    server = {name: options.pop(name, None) for name in SERVER_OPTIONS}
    logger.info("%s: starting vLLM %s with %s", spec.name, VERSION, spec.model)
    folder = tempfile.mkdtemp(prefix="catena-vllm-")
    with _children_environment(folder):
        try:
            template = load_chat_template(server["chat_template"])
            arguments = AsyncEngineArgs(model=spec.model, revision=spec.revision or None, **_typed(options))
            config = arguments.create_engine_config(UsageContext.LLM_CLASS)  # batch sizes for throughput
        except Exception as error:  # vLLM has many validators; whatever they raise is about the model or an option
            raise UserError(f"{spec.name}: vLLM refuses {spec.model} or an option of it: {one_line(error)}") from error
        config.additional_config = EndsWithParent(config.additional_config)
        try:
            engine = AsyncLLM.from_vllm_config(config, disable_log_stats=arguments.disable_log_stats)
        except Exception as error:
            reason = f"vLLM could not start with {spec.model} ({one_line(error)}); its own words are above"
            raise RunStopped(f"{spec.name}: {reason}") from error
    try:
        return _assemble(spec, engine, folder, template, server)
    except Exception as error:
        engine.shutdown(SHUTDOWN_S)
        shutil.rmtree(folder, ignore_errors=True)
        raise UserError(f"{spec.name}: {spec.model} has no use for an option: {one_line(error)}") from error


def _assemble(spec: ModelSpec, engine: Any, folder: str, template: str | None, server: Mapping[str, Any]) -> VllmModel:
    config, tokenizer = engine.model_config, deepcopy(engine.get_tokenizer())
    renderer = OnlineRenderer(
        config,
        engine.renderer,
        request_logger=None,
        chat_template=template,
        chat_template_content_format=server["chat_template_content_format"] or "auto",
        reasoning_parser=engine.vllm_config.structured_outputs_config.reasoning_parser or None,
        default_chat_template_kwargs=server["default_chat_template_kwargs"],
    )
    if renderer.parser is not None:
        renderer.parser(tokenizer, None, model_config=config)  # fails where the tokenizer lacks the parser's tokens
    revision = revision_of(spec, getattr(config.hf_config, "_commit_hash", None), f"vllm {VERSION}")
    tags = Tags.of(lambda text: tokenizer.encode(text, add_special_tokens=False))
    return VllmModel(spec.name, engine, renderer, tokenizer, tags, config.get_diff_sampling_param(), revision, folder)


def _platform_options() -> dict[str, Any]:
    # vLLM 0.30 on a CPU dies of a prompt that is read in chunks for a request with a seed ("CPU Generator does not use
    # offset").
    return {"enable_chunked_prefill": False} if current_platform.is_cpu() else {}


def _typed(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Tables among the options as the configuration objects that vLLM expects in their place."""
    typed = dict(arguments)
    for each in fields(AsyncEngineArgs):
        default: Any = each.default if each.default_factory is MISSING else each.default_factory()
        if is_dataclass(default) and isinstance(typed.get(each.name), Mapping):
            configuration: Any = type(default)
            typed[each.name] = configuration(**typed[each.name])
    return typed


@contextmanager
def _children_environment(folder: str) -> Iterator[None]:
    """What vLLM's processes inherit; taken back with what vLLM itself sets, as this process has other children."""
    before = dict(os.environ)
    for name, value in _CHILDREN.items():
        os.environ.setdefault(name, value)
    os.environ["VLLM_RPC_BASE_PATH"] = folder
    try:
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)
