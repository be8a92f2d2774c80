"""The benchmarks run; what they measure is for people to read."""

import asyncio
import re
import sys

from precinct import PROJECT


async def test_the_embedded_benchmark_tells_its_figures_and_the_ratio() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        PROJECT / "benchmarks" / "embedded.py",
        "--seconds=0.3",
        "--entries=20",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    told = out.decode().splitlines()
    assert "against 20 listed plates" in told[0]
    figures = [line.split()[-2] for line in told[1:4]] + [told[4].split()[-1]]
    assert all(float(figure.replace(",", "")) > 0 for figure in figures)


async def test_the_upload_benchmark_tells_its_figures_and_the_ratios() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        PROJECT / "benchmarks" / "upload.py",
        "--seconds=0.2",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    told = out.decode().splitlines()
    assert [line.split()[-1] for line in told[1:4]] == ["frames/s"] * 3
    assert all(float(line.split()[-1]) > 0 for line in told[4:])


async def test_the_stream_benchmark_carries_reads_through_the_full_stack_and_tells_its_figures() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        PROJECT / "benchmarks" / "stream.py",
        # Long enough for a machine that stands still meanwhile: no figure is then told as 0.
        *("--seconds=6", "--warm-up=0.5", "--entries=2000", "--batch=20"),
        *("--yardstick-events=6", "--yardstick-runs=1"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    told = out.decode().splitlines()
    assert told[0].startswith("batches of 20 reads against 2,000 listed plates")
    figures = [re.search(r"  ([0-9][0-9,.]*)(?: reads/s|$)", line) for line in told[1:5]]
    assert all(figure is not None and float(figure[1].replace(",", "")) > 0 for figure in figures)
    assert [line.split()[:4] for line in told[5:7]] == [["POST", "to", "hit", "at"]] * 2
    assert any(line.split()[:1] == ["retention-worker"] for line in told)
    assert any(line.split()[:2] == ["bare", "consumer"] for line in told)


async def test_the_ledger_benchmark_tells_its_figures_and_the_ratios() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        PROJECT / "benchmarks" / "ledger.py",
        *("--records=700", "--verify=1500"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    told = out.decode().splitlines()
    assert told[0].startswith("700 access records")
    assert told[5].startswith("1,500 records")
    assert [line.split()[0] for line in (told[4], told[8])] == ["ratio", "ratio"]
    assert all(float(line.split()[-1]) > 0 for line in (told[4], told[8]))


async def test_the_authorization_benchmark_tells_its_costs_and_the_ratios() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        PROJECT / "benchmarks" / "authorization.py",
        "--rounds=1",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    told = [re.findall(r"[0-9]+\.[0-9]+", line) for line in out.decode().splitlines()]
    assert [len(figures) for figures in told] == [1, 2, 2, 2, 2]
    assert all(float(figure) > 0 for figures in told for figure in figures)


async def test_the_recognition_benchmark_tells_its_figures_and_the_ratio() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        PROJECT / "benchmarks" / "recognition.py",
        *("--seconds=0.1", "--batch=10"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    told = dict(re.split(r"  +", line.strip(), maxsplit=1) for line in out.decode().splitlines()[1:])
    assert told["ppocr, plates read"].startswith("10 of 10: 100.0 % exact")
    rates = [value for name, value in told.items() if not name.endswith("plates read")]
    assert all(float(value.split()[0]) > 0 for value in rates)
