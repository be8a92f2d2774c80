"""The plan of the full stack: the list of services as data is true to them, and each process has what is its own."""

from pathlib import Path

from platekeeper import registry
from platekeeper.registry import DEAD_LETTERS, ENTRIES, SERVICES
from platekeeper.stack.plan import Plan, Ports, plan
from platekeeper.stack.settings import UpSettings
from platekeeper_common.settings import Settings


def planned() -> Plan:
    settings = UpSettings(recognition_workers=2)
    secrets = {
        f"{entry.name}{end}": f"secret of {entry.name}{end}" for entry in ENTRIES for end in ("", "_api", "_worker")
    }
    return plan(
        Path("var"), settings, Ports.of(settings), bus="kafka://b:1", secrets=secrets, administrator="postgresql://a"
    )


def test_the_list_of_services_says_what_they_say_of_themselves() -> None:
    for entry, service in zip(ENTRIES, SERVICES, strict=True):
        assert (entry.name, entry.roles, entry.has_policy) == (service.name, service.roles, bool(service.policy))
    assert {service.name for service in SERVICES if service.consumes} == set(DEAD_LETTERS)
    assert set(registry.sections()) == {"profile", "use", "audit"} | {
        section for service in SERVICES for section in service.policy
    }


def test_every_role_of_every_service_is_a_process_of_its_own_database_role() -> None:
    processes = {one.name: one for one in planned().processes}
    assert set(processes) == {
        *(f"{entry.name}-{role}" for entry in ENTRIES for role in entry.roles if entry.name != "recognition"),
        *("recognition-worker-1", "recognition-worker-2", "pages", "gateway"),
    }
    for one in processes.values():
        own = one.environment.get("PLATEKEEPER_DATABASE", "")
        assert (f"://{one.service}_{one.role}:secret of {one.service}_{one.role}@" in own) == (
            one.name not in ("pages", "gateway")
        )
        assert sum("secret" in value for value in one.environment.values()) <= 1


def test_ports_differ_and_neighbours_are_where_their_api_is() -> None:
    made = planned()
    ports = [one.port for one in made.processes]
    figures = [one.environment.get("PLATEKEEPER_METRICS_PORT", one.name) for one in made.processes]
    assert len({*ports, *figures}) == 2 * len(ports)
    settings = Settings(neighbours=made.processes[0].environment["PLATEKEEPER_NEIGHBOURS"])
    at = {one.name: one.port for one in made.processes}
    assert settings.neighbour("accounts") == f"http://127.0.0.1:{at['accounts-api']}"
    assert settings.neighbour("recognition") == f"http://127.0.0.1:{at['recognition-worker-1']}"
    assert settings.neighbour("nobody") is None


def test_the_gateway_finds_apis_and_for_dead_letters_workers() -> None:
    made = planned()
    at = {one.name: one.port for one in made.processes}
    words = next(one for one in made.processes if one.name == "gateway").arguments
    told = dict(word.split("=") for word in words if "=" in word)
    assert told["hotlist"] == f"127.0.0.1:{at['hotlist-api']}"
    assert told["hotlist-worker"] == f"127.0.0.1:{at['hotlist-worker']}"
    assert told["recognition"] == ",".join(f"127.0.0.1:{at[f'recognition-worker-{number}']}" for number in (1, 2))
    assert "ingest-worker" not in told


def test_free_ports_are_nobodys() -> None:
    settings = UpSettings(door=0, gateway_figures=0, kafka=0, postgresql=0, services=0)
    ports = Ports.of(settings)
    every = [ports.door, ports.gateway_figures, ports.kafka, ports.postgresql, *ports.services]
    assert min(every) > 0
    assert len(set(every)) == len(every)
