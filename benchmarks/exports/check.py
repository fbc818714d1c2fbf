"""Are exported rows what each trainer's own loader reads, and is the reward what its own caller takes?

    python benchmarks/exports/check.py ROWS FOLDER [--slime SOURCE] [--nemo-rl SOURCE]

ROWS is anything that `catena export` takes and that has rows for SFT and for tests; FOLDER gets the exports. It runs in an
environment of its own, since the trainers exclude each other: docs/exports.md names the packages, all installed without their
dependencies. A trainer that is not there is named as such. Nothing here needs a GPU: no model is trained, but for two steps of
a tiny one with TRL.
"""

# pyright: reportMissingImports=false, reportPrivateImportUsage=false
# (the trainers are not in the environment that is type-checked)

import argparse
import asyncio
import importlib
import importlib.util
import json
import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from contextlib import redirect_stdout
from importlib.metadata import PackageNotFoundError, version
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from datasets import load_dataset

from catena.flows.cli import main

sys.path.append(str(Path(__file__).resolve().parents[2] / "tests"))  # some trainers install a package `tests`
from tiny_model import make_tiny_model, make_tokenizer

Check = Callable[[Path, Path], str]
WRONG = "I give up. <answer>no answer at all</answer>"


def gold(rows: Path) -> list[tuple[str, str]]:
    """Prompt and completion of the first SFT rows, which are right by construction."""
    table: Any = load_dataset("parquet", data_files=str(rows / "train.parquet"))["train"]
    return [(row["messages"][0]["content"], row["messages"][-1]["content"]) for row in table.select(range(20))]


def reward_module(folder: Path, name: str = "catena_reward") -> Any:
    sys.modules.pop(name, None)
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def trl(rl: Path, sft: Path) -> str:
    from trl import GRPOConfig, GRPOTrainer, SFTConfig, SFTTrainer

    module = reward_module(rl)
    with tempfile.TemporaryDirectory() as scratch:
        model = str(make_tiny_model(Path(scratch) / "model", max_positions=4096))
        common = {
            "max_steps": 1,
            "per_device_train_batch_size": 2,
            "use_cpu": True,
            "report_to": [],
            "save_strategy": "no",
        }
        rows = load_dataset("parquet", data_files=str(rl / "train.parquet"))["train"].select(range(8))
        settings = GRPOConfig(
            output_dir=f"{scratch}/rl",
            num_generations=2,
            max_completion_length=8,
            shuffle_dataset=False,
            bf16=False,
            **common,
        )
        trainer = GRPOTrainer(model, reward_funcs=module.correctness, args=settings, train_dataset=rows)
        trainer.train()
        assert any("rewards/correctness/mean" in line for line in trainer.state.log_history)
        rows = load_dataset("parquet", data_files=str(sft / "train.parquet"))["train"].select(range(8))
        sft_settings = SFTConfig(output_dir=f"{scratch}/sft", max_length=None, bf16=False, **common)
        SFTTrainer(model, args=sft_settings, train_dataset=rows).train()
    return f"loaded and trained on for a step by GRPOTrainer and SFTTrainer (trl {version('trl')})"


def verl(rl: Path, sft: Path) -> str:
    import numpy as np
    import torch
    from omegaconf import OmegaConf
    from verl import DataProto
    from verl.experimental.reward_loop.reward_manager.naive import NaiveRewardManager
    from verl.trainer.ppo.utils import create_rl_sampler
    from verl.utils.dataset.multiturn_sft_dataset import MultiTurnSFTDataset
    from verl.utils.dataset.rl_dataset import RLHFDataset

    tokenizer = make_tokenizer()
    config = OmegaConf.create({"max_prompt_length": 8192, "filter_overlong_prompts": True, "shuffle": False,
                               "filter_overlong_prompts_workers": None, "truncation": "error", "cache_dir": tempfile.mkdtemp()})  # fmt: skip
    data = RLHFDataset(str(rl / "train.parquet"), tokenizer, config)
    order = [data[index]["extra_info"]["index"] for index in create_rl_sampler(config, data)]
    assert order == list(range(len(data)))

    async def rewarded(index: int, said: str) -> float:
        manager = NaiveRewardManager(OmegaConf.create({}), tokenizer, reward_module(rl).compute_score)
        ids = torch.tensor([tokenizer(said)["input_ids"]])
        texts = {key: np.array([value], dtype=object) for key, value in data[index].items() if key != "dummy_tensor"}
        batch = {"responses": ids, "attention_mask": torch.ones_like(ids)}
        found = await manager.run_single(DataProto.from_dict(tensors=batch, non_tensors=texts))
        return float(found["reward_score"])

    for index, (_, completion) in enumerate(gold(sft)):
        for said, paid in ((completion, 1.0), (WRONG, 0.0)):
            assert asyncio.run(rewarded(index, said)) == paid
    tuned = MultiTurnSFTDataset(str(sft / "train.parquet"), tokenizer, OmegaConf.create({"max_length": 16384}))
    assert tuned[0]["loss_mask"].sum() > 0
    return f"loaded by RLHFDataset and MultiTurnSFTDataset, rewarded by NaiveRewardManager (verl {version('verl')})"


def openrlhf(rl: Path, sft: Path) -> str:
    from openrlhf.datasets.prompts_dataset import PromptDataset
    from openrlhf.datasets.sft_dataset import SFTDataset
    from openrlhf.datasets.utils import blending_datasets
    from openrlhf.utils.agent import SingleTurnAgentExecutor

    tokenizer = make_tokenizer()
    strategy = SimpleNamespace(print=lambda *_: None, is_rank_0=lambda: False, args=SimpleNamespace(use_ms=False))
    strategy.args.data = SimpleNamespace(input_key="input", label_key="label", apply_chat_template=True)
    rows = blending_datasets(str(rl / "train.parquet"), None, strategy)
    data = PromptDataset(rows, tokenizer, strategy)
    executor = SingleTurnAgentExecutor(str(rl / "catena_reward.py"))
    for (_, completion), (_, prompt, label, _) in zip(gold(sft), (data[index] for index in range(20)), strict=True):
        for said, paid in ((completion, 1.0), (WRONG, 0.0), ("", 0.0)):
            query = prompt + said + "<|im_end|>"
            found = asyncio.run(executor._fetch_rewards_via_func([query], [prompt], [label]))[0]
            assert [found["rewards"].item(), found["scores"].item()] == [paid, paid]
    strategy.args.data = SimpleNamespace(input_key="messages", output_key=None, apply_chat_template=True)
    tuned = SFTDataset(
        blending_datasets(str(sft / "train.parquet"), None, strategy), tokenizer, 16384, strategy, num_processors=1
    )
    assert len(tuned) == len(rows)
    return (
        f"loaded by PromptDataset and SFTDataset, rewarded by SingleTurnAgentExecutor (openrlhf {version('openrlhf')})"
    )


def skyrl(rl: Path, sft: Path) -> str:
    import skyrl_gym
    from skyrl.train.dataset.dataset import PromptDataset

    tokenizer = make_tokenizer()
    data = PromptDataset(str(rl / "train.parquet"), tokenizer, 8192, num_workers=1)
    sys.path.insert(0, str(rl))
    reward_module(rl)
    skyrl_gym.register(id="catena", entry_point="catena_env:CatenaEnv")
    for (_, completion), (prompt, env_class, extras, _) in zip(gold(sft), (data[i] for i in range(20)), strict=True):
        for said, paid in ((completion, 1.0), (WRONG, 0.0)):
            env = skyrl_gym.make(env_class, env_config={}, extras=extras)
            env.init(prompt)
            step = env.step(said)
            assert (step["reward"], step["done"]) == (paid, True)
    sys.path.remove(str(rl))
    assert len(load_dataset(str(sft), split="train")) == len(data)
    names = f"skyrl {version('skyrl')}, skyrl-gym {version('skyrl-gym')}"
    return f"loaded by PromptDataset, rewarded by skyrl_gym.make('catena').step ({names})"


def prime_rl(rl: Path, sft: Path) -> str:
    from verifiers.v1.utils.loaders import load_taskset, taskset_class

    sys.path.insert(0, str(rl))
    reward_module(rl)
    config = next(base for base in taskset_class("catena-tasks").__orig_bases__).__args__[1]  # type: ignore[attr-defined]
    tasks = list(load_taskset(config(id="catena-tasks", split="train")))
    assert len({task.key for task in tasks}) == len(tasks)
    for (_, completion), task in zip(gold(sft), tasks, strict=False):
        for said, paid in ((completion, 1.0), (WRONG, 0.0)):
            trace = SimpleNamespace(last_reply=said, rewards={}, metrics={})
            trace.record_reward = lambda name, value, weight, t=trace: t.rewards.update({name: value * weight})
            asyncio.run(task.score(trace))  # type: ignore[arg-type]  # all that scoring reads of a trace
            assert trace.rewards["correct"] == paid
    sys.path.remove(str(rl))
    assert len(load_dataset(str(sft), split="train")) == len(tasks)
    return f"loaded and scored as a Taskset by load_taskset (verifiers {version('verifiers')}); SFT by load_dataset"


def nemo_rl(rl: Path, sft: Path) -> str:
    import torch
    from hydra.utils import get_object
    from nemo_rl.data.datasets.response_datasets.response_dataset import ResponseDataset
    from nemo_rl.data.interfaces import TaskDataSpec
    from nemo_rl.data.processors import math_hf_data_processor, sft_processor
    from nemo_rl.environments.utils import register_env
    from nemo_rl.package_info import MAJOR, MINOR, PATCH
    from nemo_rl.utils.config import load_config

    tokenizer = make_tokenizer()
    data = ResponseDataset(str(rl / "train.parquet"), split="train")
    sys.path.insert(0, str(rl))
    reward_module(rl)
    from catena_environment import CatenaScorer  # type: ignore[import-not-found]  # the exported file

    environment = CatenaScorer({})
    for index, (_, completion) in enumerate(gold(sft)):
        datum = math_hf_data_processor(data.dataset[index], TaskDataSpec("catena"), tokenizer, 16384, index)
        logs = [[*datum["message_log"], {"role": "assistant", "content": said}] for said in (completion, WRONG)]
        step = environment.step(logs, [datum["extra_env_info"]] * 2)
        assert step.rewards.tolist() == [1.0, 0.0]
        batch = {"rewards": step.rewards, "is_end": torch.ones(2)}
        assert environment.global_post_process_and_metrics(batch)[1]["accuracy"] == 0.5
    run_grpo_catena = importlib.import_module("run_grpo_catena")
    register_env("catena", run_grpo_catena.ENVIRONMENT)
    assert callable(get_object(run_grpo_catena.ENVIRONMENT).options)
    sys.path.remove(str(rl))
    os.environ["DIR"] = str(rl)
    config = load_config(rl / "grpo_catena.yaml")
    assert config.data.default.env_name == "catena"
    assert config.data.train.data_path == str(rl / "train.parquet")
    tuned = ResponseDataset(str(sft / "train.parquet"), split="train")
    assert sft_processor(tuned.dataset[0], TaskDataSpec("catena"), tokenizer, 16384, 0)["length"] > 0
    return f"loaded by ResponseDataset, processed, rewarded through the environment (source of nemo_rl {MAJOR}.{MINOR}.{PATCH})"


def slime(rl: Path, sft: Path) -> str:
    from slime.rollout.rm_hub import async_rm
    from slime.utils.data import Dataset

    tokenizer = make_tokenizer()
    data = Dataset(
        str(rl / "train.parquet"),
        tokenizer,
        None,
        16384,
        prompt_key="input",
        label_key="label",
        apply_chat_template=True,
    )
    sys.path.insert(0, str(rl))
    reward_module(rl)
    args = SimpleNamespace(custom_rm_path="catena_reward.reward")
    for index, (_, completion) in enumerate(gold(sft)):
        for said, paid in ((completion, 1.0), (WRONG, 0.0)):
            sample = data[index]
            sample.response = said
            assert asyncio.run(async_rm(args, sample)) == paid
            assert not sample.remove_sample
    sys.path.remove(str(rl))
    tuned = Dataset(str(sft / "train.parquet"), tokenizer, None, None, prompt_key="messages")
    assert tuned[0].prompt[-1]["role"] == "assistant"
    return "loaded by slime.utils.data.Dataset, rewarded by async_rm (source of slime)"


CHECKS: dict[str, Check] = {
    "trl": trl, "verl": verl, "openrlhf": openrlhf, "skyrl": skyrl, "prime-rl": prime_rl, "nemo-rl": nemo_rl, "slime": slime,
}  # fmt: skip


def export(rows: str, target: str, use: str, folder: Path) -> Path:
    out = folder / f"{target}-{use}"
    with redirect_stdout(StringIO()):
        done = main(["export", rows, "--to", target, "--use", use, "--rows", "sft", "--out", str(out)])
    assert done == 0, f"catena export --to {target} --use {use} ended with {done}"
    return out


def run() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--slime", help="its source")
    parser.add_argument("--nemo-rl", help="its source")
    parser.add_argument("--only", default=",".join(CHECKS))
    options = parser.parse_args()
    for source in (options.slime, options.nemo_rl):
        if source:
            sys.path.append(source)
    if options.nemo_rl:
        os.environ["NEMO_RL"] = options.nemo_rl
    chat = export(options.rows, "verl", "sft", options.folder)
    failed = 0
    for name in options.only.split(","):
        rl = export(options.rows, name, "rl", options.folder)
        sft = chat if name != "trl" else export(options.rows, name, "sft", options.folder)
        try:
            with redirect_stdout(StringIO()):
                said = CHECKS[name](rl, sft)
        except (ModuleNotFoundError, PackageNotFoundError) as error:
            said = f"not checked: {error}"
        except Exception as error:  # the others are to be checked all the same
            said, failed = f"FAILED: {type(error).__name__}: {error}", failed + 1
            traceback.print_exc()
        print(json.dumps({"trainer": name, "result": said}), flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(run())
