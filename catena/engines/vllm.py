"""The `vllm` engine: one model in vLLM, in this process and its children, from the first request to `close`.

Not here: how vLLM is started (`catena.engines.vllm_start`) and asked (`catena.engines.vllm_model`); models that run
code of their own, LoRA, images.
"""

import asyncio

from catena.engines.base import Completion, Keep, Request
from catena.engines.local import check_options
from catena.engines.models import ModelSpec
from catena.engines.vllm_model import VllmModel, chat_request
from catena.engines.vllm_start import OPTIONS, start
from catena.errors import EngineError, RunStopped


class VllmEngine:
    """Completions of one model by vLLM; must be made inside a running event loop.

    `options` are vLLM's engine arguments (`max_model_len`, `gpu_memory_utilization`, `tensor_parallel_size`,
    `reasoning_parser`, ...) and its server's `chat_template` and `default_chat_template_kwargs`.
    """

    def __init__(self, spec: ModelSpec) -> None:
        """Starts nothing yet.

        Raises:
            UserError: vLLM is not installed, or has no such option.
        """
        check_options(spec, OPTIONS)
        self.spec = spec
        self._slots = asyncio.Semaphore(spec.concurrency)
        self._starting: asyncio.Task[VllmModel] | None = None
        self._in_flight: set[asyncio.Task[Completion]] = set()
        self._closed = False

    async def models(self) -> list[str]:
        """The one model it serves, as a server would list it."""
        return [self.spec.model]

    async def complete(self, request: Request, keep: Keep | None = None) -> Completion:
        """The completion of `request`; what exceeds the model's context is cut, as `length`.

        Raises:
            UserError: vLLM refuses the model or the value of an option.
            EngineError: The prompt fills the context, vLLM refuses the request, or no answer came within `timeout_s`.
            RunStopped: vLLM could not start or died, or the engine was closed meanwhile.
        """
        chat = chat_request(request)
        async with self._slots:
            completion = await self._answer(await self._model(), request, chat)
            if keep is not None:
                await keep(completion)
            return completion

    async def close(self) -> None:
        """Ends what is in flight, vLLM's processes and their memory; safe to call twice."""
        self._closed = True
        for answering in self._in_flight:
            answering.cancel()
        await asyncio.gather(*self._in_flight, return_exceptions=True)
        starting, self._starting = self._starting, None
        if starting is not None:
            (started,) = await asyncio.gather(starting, return_exceptions=True)
            if isinstance(started, VllmModel):
                await started.close()

    async def _model(self) -> VllmModel:
        if self._closed:
            raise self._stopped("is closed")
        if self._starting is None:
            self._starting = asyncio.create_task(asyncio.to_thread(start, self.spec))
        model = await asyncio.shield(self._starting)
        if self._closed:
            raise self._stopped("was closed while it started")
        return model

    async def _answer(self, model: VllmModel, request: Request, chat: object) -> Completion:
        answering = asyncio.ensure_future(model.answer(request, chat))
        self._in_flight.add(answering)
        try:
            async with asyncio.timeout(self.spec.timeout_s):
                return await answering
        except TimeoutError as error:
            detail = f"no answer within {self.spec.timeout_s:g} s; raise timeout_s or lower max_tokens"
            raise EngineError("timeout", detail, model=request.model) from error
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            raise self._stopped("was closed while it answered") from None
        finally:
            self._in_flight.discard(answering)

    def _stopped(self, what: str) -> RunStopped:
        return RunStopped(f"{self.spec.name}: vLLM {what}; what was answered is kept, the same command goes on")
