"""Recipe sections about topics: which tree, which branches of it, and how it is grown."""

from typing import Annotated

from pydantic import Field, model_validator

from catena.flows.recipe_base import Count, Section


class TopicShare(Section):
    """A branch of the taxonomy and its weight: the topics below `path` share its quota equally."""

    path: tuple[str, ...] = Field(min_length=1)
    share: float = Field(gt=0, default=1.0)


class Grow(Section):
    """Growing a topic tree, one level after another.

    Attributes:
        subjects: Names of the roots, where there is no `seed`.
        seed: A tree to begin with: a shipped one by name, a tree file (.jsonl), a TOML outline or a classification (.csv).
        children: Topics wanted below each topic, level by level: areas of a subject, topics of an area, concepts of a topic.
        models: Each is asked for every topic.
        samples: How often each model is asked.
        critic: Judges every list; without one the rules alone do.
        top_ups: Times that a level is asked for more where names were put aside or merged.
        merge: Whether near duplicates over the whole tree are merged after each level.
        judge: Decides which near pairs are one topic; without one the offline rule does.
        embeddings: Finds near pairs (`engine = "openai-embeddings"`); without one the packaged all-MiniLM-L6-v2 does.
    """

    subjects: tuple[str, ...] = ()
    seed: str | None = None
    children: tuple[Annotated[int, Field(ge=1, le=1000)], ...] = Field(min_length=1, max_length=8)
    models: tuple[str, ...] = Field(min_length=1)
    samples: Count = 1
    critic: str | None = None
    top_ups: int = Field(ge=0, le=10, default=2)
    merge: bool = True
    judge: str | None = None
    embeddings: str | None = None

    @model_validator(mode="after")
    def _begins_somewhere(self) -> "Grow":
        if bool(self.subjects) == (self.seed is not None):
            raise ValueError('give either subjects = [...] or seed = "...", so that there is one thing to grow from')
        if not self.merge and (self.judge or self.embeddings):
            raise ValueError("merge is false, so judge and embeddings have nothing to do; leave them out")
        if len(self.children) < 2:
            raise ValueError("children needs at least two numbers: a tree has at least three levels")
        return self

    def asks(self) -> tuple[str, ...]:
        """Names of the models that growing asks."""
        others = (self.critic, self.judge, self.embeddings)
        return (*self.models, *(name for name in others if name is not None))
