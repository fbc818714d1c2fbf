"""The `transformers` engine: one model in this process, for a CPU or where vLLM does not run; requests go in batches.

A batch ends with its slowest row. Not here: how a row is drawn (`catena.engines.transformers_batch`).
"""

import asyncio
from collections import deque

from catena.engines.base import Completion, Keep, Request
from catena.engines.local import one_line
from catena.engines.models import ModelSpec
from catena.engines.transformers_model import Row, TransformersModel, read_settings, release
from catena.errors import EngineError, RunStopped

_GATHER_S = 0.005

Answer = asyncio.Future[Completion]


class TransformersEngine:
    """Completions of one model by transformers; must be made inside a running event loop.

    `options` are the fields of `catena.engines.transformers_model.Settings`.
    """

    def __init__(self, spec: ModelSpec) -> None:
        """Loads nothing yet.

        Raises:
            UserError: transformers is not installed, or an option is of no use.
        """
        self.spec = spec
        self._settings = read_settings(spec)
        self._slots = asyncio.Semaphore(spec.concurrency)
        self._waiting: deque[tuple[Row, Answer]] = deque()
        self._answers: set[Answer] = set()
        self._loading: asyncio.Task[TransformersModel] | None = None
        self._serving: asyncio.Task[None] | None = None
        self._closed = False

    async def models(self) -> list[str]:
        """The one model it serves, as a server would list it."""
        return [self.spec.model]

    async def complete(self, request: Request, keep: Keep | None = None) -> Completion:
        """The completion of `request`; what exceeds the model's context is cut, as `length`.

        Raises:
            UserError: The model cannot be loaded.
            EngineError: The prompt fills the context, a setting is of no use, or generating failed or took too long.
            RunStopped: The engine was closed meanwhile.
        """
        async with self._slots:
            model = await self._model()
            answer: Answer = asyncio.get_running_loop().create_future()
            row = model.row(request)
            row.wanted = lambda: not answer.done()
            self._waiting.append((row, answer))
            self._answers.add(answer)
            answer.add_done_callback(self._answers.discard)
            if self._serving is None or self._serving.done():
                self._serving = asyncio.create_task(self._serve(model))
            completion: Completion = await answer
            if keep is not None:
                await keep(completion)
            return completion

    async def close(self) -> None:
        """Ends what is in flight and lets go of the model; safe to call twice."""
        self._closed = True
        for answer in tuple(self._answers):
            answer.set_exception(self._stopped("was closed while it answered"))
        if self._serving is not None:
            await self._serving
        loading, self._loading = self._loading, None
        if loading is not None:
            await asyncio.gather(loading, return_exceptions=True)
            del loading
            release()

    async def _model(self) -> TransformersModel:
        if self._closed:
            raise self._stopped("is closed")
        if self._loading is None:
            self._loading = asyncio.create_task(asyncio.to_thread(TransformersModel, self.spec, self._settings))
        model = await asyncio.shield(self._loading)
        if self._closed:
            raise self._stopped("was closed while it loaded")
        return model

    async def _serve(self, model: TransformersModel) -> None:
        """Generates batch after batch while anybody waits."""
        while self._waiting:
            if len(self._waiting) < self._settings.batch_size:
                await asyncio.sleep(_GATHER_S)
            size = min(len(self._waiting), self._settings.batch_size)
            batch = [(row, answer) for row, answer in (self._waiting.popleft() for _ in range(size)) if row.wanted()]
            if batch:
                await self._generate(model, batch)

    async def _generate(self, model: TransformersModel, batch: list[tuple[Row, Answer]]) -> None:
        rows = [row for row, _ in batch]
        try:
            results = await asyncio.to_thread(model.generate, rows)
        except Exception as error:  # memory, or a model's own code: this batch fails, the engine lives on
            results = [EngineError("overloaded", one_line(error), model=row.request.model) for row in rows]
        for (_, answer), result in zip(batch, results, strict=True):
            if answer.done():
                continue
            if isinstance(result, EngineError):
                answer.set_exception(result)
            else:
                answer.set_result(result)

    def _stopped(self, what: str) -> RunStopped:
        return RunStopped(f"{self.spec.name}: the engine {what}; what was answered is kept, the same command goes on")
