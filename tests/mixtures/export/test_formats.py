"""What all formats have in common: weights, refusals, provenance, the checksum."""

import ast
import hashlib
import json
import re
import subprocess
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from mixtures.export.formats import FORMATS, FormatName, NotEnoughEvidence
from mixtures.export.plain import verify_export
from mixtures.export.signed import verify_signed
from mixtures.export.trainer_format import PLACEHOLDER, parts_of
from mixtures.value import InvalidField
from tests.mixtures.export.made import (
    DOCUMENT_WEIGHTS,
    PROVENANCE,
    SIZES,
    TOKEN_WEIGHTS,
    answer,
    exported,
)

TRAINERS = sorted(FORMATS.keys() - {"yaml", "json"})
ODD_PATH = "a b/ü'\"\\é\u2028#: {x}/*"


def content_of(text: str, file_name: str) -> Any:
    """The file as its trainer's language reads it; of Python, its syntax tree."""
    if file_name.endswith(".py"):
        return ast.parse(text)
    return json.loads(text) if file_name.endswith(".json") else yaml.safe_load(text)


def provenance_in(text: str) -> dict[str, Any]:
    """From the comments, or the key, whichever the file has."""
    if text.startswith("{"):
        found: dict[str, Any] = json.loads(text)["_provenance"]
        return found
    lines = re.findall(r"^# ([a-z0-9_]+): (.+)$", text, re.MULTILINE)
    return {key: value if key == "sha256" else json.loads(value) for key, value in lines}


def strings_in(content: Any) -> set[str]:
    if isinstance(content, ast.AST):
        nodes = ast.walk(content)
        return {
            one.value
            for one in nodes
            if isinstance(one, ast.Constant) and isinstance(one.value, str)
        }
    if isinstance(content, dict):
        return set().union(*map(strings_in, content.values())) if content else set()
    if isinstance(content, list):
        return set().union(*map(strings_in, content)) if content else set()
    return {content} if isinstance(content, str) else set()


def test_the_names_that_the_api_takes_are_those_of_the_registry() -> None:
    assert get_args(FormatName) == tuple(FORMATS)


def test_a_weight_of_documents_is_the_share_over_the_length_of_a_document() -> None:
    lengths = {"a": 300.0, "b": 100.0, "c": 50.0}
    parts = parts_of({"a": 0.6, "b": 0.2, "c": 0.2}, "documents", lengths, {})
    # 0.002, 0.002 and 0.004 documents a token.
    assert {part.name: part.weight for part in parts} == pytest.approx(
        {"a": 0.25, "b": 0.25, "c": 0.5}
    )
    assert [part.share for part in parts] == [0.6, 0.2, 0.2]


@pytest.mark.parametrize("unit", ["tokens", "sequences"])
def test_a_weight_of_tokens_or_sequences_is_the_share_as_it_stands(unit: Any) -> None:
    parts = parts_of({"a": 0.7, "b": 0.1, "none": 0.0, "c": 0.2}, unit, {}, {"b": ("x", "y")})
    assert {part.name: part.weight for part in parts} == pytest.approx(
        {"a": 0.7, "b": 0.1, "c": 0.2}
    )
    assert [part.paths for part in parts] == [
        (f"{PLACEHOLDER}a",),
        ("x", "y"),
        (f"{PLACEHOLDER}c",),
    ]


@pytest.mark.parametrize("format", FORMATS)
def test_every_file_verifies_and_no_change_of_it_does(format: str) -> None:
    text = exported(format).text
    verify = verify_export if format in ("yaml", "json") else verify_signed
    assert verify(text)
    assert not verify(text.replace("study-1", "study-2"))
    assert not verify(text.replace("web", "wob"))
    assert not verify(re.sub("[0-9a-f]{64}", "0" * 64, text))


@pytest.mark.parametrize("format", TRAINERS)
def test_grep_and_sha256sum_give_the_checksum_again(format: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text(exported(format).text, encoding="utf-8")
    command = f"grep -vE '^(# |    \")sha256\"?: ' {file} | sha256sum"
    said = subprocess.run(command, shell=True, capture_output=True, text=True, check=True).stdout
    assert said.split()[0] == provenance_in(exported(format).text)["sha256"]


def test_the_checksum_leaves_out_its_own_line_alone() -> None:
    text = exported("nanotron").text
    rest = "".join(
        line for line in text.splitlines(keepends=True) if not line.startswith("# sha256: ")
    )
    assert f"# sha256: {hashlib.sha256(rest.encode()).hexdigest()}\n" in text
    assert text.count("\n") == rest.count("\n") + 1
    # A second line of that kind is no longer the file that was written.
    assert not verify_signed(f"{text}# sha256: {'0' * 64}\n")
    assert not verify_signed("no file of ours")


@pytest.mark.parametrize("format", TRAINERS)
def test_every_file_says_what_it_rests_on(format: str) -> None:
    file = exported(format)
    found = provenance_in(file.text)
    assert found["format"] == f"decaymix-{format}"
    assert found["sentence"] == answer().sentence
    assert found["enough_evidence"] is True
    assert found["mixture"] == answer().mixture.shares
    assert found["left_out_with_share_0"] == ["books"]
    assert found["evidence"] == answer().evidence.model_dump(mode="json")
    assert found["study_id"] == "study-1"
    assert {key: found[key] for key in PROVENANCE} == PROVENANCE
    assert found["counts"] == FORMATS[format].counts[0]
    assert ("tokens_per_document" in found) is (format == "datasets")


@pytest.mark.parametrize("format", TRAINERS)
def test_a_source_without_a_share_is_left_out(format: str) -> None:
    file = exported(format)
    assert f"{PLACEHOLDER}web" in strings_in(content_of(file.text, file.file_name))
    assert f"{PLACEHOLDER}books" not in file.text


@pytest.mark.parametrize("format", TRAINERS)
def test_one_source_alone_is_a_mixture_too(format: str) -> None:
    file = exported(format, answer({"web": 1.0, "books": 0.0, "chat": 0.0, "proofs": 0.0}))
    content = content_of(file.text, file.file_name)
    assert f"{PLACEHOLDER}web" in strings_in(content)
    assert PLACEHOLDER + "chat" not in file.text
    assert re.search(r"\b1\.0\b", file.text)


@pytest.mark.parametrize("format", TRAINERS)
def test_any_path_comes_back_as_it_was_given(format: str) -> None:
    path = f"{ODD_PATH}.jsonl" if format in ("datasets", "torchtitan") else ODD_PATH
    file = exported(format, paths={"web": (path,), "chat": ("plain",)})
    assert path in strings_in(content_of(file.text, file.file_name))
    assert f"{PLACEHOLDER}proofs" in strings_in(content_of(file.text, file.file_name))
    assert verify_signed(file.text)


@pytest.mark.parametrize("format", TRAINERS)
def test_no_text_of_a_user_gets_out_of_its_comment(format: str) -> None:
    attack = "x\nimport os\ntrain: 1\u2028sources: []\u2029y\x85z\r\x00\ud800"
    plain = exported(format)
    file = exported(format, answer(sentence=attack))
    found = provenance_in(file.text)
    assert found["sentence"] == attack
    assert verify_signed(file.text)
    before, after = content_of(plain.text, plain.file_name), content_of(file.text, file.file_name)
    if isinstance(before, dict):
        for content in (before, after):
            content.pop("_provenance", None)
        assert before == after
    else:
        assert ast.dump(before) == ast.dump(after)


@pytest.mark.parametrize("format", FORMATS)
def test_without_enough_evidence_an_export_is_forced_or_refused(format: str) -> None:
    unsure = answer(enough_evidence=False, sentence="Not enough evidence to prefer a share.")
    with pytest.raises(NotEnoughEvidence, match=r"Not enough evidence.*force=true.*--force"):
        exported(format, unsure)
    text = exported(format, unsure, force=True).text
    assert re.search(r'enough_evidence"?: false', text)


@pytest.mark.parametrize(
    ("format", "options", "field", "words"),
    [
        ("megatron", {"paths": {"wob": ("x",)}}, "path.wob", r"no source 'wob'; there are"),
        ("datasets", {"tokens_per_document": {"wob": 3.0}}, "tokens_per_document.wob", "no source"),
        ("datasets", {"tokens_per_document": {"web": 0.0}}, "tokens_per_document.web", "above 0"),
        (
            "megatron",
            {"tokens_per_document": {"web": 3.0}},
            "tokens_per_document",
            "Megatron-LM counts sequences, for which the length of documents does not matter",
        ),
        ("yaml", {"paths": {"web": ("x",)}}, "path", "a file for yaml has no paths"),
        ("olmo-core", {"counts": "documents"}, "counts", "OLMo-core counts tokens, not documents"),
        ("megatron", {"paths": {"web": ("x", "y")}}, "path.web", "web has 2 paths"),
        ("datasets", {"paths": {"web": ("x.jsonl", "y.csv")}}, "path.web", "of several kinds"),
    ],
)
def test_an_option_that_does_not_fit_is_refused_by_name(
    format: str, options: dict[str, Any], field: str, words: str
) -> None:
    with pytest.raises(InvalidField, match=words) as caught:
        exported(format, **options)
    assert caught.value.field == field


@pytest.mark.parametrize("format", ["datasets", "litdata", "mosaicml"])
def test_a_source_of_unknown_length_is_named_where_documents_are_counted(format: str) -> None:
    sizes = {name: size for name, size in SIZES.items() if name != "chat"}
    with pytest.raises(InvalidField, match=r"a document of chat has.*--tokens-per-document chat=N"):
        exported(format, sizes=sizes, counts="documents")
    # One that is not read need not be known, and the user's word goes before the study's count.
    known = {name: size for name, size in sizes.items() if name != "books"}
    text = exported(
        format,
        sizes=known,
        counts="documents",
        tokens_per_document={"chat": 50.0, "web": 100.0},
    ).text
    assert provenance_in(text)["tokens_per_document"] == {"web": 100.0, "chat": 50.0, "proofs": 100}
    # 0.4 / 100 is 40 now, beside 70 and 25.
    assert repr(40 / 135)[:15] in text


@pytest.mark.parametrize("format", TRAINERS)
def test_every_weight_stands_in_the_file(format: str) -> None:
    weights = DOCUMENT_WEIGHTS if format == "datasets" else TOKEN_WEIGHTS
    for weight in weights.values():
        assert repr(weight)[:15] in exported(format).text.partition("sha256")[2] or format in (
            "megatron",
        )


def test_file_names_tell_the_study_and_the_trainer() -> None:
    names = {format: exported(format).file_name for format in FORMATS}
    assert names["yaml"] == "sweep-mixture.yaml"
    assert names["megatron"] == "sweep-megatron.json"
    assert names["levanter"] == "sweep-levanter.yaml"
    # A module's name can be imported.
    assert names["torchtitan"] == "mixture_sweep_torchtitan.py"
    assert all(Path(name).stem.isidentifier() for name in names.values() if name.endswith(".py"))


def test_the_same_recommendation_gives_the_same_file() -> None:
    for format in FORMATS:
        assert exported(format) == exported(format)
