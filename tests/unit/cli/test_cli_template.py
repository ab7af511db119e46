"""Go's templates: each line was run through docker inspect or docker ps once, and its answer kept."""

# ruff: noqa: E501 - templates are data

from __future__ import annotations

import pytest

from corral.cli.schema import typed
from corral.cli.template import Template, TemplateError

DATA: dict[str, object] = {
    "Name": "/web",
    "Count": 3,
    "Ratio": 0.5,
    "On": True,
    "Off": False,
    "Nothing": None,
    "Env": ["A=b", "C=d"],
    "Empty": [],
    "Labels": {"b": "2", "a": "1"},
    "State": {"Status": "running", "Pid": 7},
    "Ports": {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}], "81/tcp": None},
}


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("plain", "plain"),
        ("{{.Name}}", "/web"),
        ("{{ .State.Status }}", "running"),
        ("{{.Labels}}", "map[a:1 b:2]"),
        ("{{.Env}}", "[A=b C=d]"),
        ("{{.Ports}}", "map[80/tcp:[map[HostIp:0.0.0.0 HostPort:8080]] 81/tcp:<nil>]"),
        ("{{.Nothing}}", "<no value>"),
        ("{{.Missing}}", "<no value>"),
        ("{{.Ratio}}{{.On}}{{.Count}}", "0.5true3"),
        ("{{json .Labels}}{{json .Nothing}}{{json .Name}}", '{"a":"1","b":"2"}null"/web"'),
        ("a {{- .Count -}} b", "a3b"),
        ("a {{-3}} b", "a -3 b"),
        ("a{{/* no */}}b{{- /* trims */ -}} c", "abc"),
        ("{{if .On}}y{{end}}{{if .Off}}n{{else}}e{{end}}", "ye"),
        ("{{if .Off}}1{{else if .Empty}}2{{else if .Env}}3{{else}}4{{end}}", "3"),
        ("{{with .State}}{{.Pid}}{{end}}{{with .Nothing}}x{{else}}{{.Name}}{{end}}", "7/web"),
        ("{{range .Env}}<{{.}}>{{end}}", "<A=b><C=d>"),
        ("{{range $i, $e := .Env}}{{$i}}={{$e}};{{end}}", "0=A=b;1=C=d;"),
        ("{{range $k, $v := .Labels}}{{$k}}{{$v}}{{end}}", "a1b2"),
        ("{{range .Labels}}{{.}}{{end}}", "12"),
        ("{{range .Empty}}x{{else}}none{{end}}", "none"),
        ("{{range 3}}{{.}}{{end}}", "012"),
        ("{{range .Env}}{{break}}{{end}}{{range .Env}}{{if eq . \"A=b\"}}{{continue}}{{end}}{{.}}{{end}}", "C=d"),
        ("{{$x := .Count}}{{$x}}{{$x = 4}}{{$x}}{{$.Name}}", "34/web"),
        ("{{$x := 1}}{{if .On}}{{$x = 2}}{{end}}{{$x}}", "2"),
        ("{{$x := 1}}{{if .On}}{{$x := 2}}{{end}}{{$x}}", "1"),
        ("{{.Name | upper | printf \"%s!\"}}", "/WEB!"),
        ("{{(index .Env 0)}}{{index .Labels \"b\"}}{{index .Ports \"80/tcp\" 0 \"HostPort\"}}", "A=b28080"),
        ("{{(index (index .Ports \"80/tcp\") 0).HostPort}}", "8080"),
        ("{{len .Env}}{{len .Name}}{{len .Labels}}", "242"),
        ("{{slice .Name 1}}{{slice .Name 0 2}}{{slice .Env 1}}", "web/w[C=d]"),
        ("{{eq .Count 3}}{{eq .Name \"a\" \"/web\"}}{{ne 1 2}}{{lt 1 2}}{{le 2 2}}{{gt 1 2}}{{ge 1 2}}", "truetruetruetruetruefalsefalse"),
        ("{{and .On .Name}}{{and .Off .Name}}{{or .Off .Name}}{{or .Off .Empty}}{{not .On}}", "/webfalse/web[]false"),
        ("{{join .Env \",\"}}|{{split \"a-b\" \"-\"}}|{{lower \"AB\"}}|{{title \"a bc\"}}|{{pad \"x\" 1 2}}|{{pad \"\" 1 2}}|{{truncate \"abcd\" 2}}", "A=b,C=d|[a b]|ab|A Bc| x  ||ab"),
        ("{{print 1 2 \"a\" \"b\" 3}}{{println 1 \"a\"}}", "1 2ab31 a\n"),
        ("{{printf \"%d|%5d|%-5d|%05d|%x|%q|%v|%t|%%|%6.2f|%s\" 1 2 3 4 255 \"a\\\"b\" .Env true 1.5 .Name}}", "1|    2|3    |00004|ff|\"a\\\"b\"|[A=b C=d]|true|%|  1.50|/web"),
        ("{{printf \"%d\" \"x\"}}{{printf \"%s\"}}{{printf \"a\" 1}}", "%!d(string=x)%!s(MISSING)a%!(EXTRA int=1)"),
        ("{{`raw \\n`}}{{\"tab\\t\"}}{{'a'}}", "raw \\ntab\t97"),
        ("{{0x1F}}{{1e3}}{{-2}}", "311000-2"),
        ("{{define \"t\"}}[{{.}}]{{end}}{{template \"t\" .Name}}{{block \"u\" .Count}}<{{.}}>{{end}}", "[/web]<3>"),
        ("{{html \"<a&'\"}}{{urlquery \"a b/\"}}", "&lt;a&amp;&#39;a+b%2F"),
        ("{{true}}", "true"),
    ],
)  # fmt: skip
def test_rendering(source: str, text: str) -> None:
    assert Template(source).render(DATA) == text


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{{", "template: :1: unclosed action"),
        ("{{.A", "template: :1: unclosed action"),
        ("a\n{{.A", "template: :2: unclosed action"),
        ("{{nope}}", 'template: :1: function "nope" not defined'),
        ("{{if .A}}", "template: :1: unexpected EOF"),
        ("{{end}}", "template: :1: unexpected {{end}}"),
        ("{{else}}", "template: :1: unexpected {{else}}"),
        ("{{if}}x{{end}}", "template: :1: missing value for if"),
        ("{{range}}{{end}}", "template: :1: missing value for range"),
        ("{{}}", "template: :1: missing value for command"),
        ("{{$x}}", 'template: :1: undefined variable "$x"'),
        ("{{(1}}", "template: :1: unclosed left paren"),
        ("{{1)}}", "template: :1: unexpected right paren"),
        ('{{"a}}', "template: :1: unterminated quoted string"),
        ("{{`a}}", "template: :1: unterminated raw quoted string"),
        ("{{/* a}}", "template: :1: unclosed comment"),
        ("{{.A | }}", "template: :1: missing value for command"),
        ("{{break}}", "template: :1: {{break}} outside {{range}}"),
        ("{{.A | 1}}", "template: :1: non executable command in pipeline stage 2"),
    ],
)
def test_what_does_not_parse(source: str, message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        Template(source)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{{.Name.X}}", 'template: :1:7: executing "" at <.Name.X>: can\'t evaluate field X in type string'),
        ("a\n {{.Count.X}}", 'template: :2:9: executing "" at <.Count.X>: can\'t evaluate field X in type int'),
        (
            "{{index .Env 5}}",
            'template: :1:2: executing "" at <index .Env 5>: error calling index: index out of range: 5',
        ),
        ("{{len 3}}", 'template: :1:2: executing "" at <len 3>: error calling len: len of type int'),
        (
            '{{eq .Count "x"}}',
            'template: :1:2: executing "" at <eq .Count "x">: error calling eq: incompatible types for comparison',
        ),
        ("{{range .Name}}{{end}}", 'template: :1:8: executing "" at <.Name>: range can\'t iterate over /web'),
        ("{{nil | json}}", 'template: :1:2: executing "" at <nil>: nil is not a command'),
        ('{{template "x"}}', 'template: :1:11: executing "" at <{{template "x"}}>: template "x" not defined'),
    ],
)
def test_what_does_not_run(source: str, message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        Template(source).render(DATA)
    assert str(caught.value) == message


def test_strict_maps_name_the_missing_key() -> None:
    with pytest.raises(TemplateError, match=r'at <\.State\.Nope>: map has no entry for key "Nope"'):
        Template("{{.State.Nope}}").render(DATA, strict=True)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{.ID}}{{.Name}}", "x/web"),
        ("{{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}", "none"),
        ("{{.State.Health}}{{.Config.Healthcheck}}{{.HostConfig.PidsLimit}}", "<nil><nil><nil>"),
        ("{{.HostConfig.Binds}}{{.Config.Volumes}}{{.Mounts}}", "[]map[][]"),
        ("{{.HostConfig.RestartPolicy}}{{.HostConfig.RestartPolicy.Name}}", "{no 0}no"),
        ("{{.NetworkSettings.Ports}}", "map[80/tcp:[{0.0.0.0 8080}]]"),
        ('{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostIP}}', "0.0.0.0"),
        ("{{json .HostConfig.RestartPolicy}}{{json .HostConfig.Binds}}", '{"Name":"no","MaximumRetryCount":0}null'),
        ('{{.Config.Labels.nope}}|{{index .Config.Labels "nope"}}|', "<no value>||"),
        ("{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", "10.0.0.2"),
    ],
)
def test_typed_values_have_what_json_leaves_out(source: str, text: str) -> None:
    container = {
        "Id": "x",
        "Name": "/web",
        "State": {"Status": "running"},
        "HostConfig": {"RestartPolicy": {"Name": "no", "MaximumRetryCount": 0}, "Binds": None},
        "Config": {"Labels": {}, "Volumes": None},
        "NetworkSettings": {
            "Ports": {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}]},
            "Networks": {"bridge": {"IPAddress": "10.0.0.2"}},
        },
    }
    assert Template(source).render(typed(container, "container.InspectResponse")) == text


def test_an_unknown_field_of_a_struct_is_an_error() -> None:
    with pytest.raises(TemplateError, match=r"can't evaluate field Id in type container\.InspectResponse"):
        Template("{{.Id}}").render(typed({}, "container.InspectResponse"))


def test_times_print_as_go_prints_them() -> None:
    network = typed({"Created": "2026-11-24T21:31:16.296309004Z"}, "network.Inspect")
    assert Template("{{.Created}}|{{json .Created}}").render(network) == (
        '2026-11-24 21:31:16.296309004 +0000 UTC|"2026-11-24T21:31:16.296309004Z"'
    )
