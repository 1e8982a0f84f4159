"""Settings from file, environment and flags."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenqi.errors import ConfigurationError
from fenqi.serving.config import ServerConfig, load_settings

PORTS = st.none() | st.integers(0, 65535)


@given(in_file=PORTS, in_environment=PORTS, as_flag=PORTS)
def test_flag_wins_over_environment_over_file_over_default(
    tmp_path_factory: pytest.TempPathFactory,
    in_file: int | None,
    in_environment: int | None,
    as_flag: int | None,
) -> None:
    file = tmp_path_factory.mktemp("config") / "server.yaml"
    file.write_text("" if in_file is None else f"port: {in_file}\n")
    environment = {} if in_environment is None else {"FENQI_PORT": str(in_environment)}
    flags = {} if as_flag is None else {"port": str(as_flag)}

    settings = load_settings(file, environment, flags)

    ranked = [(as_flag, "flag"), (in_environment, "environment"), (in_file, "file")]
    given_values = [(value, source) for value, source in ranked if value is not None]
    default = (ServerConfig.model_fields["port"].default, "default")
    assert (settings.values.port, settings.sources["port"]) == [*given_values, default][0]


def test_every_setting_is_listed_with_its_source(tmp_path: Path) -> None:
    file = tmp_path / "server.yaml"
    file.write_text("workers: 3\ncpus: [0, 1]\n")
    lines = load_settings(file, {"FENQI_FRONT": "grpcio"}, {"port": "0"}).lines()
    assert [name for name, _, _ in lines] == list(ServerConfig.model_fields)
    by_name = {name: (value, source) for name, value, source in lines}
    assert by_name["workers"] == ("3", "file")
    assert by_name["cpus"] == ("0,1", "file")
    assert by_name["front"] == ("grpcio", "environment")
    assert by_name["port"] == ("0", "flag")
    assert by_name["grace_seconds"] == ("10.0", "default")


def test_a_path_in_the_file_is_relative_to_the_file(tmp_path: Path) -> None:
    file = tmp_path / "server.yaml"
    file.write_text("policy: mine.yaml\nunix_socket: /run/fenqi.sock\n")
    values = load_settings(file, {}, {}).values
    assert values.policy == tmp_path / "mine.yaml"
    assert values.unix_socket == Path("/run/fenqi.sock")


def test_the_environment_may_name_the_file(tmp_path: Path) -> None:
    file = tmp_path / "server.yaml"
    file.write_text("port: 1234\n")
    assert load_settings(None, {"FENQI_CONFIG": str(file)}, {}).values.port == 1234


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("port: 8443\nworkers: none\n", "server.yaml:2:1: workers: .*valid integer"),
        ("prot: 8443\n", "server.yaml:1:1: prot: there is no such setting; .*port"),
        ("port: [\n", r"server.yaml:\d+:\d+: "),
        ("- port\n", "server.yaml:1:1: expected settings"),
        ("port: 70000\n", "server.yaml:1:1: port: .*65535"),
        ("tls_certificate: a.pem\n", "tls_certificate and tls_key belong together"),
        ("address: ''\n", "nothing to listen on"),
        ("admin_tls_key: a.pem\n", "admin_tls_certificate and admin_tls_key belong together"),
        ("admin_tls_client_ca: a.pem\n", "admin_tls_client_ca needs admin_tls_certificate"),
        ("approval_seconds: 60\n", "approval_seconds needs admin_access"),
        (
            "approval_seconds: 60\nadmin_access: a.yaml\nwatch: promote\n",
            "without the second approver",
        ),
        ("watch: sometimes\n", "server.yaml:1:1: watch: .*stage"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "server.yaml"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=message):
        load_settings(file, {}, {})


def test_a_wrong_environment_or_flag_is_refused_by_its_name() -> None:
    with pytest.raises(ConfigurationError, match=r"^FENQI_WORKERS: "):
        load_settings(None, {"FENQI_WORKERS": "0"}, {})
    with pytest.raises(ConfigurationError, match=r"^--max-message-bytes: "):
        load_settings(None, {}, {"max_message_bytes": "much"})


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(None, {"FENQI_PORT": "-1"}, {"workers": "0"})
    assert len(str(caught.value).splitlines()) == 2


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"absent\.yaml: cannot be read"):
        load_settings(tmp_path / "absent.yaml", {}, {})
