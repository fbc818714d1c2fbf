"""What can go wrong, named after the boundary that was crossed.

CatenaError
├── UserError               wrong input: one sentence that names the place and the remedy, exit code 2
│   ├── RecipeError         a recipe that cannot be run
│   ├── DatasetError        an input data set that cannot be read
│   ├── ShardError          a shard or manifest that is damaged or of another version
│   └── RunFolderError      a run folder that cannot be written, or belongs to another recipe
└── TrainingError           training went on, but what it produces can no longer be trusted

A bad *record* is never an exception: it goes to the rejected shard with its reason.
"""


class CatenaError(Exception):
    """Base of every error that Catena raises on purpose."""


class UserError(CatenaError, ValueError):
    """Wrong input by the user; the message is complete and needs no traceback."""


class RecipeError(UserError):
    """A recipe has an unknown key, an impossible value or a missing file."""


class DatasetError(UserError):
    """An input data set is missing or a line of it is not what its format says."""


class ShardError(UserError):
    """A shard or manifest is truncated, altered, or of another schema version."""


class RunFolderError(UserError):
    """The run folder cannot be written or holds another recipe's run."""


class TrainingError(CatenaError):
    """A stop condition of training was met (unscorable rewards, non-finite loss)."""
