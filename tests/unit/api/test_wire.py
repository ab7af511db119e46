"""The wire types decode what clients send and encode what Docker sends."""

import json

import pytest

from corral.api.types.container import Config, ContainerCreateRequest, ContainerInspect, ContainerState
from corral.api.types.exec import ExecInspect
from corral.api.types.host_config import HostConfig, PortBinding
from corral.api.types.wire import UNSET, ValidationError, decode, encode, replace


def test_the_body_of_docker_run_decodes():
    request = decode(
        b'{"Hostname":"","Tty":true,"Env":null,"Cmd":["sh"],"Image":"busybox","Volumes":{},"Entrypoint":null,'
        b'"HostConfig":{"Binds":["/a:/b"],"NetworkMode":"none","PortBindings":{"80/tcp":[{"HostIp":"","HostPort":"8080"}]},'
        b'"ConsoleSize":[24,80],"MemorySwappiness":-1,"Ulimits":[{"Name":"nofile","Hard":10,"Soft":5}]},'
        b'"NetworkingConfig":{"EndpointsConfig":{}}}',
        ContainerCreateRequest,
    )
    assert request.tty
    assert request.cmd == ["sh"]
    assert request.env is None
    assert request.entrypoint is None
    assert request.host_config.console_size == (24, 80)
    assert request.host_config.port_bindings == {"80/tcp": [PortBinding(host_port="8080")]}
    assert request.host_config.ulimits is not None
    assert request.host_config.ulimits[0].soft == 5


def test_null_leaves_the_zero_value_as_in_go():
    request = decode(
        b'{"Hostname":null,"Domainname":null,"Tty":null,"StopSignal":null,"Image":"x","HostConfig":{"LogConfig":null,'
        b'"ShmSize":null,"PortBindings":{"80/tcp":null},"Sysctls":{"a":null},"Privileged":null},"NetworkingConfig":null}',
        ContainerCreateRequest,
    )
    assert (request.hostname, request.tty, request.stop_signal, request.image) == ("", False, UNSET, "x")
    assert request.host_config.log_config.type == ""
    assert request.host_config.port_bindings == {"80/tcp": None}
    assert request.host_config.sysctls == {"a": ""}
    assert request.networking_config.endpoints_config is None


def test_one_string_stands_for_a_command_line_of_one():
    request = decode(b'{"Cmd":"echo","Entrypoint":"sh","HostConfig":{"CapAdd":"ALL"}}', ContainerCreateRequest)
    assert request.cmd == ["echo"]
    assert request.entrypoint == ["sh"]
    assert request.host_config.cap_add == ["ALL"]


def test_one_string_does_not_stand_for_any_other_list():
    with pytest.raises(ValidationError, match=r"\$\.Env"):
        decode(b'{"Env":"A=b"}', ContainerCreateRequest)


def test_a_wrong_type_names_the_field():
    with pytest.raises(ValidationError, match=r"Expected `int`, got `str` - at `\$\.HostConfig\.Memory`"):
        decode(b'{"HostConfig":{"Memory":"1g"}}', ContainerCreateRequest)


def test_unknown_fields_are_ignored():
    assert decode(b'{"Nonsense":{"a":[1]},"Image":"x"}', ContainerCreateRequest).image == "x"


def test_what_docker_leaves_out_when_empty_is_left_out():
    config = json.loads(encode(Config()))
    assert "ExposedPorts" not in config
    assert "StopSignal" not in config
    assert config["Env"] is None
    assert config["Volumes"] is None
    assert "Health" not in json.loads(encode(ContainerState()))
    host = json.loads(encode(HostConfig()))
    assert "Mounts" not in host
    assert host["PidsLimit"] is None
    assert host["IOMaximumIOps"] == 0
    assert host["ConsoleSize"] == [0, 0]


def test_names_that_are_not_the_pascal_case_of_their_attribute():
    inspect = json.loads(encode(ContainerInspect()))
    assert inspect["State"]["OOMKilled"] is False
    assert inspect["ExecIDs"] is None
    assert inspect["NetworkSettings"]["SecondaryIPv6Addresses"] is None
    assert json.loads(encode(ExecInspect()))["ProcessConfig"] == {"tty": False, "entrypoint": "", "arguments": []}


def test_replace_changes_a_copy():
    one = Config(image="a", labels={"x": "y"})
    two = replace(one, image="b")
    assert (one.image, two.image, two.labels) == ("a", "b", {"x": "y"})
