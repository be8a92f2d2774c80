"""A bundle for an outside auditor: made over the public API, checked by the verifier alone."""

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from profiles import DEPARTMENTS
from standing import AGENCY, Town
from unit.ledger.proofs import latest, signed
from unit.ledger.samples import PLATE, administered, refused, searched, send

from platekeeper import auditing
from platekeeper.bundle.gather import Period
from platekeeper.bundle.make import make
from platekeeper.client import Session
from platekeeper_access_audit.ledger.checkpoints import Signer
from platekeeper_common import ids
from platekeeper_common.ids import AgencyId
from platekeeper_common.notes import NoteSigner
from platekeeper_verify import records
from platekeeper_verify.audit import Report
from platekeeper_verify.bundles import check_bundle
from platekeeper_verify.findings import Finding, Kind

DAY = Period(datetime(2026, 11, 22, tzinfo=UTC), datetime(2026, 11, 23, tzinfo=UTC))
GALT = AgencyId("galt-pd")


class Carried:
    """The bundle in a file, and the verifier key that the auditor had before."""

    def __init__(self, file: Path, key: str) -> None:
        self.file = file
        self.key = key

    def checked(self) -> Report:
        return check_bundle(self.file, self.key)

    def text(self, name: str) -> str:
        with zipfile.ZipFile(self.file) as archive:
            return archive.read(name).decode()

    def altered(self, name: str, old: str, new: str) -> set[Kind]:
        """What is found when a file within says something else, its sum put right."""
        data = self.text(name)
        assert old in data
        return {finding.kind for finding in self.rebuilt({name: data.replace(old, new, 1)})}

    def rebuilt(self, changed: Mapping[str, str], *, more: Sequence[tuple[str, str]] = ()) -> list[Finding]:
        """What is found when files within say something else, or `more` are put first, all sums put right."""
        other = self.file.with_name("altered.zip")
        with zipfile.ZipFile(self.file) as archive, zipfile.ZipFile(other, "w") as out:
            files = {name: archive.read(name) for name in archive.namelist()}
            files |= {name: text.encode() for name, text in changed.items()}
            told = {name: text.encode() for name, text in more} | files
            sums = {name: hashlib.sha256(data).hexdigest() for name, data in told.items()}
            files["SHA256SUMS"] = "".join(f"{sums[name]}  {name}\n" for name in sums if name != "SHA256SUMS").encode()
            for name, text in more:
                out.writestr(name, text)
            for name, data in files.items():
                out.writestr(name, data)
        return list(check_bundle(other, self.key).findings)

    def retold(self, documents: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        """The files that hold the records, when these are all."""
        lines = ",\n".join(json.dumps(one, ensure_ascii=False, separators=(",", ":")) for one in documents)
        columns = [*records.COLUMNS, *records.OPENED]
        rows = io.StringIO()
        table = csv.writer(rows, lineterminator="\r\n")
        table.writerow(columns)
        table.writerows([records.cell(one.get(name)) for name in columns] for one in documents)
        return {"records.json": f"[\n{lines}\n]\n", "records.csv": rows.getvalue()}


async def carried(here: Town, folder: Path, period: Period = DAY) -> Carried:
    async with here.client(here.person("outsider", "auditor")) as http:
        out = folder / "bundle.zip"
        await make(
            Session(http, token=here.token(here.person("outsider", "auditor"))), period, out, moment=here.clock()
        )
        return Carried(out, str((await latest(http))["verifier_key"]))


@pytest.fixture
async def bundle(here: Town, tmp_path: Path) -> Carried:
    """Of an afternoon with another agency's records between, and some before and after the period."""
    await here.open_agency(GALT, "galt")
    here.clock.now = datetime(2026, 11, 21, 18, 0, tzinfo=UTC)
    await send(here, await searched(here, 1), await searched(here, 2))
    here.clock.now = datetime(2026, 11, 22, 18, 0, tzinfo=UTC)
    await signed(here)
    await send(here, await searched(here, 3, username="ana"), await searched(here, 4, agency_id=GALT))
    await signed(here)
    await send(here, refused(number=5, id=ids.new()), administered(number=1), await searched(here, 6, username="ben"))
    await signed(here)
    return await carried(here, tmp_path)


@pytest.mark.clause("G3")
@pytest.mark.clause("B8")
@pytest.mark.clause("H1")
async def test_a_bundle_holds_the_period_and_proves_it_offline(bundle: Carried, here: Town) -> None:
    report = bundle.checked()
    assert report.findings == []
    assert (report.records, report.proved, report.withheld) == (5, 5, 1)
    documents = json.loads(bundle.text("records.json"))
    assert [(one["action"], one["username"]) for one in documents] == [
        ("reads.search", "ana"),
        ("reads.search", "officer"),
        ("account.open", "chief"),
        ("reads.search", "ben"),
    ]
    assert documents[0]["query"] == {"plate": PLATE}
    rows = list(csv.DictReader(io.StringIO(bundle.text("records.csv"))))
    assert [row["username"] for row in rows] == [one["username"] for one in documents]
    assert rows[1]["code"] == "training_missing"
    mark = f"outsider {AGENCY} {here.clock():%Y-%m-%dT%H:%M:%SZ}"
    assert {row["exported"] for row in rows} == {one["exported"] for one in documents} == {mark}
    assert json.loads(bundle.text("manifest.json"))["exported"] == mark
    assert "platekeeper audit verify --bundle bundle.zip" in bundle.text("README.txt")
    with zipfile.ZipFile(bundle.file) as archive:
        assert archive.read("report.pdf").startswith(b"%PDF-")
        assert {name.split("/")[0] for name in archive.namelist()} == {
            "README.txt",
            "report.pdf",
            "records.json",
            "records.csv",
            "leaves.ndjson",
            "checkpoints",
            "manifest.json",
            "SHA256SUMS",
        }
    assert "galt" not in bundle.text("leaves.ndjson")


@pytest.mark.clause("G3")
async def test_whatever_is_altered_in_a_bundle_is_told(bundle: Carried) -> None:
    lines = bundle.text("leaves.ndjson").splitlines(keepends=True)
    documents = bundle.text("records.json")
    rows = bundle.text("records.csv").splitlines(keepends=True)
    first = documents.splitlines(keepends=True)[1]
    manifest = json.loads(bundle.text("manifest.json"))
    assert Kind.CHANGED in bundle.altered("records.json", '"username":"ana"', '"username":"bea"')
    assert Kind.DROPPED in bundle.altered("records.json", first, "")
    assert Kind.CHANGED in bundle.altered("records.csv", ",ana,", ",bea,")
    assert bundle.altered("records.csv", rows[1], "") & {Kind.CHANGED, Kind.MALFORMED}
    assert Kind.CHANGED in bundle.altered("leaves.ndjson", '\\"username\\":\\"ana\\"', '\\"username\\":\\"bea\\"')
    assert bundle.altered("leaves.ndjson", lines[2], "") & {Kind.DROPPED, Kind.CHANGED}
    assert bundle.altered("manifest.json", manifest["left"][0]["hash"], "00" * 32)
    assert check_bundle(bundle.file, None).findings == []
    with zipfile.ZipFile(bundle.file, "a") as archive:
        archive.writestr("more.txt", "more")
    assert {finding.kind for finding in bundle.checked().findings} == {Kind.MALFORMED}


@pytest.mark.clause("G3")
async def test_a_record_says_all_that_its_leaf_says_and_in_its_types(bundle: Carried) -> None:
    documents = json.loads(bundle.text("records.json"))
    ana, *others = documents
    proof = {"leaf", "at", "id", "producer", "number"}
    assert bundle.rebuilt(bundle.retold(documents)) == []
    forgeries: list[dict[str, Any]] = [
        {name: value for name, value in ana.items() if name in proof},
        *({name: value for name, value in ana.items() if name != gone} for gone in ("username", "purpose", "query")),
        *({name: value for name, value in ana.items() if name != gone} for gone in ("exported", "appended_at")),
        ana | {"count": True},
        ana | {"count": 1.0},
        ana | {"query": None},
        ana | {"agency_id": "galt-pd"},
        ana | {"leaf": ana["leaf"] | {"hash": "00" * 32}},
    ]
    for forged in forgeries:
        assert {found.kind for found in bundle.rebuilt(bundle.retold([forged, *others]))} == {Kind.CHANGED}, forged
    twice = bundle.text("records.json").replace('"username":"ana"', '"username":"bea","username":"ana"')
    with pytest.raises(ValueError, match="twice under one name"):
        bundle.rebuilt({"records.json": twice})


@pytest.mark.clause("G3")
@pytest.mark.clause("B8")
async def test_no_record_of_the_period_is_passed_off_as_another_agencys_or_left_out_at_an_end(bundle: Carried) -> None:
    documents = json.loads(bundle.text("records.json"))
    leaves = [json.loads(line) for line in bundle.text("leaves.ndjson").splitlines()]
    manifest = json.loads(bundle.text("manifest.json"))
    assert f"all 4 records of {AGENCY} from 2026-11-22" in str(bundle.checked().complete)

    def told(shown: list[dict[str, Any]]) -> dict[str, str]:
        return {"leaves.ndjson": "".join(f"{json.dumps(one)}\n" for one in shown)}

    gone = documents[1]["leaf"]["position"]
    hidden = [one | {"salt": None, "canonical": None} if one["index"] == gone else one for one in leaves]
    [found] = bundle.rebuilt(bundle.retold([documents[0], *documents[2:]]) | told(hidden))
    assert found.kind is Kind.DROPPED
    assert "the ledger has all 4 records" in found.detail
    cut = manifest | {"right": [{"level": 0, "hash": leaves[-1]["leaf_hash"]}, *manifest["right"]]}
    cut["end"] -= 1
    files = bundle.retold(documents[:-1]) | told(leaves[:-1]) | {"manifest.json": json.dumps(cut)}
    assert {found.kind for found in bundle.rebuilt(files)} == {Kind.DROPPED}
    narrow = manifest | {"to": documents[-1]["at"]}
    assert Kind.CHANGED in {found.kind for found in bundle.rebuilt({"manifest.json": json.dumps(narrow)})}


@pytest.mark.clause("G3")
async def test_only_the_ledger_says_what_is_all_of_a_period(bundle: Carried) -> None:
    manifest = json.loads(bundle.text("manifest.json"))
    stranger = Signer("localhost/platekeeper/ledger", bytes(32))
    spoken = manifest["statement"].rpartition("\n\n")[0] + "\n"
    forged = NoteSigner("localhost/platekeeper/ledger/exports", bytes(32))
    for put in (
        {"statement": forged.sign(spoken)},
        {"statement": forged.sign(spoken), "vouched": stranger.vouch(forged.key)},
        {"statement": manifest["statement"].replace("records 4", "records 3")},
        {"vouched": manifest["statement"]},
        {"statement": "", "vouched": ""},
    ):
        found = bundle.rebuilt({"manifest.json": json.dumps(manifest | put)})
        assert {one.kind for one in found} == {Kind.SIGNATURE}, put
    del manifest["statement"]
    with pytest.raises(ValueError, match="the manifest lacks 'statement'"):
        bundle.rebuilt({"manifest.json": json.dumps(manifest)})


@pytest.mark.clause("G3")
async def test_what_another_program_might_unpack_instead_is_told(bundle: Carried) -> None:
    forged = bundle.text("records.csv").replace("ana", "bea")
    with pytest.warns(UserWarning, match="Duplicate name"):
        twice = bundle.rebuilt({}, more=[("records.csv", forged)])
    assert {(found.kind, found.detail) for found in twice} == {(Kind.MALFORMED, "records.csv: is there 2 times")}
    for name in ("RECORDS.CSV", "./records.csv", "checkpoints/../records.csv", "records-corrected.csv"):
        assert {found.kind for found in bundle.rebuilt({}, more=[(name, forged)])} == {Kind.MALFORMED}
    assert bundle.rebuilt({}) == []
    led = bundle.file.with_name("led.zip")
    led.write_bytes(b"something before" + bundle.file.read_bytes())
    assert {found.kind for found in check_bundle(led, bundle.key).findings} == {Kind.MALFORMED}


async def test_what_is_no_bundle_is_said_in_a_line(
    bundle: Carried, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def status(file: Path, key: str) -> int:
        return auditing.verify(auditing.Asked(leaves=None, checkpoints=None, bundle=file, key=key))

    assert status(bundle.file, bundle.key) == 0
    assert "5 records stand as they were signed" in capsys.readouterr().out
    cut = tmp_path / "cut.zip"
    cut.write_bytes(bundle.file.read_bytes()[:-300])
    assert status(cut, bundle.key) == 2
    other = bundle.key.replace("platekeeper", "elsewhere", 1)
    assert status(bundle.file, other) == 2


@pytest.mark.clause("G3")
async def test_a_period_without_records_is_a_bundle_too(here: Town, tmp_path: Path) -> None:
    await send(here, await searched(here, 1))
    await signed(here)
    before = Period(datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 2, 1, tzinfo=UTC))
    empty = await carried(here, tmp_path, before)
    assert (empty.checked().findings, empty.checked().records) == ([], 0)


@pytest.mark.clause("B8")
@pytest.mark.parametrize("name", DEPARTMENTS)
async def test_only_those_who_may_see_the_records_carry_them_away(here: Town, tmp_path: Path, name: str) -> None:
    await here.open_agency(AGENCY, name)
    await send(here, await searched(here, 1))
    await signed(here)
    async with here.client() as http:
        session = Session(http, token=here.token(here.person("officer")))
        with pytest.raises(Exception, match="not_allowed"):
            await make(session, DAY, tmp_path / "no.zip", moment=here.clock())
    assert [path.name for path in tmp_path.iterdir()] == ["var"]
