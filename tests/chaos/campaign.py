"""One campaign, from an empty folder to a verdict."""

import asyncio
import random
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from chaos import scene, verdict
from chaos.plan import Fault, plan
from chaos.stack import MINDER, PROXY, NotUp, Stack
from chaos.tally import Tally
from chaos.traffic import Traffic
from chaos.verdict import Judge, Verdict

THERE_SECONDS = 60.0
"""How long a fault waits for its victim to run again."""
PROGRESS_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a campaign is to be."""

    seed: int
    faults: int = 50
    minutes: float = 25.0
    """All of it ends within; when the faults do not fit, that is a finding."""
    mean_seconds: float = 10.0
    """Between two faults, on the average."""
    reads_a_second: float = 60.0
    frame_seconds: float = 2.0
    listed: int = 40
    """Plates on the hot list to be seen live; as many again to be handed in late."""
    settle_seconds: float = 180.0
    """How long the stack may take to catch up once nobody kills any more."""
    whole_audit: bool = True
    """Wait for a checkpoint over all access records, a minute at most."""
    keep: bool = False
    """Keep the folder even when nothing was found."""


@dataclass
class Campaign:
    """The campaign as it runs."""

    asked: Asked
    tally: Tally = field(default_factory=Tally)
    done: list[tuple[float, str]] = field(default_factory=list)
    """Seconds since the first call, and who was killed."""
    skipped: list[str] = field(default_factory=list)
    """Who did not run for so long that the fault was left out."""
    began: float = field(default_factory=time.monotonic)

    async def run(self) -> Verdict:
        """Run it. Raises NotUp when there was nothing to break."""
        folder = Path(tempfile.mkdtemp(prefix="platekeeper-chaos-"))
        folder.chmod(0o711)  # the database runs as a user of its own
        stack, judged = Stack(folder / "var"), None
        self._say(f"seed {self.asked.seed}; the stack starts in {folder}")
        try:
            await stack.up()
            self._say("it is up; an agency opens")
            judged = await self._campaign(stack)
            return judged
        finally:
            self._say(await stack.down())
            if judged is None or judged.findings or self.asked.keep:
                self._say(f"kept for a look: {folder}")
            else:
                shutil.rmtree(folder, ignore_errors=True)

    async def _campaign(self, stack: Stack) -> Verdict:
        asked, began = self.asked, datetime.now(UTC)
        faults = plan(asked.seed, asked.faults, stack.victims, asked.mean_seconds)
        async with scene.connect(stack) as http:
            here = await scene.set_up(stack, http, asked.listed)
            dice = random.Random(asked.seed + 1)
            traffic = Traffic(here, self.tally, dice, asked.reads_a_second, asked.frame_seconds)
            try:
                await traffic.begin()
                self._say(f"up; {len(faults)} faults, {asked.mean_seconds:g} s apart on the average")
                await self._break(stack, faults, traffic)
                judge = Judge(stack, here, self.tally, began)
                await self._calm_down(stack, traffic, judge.verdict)
                judged = await judge.judge(whole_audit=asked.whole_audit, seconds=asked.settle_seconds)
            finally:
                await traffic.close()
        self._sum_up(stack, judged)
        return judged

    async def _break(self, stack: Stack, faults: list[Fault], traffic: Traffic) -> None:
        until = self.began + 60 * self.asked.minutes - 2 * self.asked.settle_seconds
        spoken = time.monotonic()
        for fault in faults:
            due = time.monotonic() + fault.after
            while time.monotonic() < due:
                await asyncio.sleep(min(0.2, max(0.0, due - time.monotonic())))
                traffic.check()
                if time.monotonic() - spoken > PROGRESS_SECONDS:
                    self._progress(stack)
                    spoken = time.monotonic()
            if due > until:
                break
            await self._kill(stack, fault.victim)
            self._progress(stack)
            spoken = time.monotonic()

    async def _kill(self, stack: Stack, victim: str) -> None:
        patience = time.monotonic() + THERE_SECONDS
        while not stack.kill(victim):
            if time.monotonic() > patience:
                self.skipped.append(victim)
                return
            await asyncio.sleep(0.1)
        self.done.append((time.monotonic() - self.began, victim))

    async def _calm_down(self, stack: Stack, traffic: Traffic, judged: Verdict) -> None:
        """Let callers finish and the stack catch up; a stream that was cut gets what it missed."""
        self._say("no more faults; what is in hand is finished")
        try:
            await traffic.finish(self.asked.settle_seconds)
        except TimeoutError:
            judged.findings.append("a call was never acknowledged once the faults were over")
        waits = await verdict.settled(stack, self.asked.settle_seconds)
        judged.demand("not settled", waits)
        before = -1
        while len(self.tally.told) != before:
            before = len(self.tally.told)
            await asyncio.sleep(2)

    def _sum_up(self, stack: Stack, judged: Verdict) -> None:
        killed = {name: sum(one == name for _, one in self.done) for name in stack.victims}
        head = Verdict()
        head.say("faults: kill -9", len(self.done))
        head.lines.append("    " + ", ".join(f"{name} {count}" for name, count in killed.items() if count))
        own = {member.name: member.restarts - killed[member.name] for member in stack.state.members}
        own[MINDER] -= killed[PROXY]  # ends with what it minds
        ended = {name: count for name, count in own.items() if count}
        head.say("restarts besides (processes that ended by themselves)", sum(ended.values()))
        if ended:
            head.lines.append("    " + ", ".join(f"{name} {count}" for name, count in ended.items()))
        head.say("calls made again though they were acknowledged", self.tally.repeated)
        head.say("calls that failed and were made again, or given up", sum(self.tally.failures.values()))
        head.lines += [f"    {count:>5}  {what}" for what, count in self.tally.failures.most_common()]
        head.say("errors in the logs", sum((errors := stack.errors()).values()))
        head.lines += [f"    {count:>5}  {what}" for what, count in errors.most_common()]
        judged.lines[:0] = head.lines
        if self.skipped:
            judged.findings.append(f"not running again within {THERE_SECONDS:.0f} s: {', '.join(self.skipped)}")
        if len(self.done) + len(self.skipped) < self.asked.faults:
            judged.findings.append(f"only {len(self.done)} faults fitted into {self.asked.minutes:g} minutes")

    def _progress(self, stack: Stack) -> None:
        last, tally = self.done[-1][1] if self.done else "nobody yet", self.tally
        down = [name.partition(":")[0] for name in stack.not_ready()]
        named = ", ".join(down[:3]) + (f" and {len(down) - 3} more" if len(down) > 3 else "")
        self._say(
            f"faults {len(self.done)}/{self.asked.faults}, last {last}; acknowledged {len(tally.frames)} frames,"
            f" {len(tally.reads)} reads; told {len(tally.told)} hits; not ready: {named or 'nobody'}"
        )

    def _say(self, line: str) -> None:
        print(f"[{time.monotonic() - self.began:6.1f} s] {line}", flush=True)  # noqa: T201


async def run(asked: Asked) -> int:
    """Run a campaign and print its tally; the exit status: 1 when it found something, 2 when nothing stood."""
    campaign = Campaign(asked)
    try:
        judged = await campaign.run()
    except NotUp as error:
        print(f"the stack did not start:\n{error}", file=sys.stderr)  # noqa: T201
        return 2
    print("\n".join(["", f"Tally of the campaign with seed {asked.seed}:", *judged.lines, ""]))  # noqa: T201
    for finding in judged.findings:
        print(f"FOUND {finding}")  # noqa: T201
    print("nothing was lost, nothing was counted twice" if not judged.findings else "see docs/runbooks/faults.md")  # noqa: T201
    return 1 if judged.findings else 0
