"""The benchmarks run; what they measure is for people to read."""

import asyncio
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
