"""The stand-in for the hub as a process of its own: prints its URL, serves until its stdin ends, then prints what came in."""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.hub_server import HubServer


def main() -> None:
    folder, bytes_per_s = Path(sys.argv[1]), int(sys.argv[2])
    with HubServer(folder, bytes_per_s=bytes_per_s) as hub:
        print(json.dumps(hub.environment), flush=True)
        sys.stdin.read()
        print(json.dumps({"bytes_in": hub.log.bytes_in, "requests": len(hub.log.requests)}), flush=True)


if __name__ == "__main__":
    main()
