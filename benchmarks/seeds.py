"""The quickstart's training over several seeds: sampled accuracy by horizon of SFT start, SFT continued and RL.

    python benchmarks/seeds.py --seeds 0 1 2 --out runs/seeds

Each seed makes its own data, its own student and its own sampling. A gain counts as seen where the intervals of RL and
of its start are apart. Finished seeds are not run again.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--out", default="runs/seeds")
    options = parser.parse_args()
    apart: dict[int, int] = {}
    for seed in options.seeds:
        folder = Path(options.out) / str(seed)
        command = [sys.executable, "-m", "catena.flows.cli", "run", "quickstart", "--run-folder", str(folder)]
        subprocess.run([*command, "--set", f"seed={seed}", "--set", "compose.0.rows={2=200}"], check=True)
        training = json.loads((folder / "report.json").read_text())["training"]
        rows = {(row["model"], row["horizon"]): row for row in training["evaluation"]}
        horizons = sorted({horizon for _, horizon in rows})
        print(f"\nseed {seed}: {training['stage_seconds']} s, tokens {training['stage_tokens']}")
        print("horizon  trained   " + "".join(f"{model:<24}" for model in training["models"]) + "RL above start")
        for horizon in horizons:
            cells = [rows[model, horizon] for model in training["models"]]
            above = cells[-1]["low"] > cells[0]["high"]
            apart[horizon] = apart.get(horizon, 0) + above
            said = "".join(f"{c['accuracy']:.3f} [{c['low']:.3f}, {c['high']:.3f}]    " for c in cells)
            print(f"{horizon:>7}  {cells[0]['trained']:<8}  {said}{'intervals apart' if above else '-'}")
    print(
        "\nseeds with intervals apart, by horizon:",
        {h: f"{n} of {len(options.seeds)}" for h, n in sorted(apart.items())},
    )


if __name__ == "__main__":
    main()
