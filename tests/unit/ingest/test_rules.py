"""Properties of the rules: how a plate is written, which frames and reads are the same, what is a whole picture."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.ingest.station import photograph

from platekeeper_common import plates
from platekeeper_common.errors import Busy, Invalid, PlatekeeperError
from platekeeper_common.events.ingest import Camera, DeviceChanged
from platekeeper_common.events.recognition import Candidate
from platekeeper_common.ids import AgencyId, CameraId, DeviceId, Ids
from platekeeper_ingest import domain, pictures
from platekeeper_ingest.domain import Sighting
from platekeeper_ingest.intake import Intake

IDS = Ids(bytes(32))
WRITTEN = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=1, max_size=plates.LONGEST)
BETWEEN = st.text(" -.·•\u2013\u00a0\t", max_size=3)
MOMENTS = st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
NAMES = st.text(min_size=1, max_size=8)


@given(WRITTEN, st.lists(BETWEEN, min_size=11, max_size=11))
def test_what_stands_between_the_characters_does_not_matter(plate: str, between: list[str]) -> None:
    ornate = "".join(gap + character for gap, character in zip(between, plate, strict=False)) + between[-1]
    assert plates.normalise(ornate) == plates.normalise(ornate.lower()) == plate


def refusal(act: Callable[[], object]) -> PlatekeeperError | None:
    """What `act` was refused with; None when it was not. Nothing else may be raised."""
    try:
        act()
    except PlatekeeperError as error:
        return error
    return None


@given(st.text(max_size=14))
def test_a_plate_is_written_properly_or_refused_without_being_repeated(plate: str) -> None:
    if error := refusal(lambda: plates.normalise(plate)):
        assert error.code == "plate_invalid"
        assert len(plate.strip()) < 4 or plate.strip() not in error.detail
        return
    written = plates.normalise(plate)
    assert written == plates.normalise(written)
    assert re.fullmatch(r"[A-Z0-9]{1,10}", written)


@pytest.mark.parametrize("plate", ["STRA\u00dfE", "\ufb011", "\u013123", "\uff17\uff21BC", "7ABC\x00"])
def test_letters_are_never_changed_into_others(plate: str) -> None:
    with pytest.raises(Invalid, match="other than A-Z and 0-9"):
        plates.normalise(plate)


@given(WRITTEN, st.lists(st.builds(Candidate, WRITTEN, st.floats(0, 1)), max_size=20))
def test_the_plate_is_its_own_first_candidate(plate: str, others: list[Candidate]) -> None:
    ranked = domain.candidates(plate, 0.5, others)
    assert ranked[0] == Candidate(plate, 0.5)
    assert len(ranked) <= domain.MOST_CANDIDATES
    assert len({candidate.plate for candidate in ranked}) == len(ranked)
    rest = [candidate.confidence for candidate in ranked[1:]]
    assert rest == sorted(rest, reverse=True)


FRAMES = st.tuples(NAMES, NAMES, MOMENTS, st.binary(min_size=1, max_size=4).map(bytes.hex))


def frame_id(camera: str, frame: str, at: datetime, digest: str) -> str:
    return domain.frame_id(IDS, Sighting(camera_id=CameraId(camera), captured_at=at), frame, digest)


@given(FRAMES, FRAMES)
def test_frames_have_one_id_when_camera_number_time_and_bytes_are_the_same(
    one: tuple[str, str, datetime, str], other: tuple[str, str, datetime, str]
) -> None:
    camera, frame, at, digest = one
    elsewhere = at.astimezone(timezone(timedelta(hours=-8)))
    assert frame_id(*one) == frame_id(camera, frame, elsewhere, digest)
    assert (frame_id(*one) == frame_id(*other)) == (one == other)
    assert frame_id(*one) not in {
        frame_id(f"{camera}x", frame, at, digest),
        frame_id(camera, f"{frame}x", at, digest),
        frame_id(camera, frame, at + timedelta(microseconds=1), digest),
        frame_id(camera, frame, at, f"{digest}00"),
    }


@given(NAMES, NAMES, MOMENTS)
def test_reads_have_one_id_when_device_number_and_time_are_the_same(device: str, read: str, at: datetime) -> None:
    same = domain.read_id(IDS, DeviceId(device), read, at)
    assert same == domain.read_id(IDS, DeviceId(device), read, at.astimezone(timezone(timedelta(hours=5))))
    assert same not in {
        domain.read_id(IDS, DeviceId(f"{device}x"), read, at),
        domain.read_id(IDS, DeviceId(device), f"{read}x", at),
        domain.read_id(IDS, DeviceId(device), read, at + timedelta(microseconds=1)),
    }


PICTURES = {kind: photograph(kind, (120, 80)) for kind in ("JPEG", "PNG", "WEBP")}


@given(st.sampled_from(sorted(PICTURES)), st.data())
def test_a_picture_cut_anywhere_is_refused(kind: str, data: st.DataObject) -> None:
    whole = PICTURES[kind]
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    with pytest.raises(Invalid) as refused:
        pictures.look(cut, max_bytes=1_000_000, max_pixels=1_000_000)
    assert refused.value.code in ("image_invalid", "image_truncated")


@given(st.sampled_from(sorted(PICTURES)), st.integers(0, 10_000), st.binary(min_size=1, max_size=40))
def test_a_damaged_picture_is_taken_or_refused_but_never_breaks_anything(kind: str, at: int, patch: bytes) -> None:
    whole = bytearray(PICTURES[kind])
    at %= len(whole)
    whole[at : at + len(patch)] = patch
    error = refusal(lambda: pictures.look(bytes(whole), max_bytes=1_000_000, max_pixels=1_000_000))
    assert error is None or error.code in ("image_invalid", "image_truncated", "image_too_many_pixels")


def test_every_size_is_read_from_the_header_alone() -> None:
    for kind, options in (("JPEG", {"progressive": True}), ("PNG", {}), ("WEBP", {}), ("WEBP", {"lossless": True})):
        data = photograph(kind, (331, 77), **options)
        with pytest.raises(Invalid, match="331 x 77 pixels"):
            pictures.look(data[:200], max_bytes=1_000_000, max_pixels=100)


def test_no_more_calls_are_taken_at_once_than_can_be_held() -> None:
    intake = Intake(max_frames=10, max_reads=10, max_at_once=1, retry_after_seconds=3)
    with intake.call(), pytest.raises(Busy) as busy, intake.call():
        pytest.fail("a second call was let in")
    assert (busy.value.code, busy.value.headers) == ("backlog_full", {"Retry-After": "3"})
    with intake.call():
        assert intake.refused == {"backlog_full": 1}


@given(st.permutations(range(5)))
def test_the_register_ends_the_same_in_whatever_order_the_words_come(order: list[int]) -> None:
    camera = Camera(CameraId("c"), "C", "mobile")
    history = [_word(cameras=(camera,) * count) for count in range(4)]
    history.append(_word(cameras=(camera,) * 3, retired=True))
    known = None
    for place in order:
        known = domain.latest(known, history[place])
    assert known == history[-1]


def _word(cameras: tuple[Camera, ...], *, retired: bool = False) -> DeviceChanged:
    return DeviceChanged(
        agency_id=AgencyId("a"),
        device_id=DeviceId("d"),
        name="D",
        kind="gateway",
        secret_sha256="",
        cameras=cameras,
        retired=retired,
    )
