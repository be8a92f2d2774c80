"""The objects that the golden files must decode to. A field that an event gains later has its default here."""

from datetime import UTC, date, datetime

from platekeeper_common.events.access import (
    AccessRecorded,
    AccessRevoked,
    AgencyChanged,
    CheckpointSigned,
    PolicyAdopted,
    Sealed,
)
from platekeeper_common.events.envelope import Event
from platekeeper_common.events.hotlist import HitRaised, HotlistChanged, ListedEntry
from platekeeper_common.events.ingest import Camera, DeviceChanged, FrameCaptured, ImageReference, Position
from platekeeper_common.events.public import PolicyPublished, Post, Posts, StatedInPublic
from platekeeper_common.events.recognition import Box, Candidate, Model, PlateRead, PlatesRead
from platekeeper_common.events.retention import ReadCorrected
from platekeeper_common.ids import PLATFORM, AgencyId, CameraId, DeviceId, EntryId, FrameId, HitId, ListId, ReadId

AGENCY = AgencyId("pomona")
DEVICE = DeviceId("0198a6b0-0000-7000-8000-000000000001")
CAMERA = CameraId("0198a6b0-0000-7000-8000-000000000002")
FRAME = FrameId("5f0c2a44-9d0e-8b1c-a1f2-3c4d5e6f7081")
LIST = ListId("0198a6b0-0000-7000-8000-000000000003")
CAPTURED = datetime(2026, 3, 1, 20, 15, 30, 250_000, tzinfo=UTC)
RECEIVED = datetime(2026, 3, 1, 20, 15, 31, 125_000, tzinfo=UTC)
LIVE_UNTIL = datetime(2026, 3, 1, 20, 20, 30, 250_000, tzinfo=UTC)
POSITION = Position(latitude=34.0551, longitude=-117.7523)
IMAGE = ImageReference(
    path="pomona/2026-03-01/image/5f0c2a44-9d0e-8b1c-a1f2-3c4d5e6f7081",
    sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    media_type="image/jpeg",
)
CROP = ImageReference(
    path="pomona/2026-03-01/crop/7a1b3c5d-2e4f-8a6b-9c8d-0e1f2a3b4c5d",
    sha256="60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752",
    media_type="image/png",
)
READ = PlateRead(
    id=ReadId("7a1b3c5d-2e4f-8a6b-9c8d-0e1f2a3b4c5d"),
    agency_id=AGENCY,
    camera_id=CAMERA,
    device_id=DEVICE,
    plate="7SAM123",
    confidence=0.94,
    captured_at=CAPTURED,
    received_at=RECEIVED,
    live_until=LIVE_UNTIL,
    source="recognition",
    model=Model(name="ppocr", version="6.0", checksum="0" * 64),
    version=2,
    pass_id="pass-17",
    frame_id=FRAME,
    country="US",
    state="CA",
    region_confidence=0.81,
    candidates=(Candidate(plate="7SAM123", confidence=0.94), Candidate(plate="7SAM128", confidence=0.04)),
    box=Box(x=412, y=630, width=148, height=74),
    position=POSITION,
    heading=271.5,
    lane="2",
    image=IMAGE,
    crop=CROP,
)

EXPECTED: tuple[Event, ...] = (
    FrameCaptured(
        agency_id=AGENCY,
        id=FRAME,
        device_id=DEVICE,
        camera_id=CAMERA,
        device_frame_id="000041",
        captured_at=CAPTURED,
        received_at=RECEIVED,
        live_until=LIVE_UNTIL,
        image=IMAGE,
        position=POSITION,
        heading=271.5,
        lane="2",
    ),
    DeviceChanged(
        agency_id=AGENCY,
        device_id=DEVICE,
        name="Car 12",
        kind="patrol_car",
        secret_sha256="2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
        cameras=(
            Camera(id=CAMERA, name="Front", kind="mobile"),
            Camera(id=CameraId("mast"), name="Garey Avenue", kind="fixed", position=POSITION),
        ),
        retired=True,
    ),
    PlatesRead(agency_id=AGENCY, camera_id=CAMERA, reads=(READ,)),
    HitRaised(
        agency_id=AGENCY,
        id=HitId("3d5e7f90-1a2b-8c3d-8e4f-5a6b7c8d9e0f"),
        read=READ,
        entry=ListedEntry(
            id=EntryId("0198a6b0-0000-7000-8000-000000000004"),
            list_id=LIST,
            list_name="Stolen vehicles",
            list_source="own",
            plate="7SAM123",
            category="stolen_vehicle",
            reason="Taken from Holt Avenue",
            state="CA",
            incident="26-001234",
            expires_at=datetime(2026, 4, 1, tzinfo=UTC),
        ),
        kind="exact",
        score=0.94,
        late=False,
        raised_at=datetime(2026, 3, 1, 20, 15, 31, 480_000, tzinfo=UTC),
    ),
    HotlistChanged(agency_id=AGENCY, list_id=LIST, version=12),
    ReadCorrected(
        agency_id=AGENCY,
        id="0198a6b0-0000-7000-8000-00000000000a",
        number=2,
        read=READ,
        verdict="misread",
        plate="7SAM128",
        state="NV",
        corrected_by_name="A. Rivera",
        corrected_at=datetime(2026, 3, 2, 9, 0, 5, 500_000, tzinfo=UTC),
    ),
    AgencyChanged(
        agency_id=AGENCY,
        name="Pomona Police Department",
        ori="CA0194600",
        time_zone="America/Los_Angeles",
        profile="pomona",
        policy_version="2026-01",
        mode="test",
        synthetic=True,
    ),
    PolicyAdopted(
        agency_id=AGENCY,
        number=2,
        profile="pomona",
        version="pomona-0a1b2c3d4e5f",
        document='{"profile":{"name":"pomona"}}',
        sha256="9d" * 32,
        adopted_at=RECEIVED,
        note="platekeeper policy v1\n...\n",
        verifier_key="platekeeper/policy+0a1b2c3d+AQ==",
    ),
    AccessRevoked(agency_id=AGENCY, before=RECEIVED, subject="0198a6b0-0000-7000-8000-000000000005"),
    AccessRecorded(
        agency_id=AGENCY,
        id="0198a6b0-0000-7000-8000-000000000006",
        producer="retention",
        number=41,
        at=datetime(2026, 3, 1, 20, 30, 0, 120_000, tzinfo=UTC),
        kind="plate_data",
        action="reads.search",
        outcome="refused",
        subject="0198a6b0-0000-7000-8000-000000000005",
        username="officer.rivera",
        name="A. Rivera",
        organisation="Pomona Police Department",
        policy_version="2026-01",
        salt="AAECAwQFBgcICQoLDA0ODw==",
        title="Officer",
        device="terminal-4",
        address="192.0.2.7",
        session="0198a6b0-0000-7000-8000-000000000007",
        purpose="investigation",
        matter_type="case",
        matter_number="26-001234",
        requested_by="Sergeant Ito",
        query=Sealed(key_id="pomona/2026-03", nonce="AAECAwQFBgcICQoL", ciphertext="c2VhbGVkIHF1ZXJ5IGVsZW1lbnRz"),
        result_count=1,
        result_ids=("7a1b3c5d-2e4f-8a6b-9c8d-0e1f2a3b4c5d",),
        object_type="read",
        object_id="7a1b3c5d-2e4f-8a6b-9c8d-0e1f2a3b4c5d",
        count=3,
        code="training_expired",
        clause="C2",
        post="administrator",
        authority="delegation:0198a6b0-0000-7000-8000-000000000009",
    ),
    CheckpointSigned(
        agency_id=PLATFORM,
        origin="pomona.example/ledger",
        size=1,
        root="bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=",
        signed_at=RECEIVED,
        note="pomona.example/ledger\n1\nbjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0=\n\n"
        "— pomona.example/ledger "
        "tDnG6cgfKU6+3ptsSAFlIlbnImm7uHFjskCokXs0tZRvoojR92tQjMJZpSIfwgWB4OjA4VNjfwo3+x3e1K2ijVsDwAU=\n",
        verifier_key="pomona.example/ledger+b439c6e9+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4",
    ),
    StatedInPublic(
        agency_id=AGENCY,
        service="accounts",
        content=Posts(
            posts=(
                Post(
                    code="administrator",
                    title="Administrative Services Division Commander",
                    holder="A. Rivera",
                    since=date(2026, 1, 5),
                ),
                Post(code="training_owner", title="Training Sergeant", vacant_since=date(2026, 2, 1)),
            )
        ),
        stated_at=RECEIVED,
    ),
    PolicyPublished(agency_id=AGENCY, version=2, sha256="ab" * 32, published_at=RECEIVED),
)
