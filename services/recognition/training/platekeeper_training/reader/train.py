"""Trains the plate reader: `python -m platekeeper_training.reader.train --out FOLDER`.

It stops and goes on anywhere: the folder holds the last state, the best weights by the held-back photographs, and one
line of figures for each look. On a GPU where there is one.
"""

import argparse
import json
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from platekeeper_training.reader import held_back
from platekeeper_training.reader.network import ReaderNet
from platekeeper_training.reader.shards import REGIONS, Ahead, Shard, Sources
from platekeeper_training.reader.trunk import begin_with


@dataclass(frozen=True, slots=True)
class Plan:
    """One run."""

    shards: int
    """How many shards in all; the learning rate falls to nothing over them. A run may go on with another number, and
    with others `held`."""
    window: int = 12
    """Shards at hand at a time; each crop is seen about `reuse` times while it is."""
    reuse: float = 2.0
    batch: int = 128
    rate: float = 1.5e-3
    """The highest learning rate."""
    trunk_rate: float = 0.4
    """Of it, for the trunk when it begins with what it has learnt elsewhere."""
    held: int = 0
    """So many of the trunk's first layers stay as they began; with 4, a step takes little more than half the time."""
    warm: float = 0.03
    """Of the run: the rate rises."""
    averaged: float = 0.998
    """How slowly the averaged weights, which are kept, follow (Polyak and Juditsky 1992)."""
    region_share: float = 0.1
    """Of the loss."""
    first: int = 0
    """The number of the first shard; from some 25 on none are easy, for a network that can read already."""
    look_every: int = 10
    """Shards between two looks at the held-back photographs."""
    seed: int = 7


class Run:
    """A training run in a folder."""

    def __init__(self, plan: Plan, sources: Sources, out: Path, *, begin: Path | None, half: bool) -> None:
        """Begin, or go on where `out` says that it stopped.

        `begin`: PP-OCRv6's recogniser (ONNX) for the trunk, or the weights of another run (`best.pt`) for the whole
        network; `half`: multiply in bfloat16.
        """
        self.plan, self.sources, self.out = plan, sources, out
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.manual_seed(plan.seed)
        self.half = half
        self.net = ReaderNet(len(REGIONS))
        if begin is not None and begin.suffix == ".onnx":
            begin_with(self.net.trunk, begin)
        elif begin is not None:
            self.net.load_state_dict(torch.load(begin, map_location="cpu"))
        self.net.to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.averaged = torch.optim.swa_utils.AveragedModel(self.net, avg_fn=self._followed, use_buffers=True)
        known = list(self.net.trunk.parameters()) if begin is not None else []
        new = [each for each in self.net.parameters() if not any(each is one for one in known)]
        groups = [{"params": new, "share": 1.0}, {"params": known, "share": plan.trunk_rate}]
        self.optimiser = torch.optim.AdamW([group for group in groups if group["params"]], plan.rate, weight_decay=0.01)
        self.net.trunk[: plan.held].requires_grad_(False)
        self.done = plan.first
        self.best = 0.0
        self._resume()

    def train(self, workers: int) -> None:
        """All shards that are left."""
        first = max(self.done - self.plan.window + 1, self.plan.first)
        ahead = Ahead(self.sources, first=first, workers=workers)
        window: list[Shard] = [ahead.take() for _ in range(first, self.done)]
        began = time.monotonic()
        try:
            while self.done < self.plan.shards:
                window = [*window, ahead.take()][-self.plan.window :]
                loss = self._learn(window)
                self.done += 1
                print(
                    f"shard {self.done}/{self.plan.shards} loss {loss:.4f} {time.monotonic() - began:.0f} s", flush=True
                )
                if self.done % self.plan.look_every == 0 or self.done == self.plan.shards:
                    self._look(loss)
        finally:
            ahead.close()

    def _learn(self, window: list[Shard]) -> float:
        """The steps of one shard: batches out of the whole window."""
        random = np.random.default_rng((self.plan.seed, self.done, 1))
        crops = window[0].crops.shape[0]
        steps = max(round(crops * self.plan.reuse / self.plan.batch), 1)
        self.net.train()
        losses = []
        for step in range(steps):
            self._set_rate((self.done - self.plan.first + step / steps) / (self.plan.shards - self.plan.first))
            chosen = random.integers((len(window), crops), size=(self.plan.batch, 2))
            loss = self._loss(window, chosen)
            self.optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(self.net.parameters(), 2.0)
            self.optimiser.step()
            self.averaged.update_parameters(self.net)
            losses.append(loss.item())
        return float(np.mean(losses))

    def _loss(self, window: list[Shard], chosen: "np.ndarray[tuple[int, int], np.dtype[np.int64]]") -> Tensor:
        pairs = [(window[shard], place) for shard, place in chosen]
        crops = torch.from_numpy(np.stack([shard.crops[place] for shard, place in pairs])).to(self.device)
        texts = torch.from_numpy(np.stack([shard.texts[place] for shard, place in pairs])).to(self.device)
        regions = torch.tensor([int(shard.regions[place]) for shard, place in pairs], device=self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            characters, countries = self.net(crops.permute(0, 3, 1, 2).float())
        text = functional.cross_entropy(characters.float().flatten(0, 1), texts.flatten())
        region = functional.cross_entropy(countries.float(), regions, ignore_index=0, reduction="sum") / len(pairs)
        return text + self.plan.region_share * region

    def _set_rate(self, share: float) -> None:
        rise = min(share / self.plan.warm, 1.0)
        fall = 0.5 * (1 + math.cos(math.pi * share))
        for group in self.optimiser.param_groups:
            group["lr"] = self.plan.rate * group["share"] * rise * max(fall, 0.002)

    def _followed(self, averaged: Tensor, now: Tensor, steps: Tensor | int) -> Tensor:
        """The average after one more step; it follows fast at first, so it never holds what was there by chance."""
        slow = min(self.plan.averaged, (1 + int(steps)) / (10 + int(steps)))
        return now if not now.is_floating_point() else averaged + (now - averaged) * (1 - slow)

    def _look(self, loss: float) -> None:
        """Measure on the held-back photographs; keep the state, and the weights when they are the best so far."""
        scores = held_back.scores(self.averaged.module, self.sources.photographs, self.device)
        mean = float(np.mean([score.exact for score in scores.values()])) if scores else 0.0
        line = {"shard": self.done, "loss": round(loss, 4), **{name: asdict(score) for name, score in scores.items()}}
        with (self.out / "figures.jsonl").open("a", encoding="utf-8") as figures:
            figures.write(json.dumps(line) + "\n")
        print({name: (round(score.exact, 3), round(score.folded, 3)) for name, score in scores.items()}, flush=True)
        if mean >= self.best:
            self.best = mean
            _put(self.averaged.module.state_dict(), self.out / "best.pt")
        state = {
            "net": self.net.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "done": self.done,
            "best": self.best,
            "plan": asdict(self.plan),
        }
        _put(state, self.out / "state.pt")

    def _resume(self) -> None:
        self.out.mkdir(parents=True, exist_ok=True)
        path = self.out / "state.pt"
        if not path.exists():
            return
        state = torch.load(path, map_location=self.device)
        changed = {"shards": self.plan.shards, "held": self.plan.held}
        if {**state["plan"], **changed} != asdict(self.plan):
            raise SystemExit(f"{path} is of another plan: {state['plan']}; choose another folder or that plan")
        self.net.load_state_dict(state["net"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.done, self.best = state["done"], state["best"]


def _put(what: object, path: Path) -> None:
    part = path.with_suffix(".part")
    torch.save(what, part)
    part.rename(path)


def main() -> None:
    """The command line."""
    usual = Plan(shards=1500)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the run's folder; a run there goes on")
    parser.add_argument("--photographs", type=Path, help="folder of folders of real pictures; without, all is drawn")
    parser.add_argument("--fonts", type=Path, required=True, help="where the fonts are, or are put")
    parser.add_argument(
        "--begin", type=Path, help="PP-OCRv6_rec_small.onnx, as rapidocr brings it, for the trunk; or another best.pt"
    )
    parser.add_argument("--rate", type=float, default=usual.rate, help="the highest learning rate")
    parser.add_argument(
        "--held", type=int, default=usual.held, help="so many first layers of the trunk stay as they are"
    )
    parser.add_argument(
        "--first", type=int, default=usual.first, help="begin with that shard: the first 25 are easy ones"
    )
    parser.add_argument("--half", action="store_true", help="multiply in bfloat16: for processors that can")
    parser.add_argument("--shards", type=int, default=usual.shards)
    parser.add_argument("--workers", type=int, default=1, help="processes that draw")
    parser.add_argument("--threads", type=int, default=1, help="of torch, on a CPU")
    parser.add_argument("--batch", type=int, default=usual.batch)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    plan = Plan(options.shards, batch=options.batch, rate=options.rate, held=options.held, first=options.first)
    sources = Sources(plan.seed, options.fonts, options.photographs)
    Run(plan, sources, options.out, begin=options.begin, half=options.half).train(options.workers)


if __name__ == "__main__":
    main()
