"""The step `rewrite`: a composed row reworded, checked against its certificate, and solved blind where models are named for it."""

from dataclasses import dataclass

from catena.composed_drafts import carried
from catena.generators.rewriting import Rewrite
from catena.graphs import graph_from_text
from catena.records import Draft
from catena.streaming import Filtered
from catena.validators.rewriting import SolveBlind, check_rewording

NOT_COMPOSED = "no composed row"


@dataclass(frozen=True, slots=True)
class CheckedRewrite:
    """Rewording, its check, and a blind solve where there is one, as one step: no row passes in words that nobody has checked."""

    rewrite: Rewrite
    solve: SolveBlind | None
    name: str

    async def __call__(self, draft: Draft) -> Draft | Filtered:
        """The reworded draft, or why it goes no further."""
        known = carried(draft)
        if not known or draft.answer is None:
            return Filtered(NOT_COMPOSED, "rewrite takes rows of a data set with format = 'composed'")
        new = await self.rewrite(draft)
        graph = graph_from_text(known["graph"])
        flaw = next(check_rewording(draft.statement, new.statement, draft.answer, graph), None)
        if flaw is not None:
            return flaw
        return new if self.solve is None else await self.solve(new)
