"""Commands with a setting or a file that is wrong: one line that names it, and the exit status 1."""

from pathlib import Path

import pytest
from commands import platekeeper

URL = "PLATEKEEPER_DATABASE: must be postgresql+asyncpg://ROLE:PASSWORD@HOST:PORT/DATABASE[?ssl=MODE]"


@pytest.mark.parametrize(
    ("words", "name", "value", "told"),
    [
        (("migrate",), "DATABASE", "postgres://ledger:hidden@db/x", URL),
        (("administrator",), "DATABASE", "postgresql+asyncpg://ledger:hidden@db:port/x", URL),
        (("serve", "hotlist"), "DATABASE", "postgresql+asyncpg://hidden", URL),
        (("up",), "UP_ONLY", "hotlist-apo", "PLATEKEEPER_UP_ONLY: no process hotlist-apo; there are ingest-api, "),
        (("migrate", "--passwords", "absent"), "VAR", "", "--passwords: absent cannot be read: No such file"),
        (("migrate", "--passwords", "list"), "VAR", "", "--passwords: list is no JSON object of roles and their"),
        (("migrate", "--passwords", "torn"), "VAR", "", "--passwords: torn is no JSON object of roles and their"),
    ],
)
def test_what_is_wrong_is_named_in_one_line(
    words: tuple[str, ...],
    name: str,
    value: str,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("list").write_text('["hidden"]')
    Path("torn").write_text('{"ledger": "hidden')
    monkeypatch.setenv("PLATEKEEPER_VAR", str(tmp_path / "var"))
    monkeypatch.setenv(f"PLATEKEEPER_{name}", value or str(tmp_path / "var"))
    assert platekeeper(*words) == 1
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith(f"platekeeper: {told}")
    assert (err.count("\n"), "hidden" in err) == (1, False)
