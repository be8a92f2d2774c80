"""The worker asks the witnesses to cosign each checkpoint. One that is away stops nothing; it is asked again (G3)."""

import asyncio
from dataclasses import dataclass, field

import httpx
import structlog

from platekeeper_access_audit.ledger import merkle, panel, tree
from platekeeper_access_audit.ledger.panel import Cosignature, Witness
from platekeeper_access_audit.ledger.room import LedgerRoom
from platekeeper_access_audit.ledger.tree import Signed
from platekeeper_access_audit.ledger.witnesses import storage
from platekeeper_common.bus.contract import Unavailable

LOOK_SECONDS = 1.0
ANSWER_SECONDS = 10.0
MOST_ANSWER = 16 * 1024
_log = structlog.get_logger()


@dataclass
class Asking:
    """What this process knows of its witnesses: the size that each saw last, and which checkpoint was asked for."""

    sizes: dict[str, int] = field(default_factory=dict)
    asked: Signed | None = None
    """The last checkpoint that all were asked about."""


async def run(here: LedgerRoom) -> None:
    """Ask about each new checkpoint, until cancelled. Without witnesses there is nothing to do."""
    asking = Asking()
    async with httpx.AsyncClient(timeout=ANSWER_SECONDS, trust_env=False) as http:
        while True:
            try:
                if here.panel.witnesses:
                    await ask_all(here, http, asking)
            except (Unavailable, OSError) as error:
                _log.warning("witnesses not asked", reason=type(error).__name__)
            await asyncio.sleep(LOOK_SECONDS)


async def ask_all(here: LedgerRoom, http: httpx.AsyncClient, asking: Asking) -> None:
    """Ask every witness about the last checkpoint, once, side by side, and keep what they say."""
    async with here.db.tx() as tx:
        signed = await tree.latest(tx)
    if signed is None or signed == asking.asked:
        return
    answers = await asyncio.gather(*(_ask(here, http, asking, one, signed) for one in here.panel.witnesses))
    heard = [answer for answer in answers if answer is not None]
    async with here.db.tx() as tx:
        await tx.lock()
        await storage.add(tx, signed.number, heard, now=here.clock())
        known = (await storage.of(tx, [signed.number]))[signed.number]
    if known and len(known) >= here.panel.needed:
        await here.archive.keep_cosigned(
            panel.cosigned(signed.note, known), size=signed.size, signed_at=signed.signed_at
        )
    asking.asked = signed


async def _ask(
    here: LedgerRoom, http: httpx.AsyncClient, asking: Asking, witness: Witness, signed: Signed
) -> Cosignature | None:
    """The witness's cosignature; None when it is away, or refuses: then what it saw is not what this ledger signs."""
    for _ in range(2):
        old = asking.sizes.get(witness.name, 0)
        body = panel.request(old, await _proof(here, old, signed.size), signed.note)
        try:
            answer = await http.post(f"{witness.url}/add-checkpoint", content=body)
        except httpx.HTTPError as error:
            _log.warning("witness away", witness=witness.name, reason=type(error).__name__)
            return None
        text = answer.text[:MOST_ANSWER]
        if answer.status_code == httpx.codes.OK and (found := panel.cosignature(text, signed.note, witness)):
            asking.sizes[witness.name] = signed.size
            here.refusing.discard(witness.name)
            return found
        size = _size_seen(answer.status_code, text)
        if size is None or size > signed.size or size == old:
            break
        asking.sizes[witness.name] = size
    here.refusing.add(witness.name)
    _log.error("witness refuses the checkpoint", witness=witness.name, status=answer.status_code, records=signed.size)
    return None


def _size_seen(status: int, text: str) -> int | None:
    """The size that a witness has cosigned, when it says that another was stated."""
    told = text.strip()
    return int(told) if status == httpx.codes.CONFLICT and told.isdecimal() and len(told) < 17 else None


async def _proof(here: LedgerRoom, old: int, new: int) -> list[bytes]:
    if not 0 < old < new:
        return []
    async with here.db.tx() as tx:
        return [await tree.span_hash(tx, span) for span in merkle.consistency_path(old, new)]
