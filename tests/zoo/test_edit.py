from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from acrank.errors import ZooError
from acrank.zoo.files.appending import appended, new_file
from acrank.zoo.files.editing import pinned, save, scalar
from acrank.zoo.files.reading import ZooFile

COMMIT = "0123456789" * 4
SHA256 = "89abcdef" * 8
SOURCE = "hf-hub:me/net"
PINNED = {"source": f"{SOURCE}@{COMMIT}"}


def zoo_file(text: str) -> ZooFile:
    return ZooFile(text, "zoo.yaml", Path())


@dataclass(frozen=True)
class Piece:
    """One entry: its lines, with marks where pinning changes it, and what changes.

    ``<SOURCE>`` is the source, and what stands between ``<+`` and ``+>`` is new.
    """

    lines: tuple[str, ...]
    changes: tuple[tuple[str, str], ...] = ()


COMMENTS = st.sampled_from(["", " # why", "   #a, b: {c} 'd", "  "])
BETWEEN = st.sampled_from([(), ("",), ("# alone",), ("      # far", ""), ("", "", "#")])
QUOTES = st.sampled_from(["", "'", '"'])
PADDING = st.sampled_from(["", " ", "  "])
REVISION = st.sampled_from(["", "@main", "@v1.0", "@0123456"])
ANY = (("source", f"{SOURCE}@{COMMIT}"),)


@st.composite
def flow_entries(draw: st.DrawFn, number: int) -> Piece:
    quote, pad = draw(QUOTES), draw(PADDING)
    fields = [
        f"name: n{number}",
        f"source:{draw(PADDING)} {quote}<SOURCE {draw(REVISION)}>{quote}",
        *draw(st.sampled_from([[], ["tags: [ a,b ]"], ["mean: [0.50, .5,0.5]", 'note: "x"']])),
    ]
    comma = draw(st.sampled_from([", ", ",", " ,  ", ",\n      "]))
    text = f"{{{pad}{comma.join(draw(st.permutations(fields)))}{pad}}}{draw(COMMENTS)}"
    return Piece(tuple(text.split("\n")), ANY)


@st.composite
def block_entries(draw: st.DrawFn, number: int) -> Piece:
    quote = draw(QUOTES)
    fields = [
        f"name:  n{number}{draw(COMMENTS)}",
        f"source: {quote}<SOURCE {draw(REVISION)}>{quote}{draw(COMMENTS)}",
        *draw(
            st.sampled_from([(), ("tags:", "- a", "-   b # c"), ("note: |", "  two", "  lines")])
        ),
    ]
    more = fields[2:]
    first = draw(st.permutations([[fields[0]], [fields[1]], list(more)] if more else [fields]))
    return Piece(tuple(line for group in first for line in group), ANY)


@st.composite
def checkpoint_entries(draw: st.DrawFn, number: int) -> Piece:
    quote, rest = draw(QUOTES), draw(COMMENTS)
    weights = f"weights: {quote}w.pth{quote}"
    changes = (("sha256", SHA256),)
    if draw(st.booleans()):
        text = f"{{name: n{number}, {weights}<+, sha256: {SHA256}+>, arch: lcnet_050}}{rest}"
        return Piece((text,), changes)
    lines = [f"name: n{number}", f"{weights}{rest}", f"<+sha256: {SHA256}+>", "arch: lcnet_050"]
    return Piece(tuple(lines), changes)


def plain_entries(number: int) -> st.SearchStrategy[Piece]:
    names = (f"{{name: n{number}, source: resnet18}}", f"{{ name: 'n{number}', source: lcnet_050}}")
    return st.sampled_from([Piece((name,)) for name in names])


@st.composite
def zoos(draw: st.DrawFn) -> tuple[str, str, dict[int, dict[str, str]]]:
    """A file, the same with what pinning changes, and the changes."""
    indent = draw(st.sampled_from(["", "  ", "    "]))
    gap = draw(st.sampled_from([" ", "   "]))
    lines = ["# a zoo", "version: 1  # of the format", f"models:{draw(COMMENTS)}"]
    changes = {}
    for number in range(draw(st.integers(1, 4))):
        kinds = (plain_entries, flow_entries, block_entries, checkpoint_entries)
        piece = draw(draw(st.sampled_from(kinds))(number))
        inner = indent + " " + " " * len(gap)
        lines += draw(BETWEEN)
        lines.append(f"{indent}-{gap}{piece.lines[0]}")
        lines += [
            f"<+{inner}{line[2:]}" if line.startswith("<+") else f"{inner}{line}"
            for line in piece.lines[1:]
        ]
        if piece.changes:
            changes[number] = dict(piece.changes)
    lines += draw(BETWEEN)
    end = draw(st.sampled_from(["\n", "\r\n"]))
    text = (
        draw(st.sampled_from(["", "\ufeff"])) + end.join(lines) + draw(st.sampled_from(["", end]))
    )
    return before(text, end), after(text), changes


def before(text: str, end: str) -> str:
    while "<+" in text:
        head, _, rest = text.partition("<+")
        _, _, tail = rest.partition("+>")
        # a new line goes with its line end
        text = head + (tail if head.endswith(("pth", "'", '"')) else tail.removeprefix(end))
    for revision in ("", "@main", "@v1.0", "@0123456"):
        text = text.replace(f"<SOURCE {revision}>", f"{SOURCE}{revision}")
    return text


def after(text: str) -> str:
    text = text.replace("<+", "").replace("+>", "")
    for revision in ("", "@main", "@v1.0", "@0123456"):
        text = text.replace(f"<SOURCE {revision}>", PINNED["source"])
    return text


@given(zoos())
def test_pinning_changes_nothing_else(zoo: tuple[str, str, dict[int, dict[str, str]]]) -> None:
    text, wanted, changes = zoo
    assert pinned(zoo_file(text), changes) == wanted
    assert pinned(zoo_file(wanted), changes_again(changes)) == wanted


def changes_again(changes: dict[int, dict[str, str]]) -> dict[int, dict[str, str]]:
    return {number: fields for number, fields in changes.items() if "source" in fields}


NEW: list[dict[str, object]] = [
    {"name": "lcnet_050.ra2_in1k"},
    {"name": "new", "source": "hf-hub:me/new@v1", "tags": ["a b", "c"], "license": "mit"},
    {"name": "own: #1", "arch": "lcnet_050", "weights": "w.pth", "mean": [0.5, 0.25, 1]},
]


@given(zoos(), st.lists(st.sampled_from(range(3)), min_size=1, max_size=3, unique=True))
def test_adding_changes_nothing_else(
    zoo: tuple[str, str, dict[int, dict[str, str]]], chosen: list[int]
) -> None:
    text = zoo[0]
    assume(not text.endswith("lines"))  # a line end would be one more letter of the note
    new = [NEW[index] for index in chosen]
    changed, added = appended(zoo_file(text), new)
    end = "\r\n" if "\r\n" in text else "\n"
    assert added in changed
    assert changed.replace(f"{end}{added}", "", 1) == text or (
        changed.replace(f"{added}{end}", "", 1) == text
    )
    assert changed.endswith("\n") == text.endswith("\n")
    entries = zoo_file(changed).entries()
    assert [entry.name for entry in entries[-len(new) :]] == [fields["name"] for fields in new]
    assert entries[: -len(new)] == zoo_file(text).entries()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (
            "version: 1\nmodels: [a1, b1]\n",
            "version: 1\nmodels: [a1, b1, {name: new, tags: [x]}]\n",
        ),
        ("{version: 1, models: [a1 ,]}", "{version: 1, models: [a1, {name: new, tags: [x]} ,]}"),
        (
            "models:\n- {name: a1}  # c\nversion: 1",
            "models:\n- {name: a1}  # c\n- {name: new, tags: [x]}\nversion: 1",
        ),
        (
            "version: 1\nmodels:\n  -   { name: a1 }\n\n# end\n",
            "version: 1\nmodels:\n  -   { name: a1 }\n  -   { name: new, tags: [x] }\n\n# end\n",
        ),
        (
            "version: 1\nmodels:\n  - name: a1\n\n"
            "  # of b\n  - name: b1\n    note: |\n      x\n# end",
            "version: 1\nmodels:\n  - name: a1\n\n  # of b\n  - name: b1\n    note: |\n      x\n\n"
            "  - name: new\n    tags: [x]\n# end",
        ),
    ],
)
def test_added_in_the_style_of_the_last(text: str, wanted: str) -> None:
    def named(text: str) -> str:
        return text.replace("a1", "resnet18").replace("b1", "resnet34")

    changed, _ = appended(zoo_file(named(text)), [{"name": "new", "tags": ["x"]}])
    assert changed == named(wanted)


def test_a_new_file() -> None:
    text = new_file([{"name": "resnet18"}, {"name": "x", "source": "resnet34"}])
    assert text == "version: 1\nmodels:\n  - resnet18\n  - {name: x, source: resnet34}\n"


@pytest.mark.parametrize(
    ("entry", "wanted"),
    [
        (f"- {SOURCE}  # c", f"- {{name: {SOURCE}, source: {SOURCE}@{COMMIT}}}  # c"),
        (f"- '{SOURCE}@v1'", f"- {{name: {SOURCE}@v1, source: {SOURCE}@{COMMIT}}}"),
        (f"- {{name: {SOURCE}}}", f"- {{name: {SOURCE}, source: {SOURCE}@{COMMIT}}}"),
        (f"- name: {SOURCE} # c", f"- name: {SOURCE} # c\n  source: {SOURCE}@{COMMIT}"),
        (
            f"- name: x\n  source: >-\n    {SOURCE}",
            f"- name: x\n  source: >-\n    {SOURCE}@{COMMIT}",
        ),
        (f"- &a {{name: x, source: {SOURCE}}}", f"- &a {{name: x, source: {SOURCE}@{COMMIT}}}"),
    ],
)
def test_pinning_by_the_way_an_entry_is_written(entry: str, wanted: str) -> None:
    head = "version: 1\nmodels:\n"
    assert pinned(zoo_file(f"{head}{entry}"), {0: PINNED}) == f"{head}{wanted}"


def test_merged_and_shared_values() -> None:
    text = (
        "version: 1\nmodels:\n"
        f"- &base {{name: a, source: &src {SOURCE}}}\n"
        "- {<<: *base, name: b}\n"
        "- {name: c, source: *src}\n"
    )
    both = pinned(zoo_file(text), {0: PINNED, 1: PINNED, 2: PINNED})
    assert both == text.replace(SOURCE, PINNED["source"])
    with pytest.raises(ZooError, match="without touching other values"):
        pinned(zoo_file(text), {0: PINNED})


@pytest.mark.parametrize(
    "source", ['"hf-hub:me/\\u006eet"', '"hf-hub:\\\n    me/net"', "&s hf-hub:me/net\n  note: *s"]
)
def test_what_cannot_be_changed_alone_is_refused(source: str) -> None:
    text = f"version: 1\nmodels:\n- name: a\n  source: {source}\n"
    with pytest.raises(ZooError, match="cannot be changed"):
        pinned(zoo_file(text), {0: PINNED})


def test_scalars_are_quoted_only_where_they_must_be() -> None:
    assert scalar("hf-hub:me/x@v1") == "hf-hub:me/x@v1"
    for text in ("1.0", "no", "a: b", "[x]", "x, y", "#", "null", "a\nb", "\u202e", "12:30:00", ""):
        line = scalar(text)
        assert "\n" not in line
        read = ZooFile(f"version: 1\nmodels:\n- {{name: a, note: {line}}}", "", Path()).content
        assert read["models"][0]["note"] == text


def test_saving_keeps_permissions(tmp_path: Path) -> None:
    path = tmp_path / "zoo.yaml"
    path.write_text("x")
    path.chmod(0o600)
    save(path, "a\r\nb")
    assert path.read_bytes() == b"a\r\nb"
    assert path.stat().st_mode & 0o777 == 0o600
