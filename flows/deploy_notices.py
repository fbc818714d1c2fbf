"""The notification hook of deployed flows: one POST to a webhook when a run ends, however it ended in good order.

The URL is a secret: a parameter names the environment variable that holds it, and it reaches no log and no state. A run
that was killed with its worker says nothing by itself; Prefect's own automations watch for that.
"""

import logging
import os
from collections.abc import Callable
from typing import Any

import httpx

WAIT_S = 10.0
WEBHOOK = "CATENA_WEBHOOK"
"""Environment variable of the URL where a run names none."""
_LOGGER = logging.getLogger("prefect.catena")
_LONGEST = 500


def notify(flow: Any, flow_run: Any, state: Any) -> None:
    """Posts what became of a flow run; a webhook that cannot be reached is a warning and no failure.

    The body is JSON with `text` (what chat services show), `flow`, `run`, `state`, `message` and `run_folder`.
    """
    name = str((flow_run.parameters or {}).get("notify", WEBHOOK))  # a default is not among the parameters
    url = os.environ.get(name) if name else None
    if not url:
        return
    try:
        httpx.post(url, json=notice(flow.name, flow_run, state), timeout=WAIT_S).raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        _LOGGER.warning("the webhook in %s could not be told that %s ended (%s)", name, flow.name, type(error).__name__)


def notice(flow: str, flow_run: Any, state: Any) -> dict[str, Any]:
    """The body of a notification."""
    parameters = flow_run.parameters or {}
    what = parameters.get("recipe") or parameters.get("run_folder") or ""
    message = str(state.message or "")[:_LONGEST]
    return {
        "text": f"{flow} {what}: {state.name}" + (f" ({message})" if message and not state.is_completed() else ""),
        "flow": flow,
        "run": str(flow_run.id),
        "state": state.name,
        "message": message,
        "run_folder": parameters.get("run_folder"),
    }


HOOKS: dict[str, list[Callable[[Any, Any, Any], None]]] = {
    name: [notify] for name in ("on_completion", "on_failure", "on_crashed", "on_cancellation")
}
"""The hooks of every deployed flow."""
