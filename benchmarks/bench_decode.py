"""How many codes are read, how soon, and at what cost, beside zxing-cpp, pyzbar and OpenCV alone.

    python benchmarks/bench_decode.py [--seed SEED] [--frames DIR] [--only TABLE] [--readme]

``../shared/decode_bench`` beside the repository draws frames of a camera at a gate (``gen.py``) and
judges decoders by them (``run.py``); ``../shared/corpus`` has real photographs. ``hidden.py`` has
tickets that something hides. Ours are ``still`` (full effort, as F8 and ``gate read``) and
``stream`` (the camera's loop, 30 frames a second; ``quarter`` on a machine that is a quarter as
fast) of ``decoders.py``. All of them look at the same frames in one run,
on one core; the limits are printed beside the figures. Take seeds that nothing was tuned on, as the
day is. ``--readme`` writes the tables into docs/scanners.md.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import hidden

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "scanners.md"
SHARED = HERE.parent.parent / "shared"
"""The judge and the photographs, unless they are named."""
PEERS = {
    "zxing_full": "zxing-cpp, all options",
    "zxing_fast": "zxing-cpp, fast options",
    "pyzbar_alone": "pyzbar",
    "opencv_qr": "OpenCV's QR detector",
}
COLUMNS = (
    "",
    "mixed",
    "QR of mixed",
    "hard",
    "sweep",
    "photographs",
    "approaches read",
    "mean first frame",
    "to the verdict",
    "at a quarter of the speed",
    "empty frame",
)
Told = dict[str, Any]
Limit = tuple[str, bool]
"""A limit with its figure, and whether it was kept."""


def judge(
    run: Path, mode: str, folder: Path, decoders: Iterable[str], into: Path, *more: str
) -> dict[str, Told]:
    """What ``run.py`` says of each decoder."""
    names = [part for name in decoders for part in ("--dec", f"decoders:{name}")]
    command = [sys.executable, str(run), mode, str(folder)]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    subprocess.run(
        [*command, *names, *more, "--json", str(into)],
        cwd=HERE, env=os.environ | threads, check=True, timeout=3600,
    )  # fmt: skip
    told = json.loads(into.read_text())
    return {spec.removeprefix("decoders:"): one for spec, one in told.items()}


def share(hits: float | None) -> str:
    return "–" if hits is None else f"{hits:.1%}"


def qr_share(told: Told) -> float:
    read, of = told["mixed_kind"]["QR"]
    return float(read / of)


def photographs(told: Told) -> tuple[int, int]:
    folders = [one for name, one in told["sizes"]["full"].items() if name.startswith("zxing/")]
    readable = [one for one in folders if one["n"]]
    return sum(one["ok"] for one in readable), sum(one["n"] for one in readable)


def row(name: str, still: Told, photos: Told, stream: Told, quarter: Told) -> list[str]:
    video = stream["video"]
    read, of = photographs({"sizes": {"full": with_codes(photos)}})
    return [
        name,
        share(still["mixed"]),
        share(qr_share(still)),
        share(still["hard"]),
        share(still["sweep_all"]),
        f"{read} of {of}",
        f"{video['ever']} of {video['n']}",
        f"{video['mean_frame']:.1f}",
        f"{video['ttv_x1']['mean']} ms",
        f"{quarter['video']['ttv_x4']['mean']} ms",
        f"{stream['empty_720']['med']:.1f} ms",
    ]


def with_codes(photos: Told) -> Told:
    return {n: one for n, one in photos["sizes"]["full"].items() if "falsepos" not in n}


def limits(
    still: dict[str, Told], stream: dict[str, Told], photos: dict[str, Told], tickets: set[str]
) -> list[Limit]:
    """The limits of frames and photographs."""
    ours, camera, video = still["still"], stream["stream"], stream["stream"]["video"]
    made = []

    def at_least(what: str, figure: float, limit: float) -> None:
        made.append((f"{what}: {figure:.1%}, at least {limit:.0%}", figure >= limit))

    def at_most(what: str, figure: float, limit: float) -> None:
        made.append((f"{what}: {figure:.1f}, at most {limit:.1f}", figure <= limit))

    at_least("mixed", ours["mixed"], 0.84)
    at_least("QR of mixed", qr_share(ours), 0.88)
    at_least("hard", ours["hard"], 0.58)
    at_least("sweep", ours["sweep_all"], 0.89)
    at_least("approaches read", video["ever"] / video["n"], 0.75)
    at_most("mean first frame", video["mean_frame"], 19.6)
    for name in ("zxing_full", "zxing_fast"):
        peer = stream[name]["video"]
        for way, speed, told in (
            ("stream", "ttv_x1", "ms to the verdict"),
            ("quarter", "ttv_x4", "ms, decoder at a quarter"),
        ):
            own = stream[way]["video"][speed]["mean"]
            at_most(f"{told} ({PEERS[name]})", own, peer[speed]["mean"])
    empty, fast = camera["empty_720"], stream["zxing_fast"]["empty_720"]
    for figure, what, times in (("med", "median", 2), ("p95", "p95 of", 3)):
        at_most(f"{what} ms on an empty frame", empty[figure], times * fast[figure])
    for folder, own in photos["still"]["sizes"]["full"].items():
        if "/" not in folder:
            continue
        if "falsepos" in folder:
            at_most(f"{folder}, read in", own["bad"], 0)
        else:
            peer = photos["zxing_full"]["sizes"]["full"][folder]
            made.append((f"{folder}: {own['ok']}, at least {peer['ok']}", own["ok"] >= peer["ok"]))
    wrong = [text for one in (ours, camera) for _id, bad in one["falsex"] for text, _kind in bad]
    made.append((f"wrong texts {len(wrong)}, none of them a ticket", not tickets & set(wrong)))
    return made


def of_frames(shared: Path, seed: str, kept: Path | None) -> tuple[str, list[Limit]]:
    """Table and limits of what the judge draws and of the photographs."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        frames = kept or work / "frames"
        if not (frames / "manifest.json").exists():
            gen = [sys.executable, str(shared / "decode_bench/gen.py"), str(frames)]
            subprocess.run([*gen, "--seed", seed], check=True, timeout=3600)
        # The judge knows photographs by the folder of their library.
        (work / "photographs").mkdir()
        (work / "photographs/zxing").symlink_to(shared / "corpus")
        run = shared / "decode_bench/run.py"
        still = judge(
            run, "synth", frames, ["still", *PEERS], work / "still", "--sets", "sweep,mixed,hard"
        )
        stream = judge(
            run,
            "synth",
            frames,
            ["stream", "quarter", *PEERS],
            work / "stream",
            "--sets",
            "empty,video",
        )
        photos = judge(
            run,
            "corpus",
            work / "photographs",
            ["still", *PEERS],
            work / "photos",
            "--sizes",
            "full",
        )
        manifest = json.loads((frames / "manifest.json").read_text())
    tickets = {one["truth"] for one in manifest if one["truth"]}
    own = still["still"], photos["still"], stream["stream"], stream["quarter"]
    rows = [row("**Venue Gate**", *own)]
    rows += [
        row(told, still[name], photos[name], stream[name], stream[name])
        for name, told in PEERS.items()
    ]
    return table(COLUMNS, rows), limits(still, stream, photos, tickets)


def of_hidden(seed: str, most: int) -> tuple[str, list[Limit]]:
    """Table and limits of tickets that something hides."""
    counts = [hidden.counted(one, seed, [*PEERS], most) for one in hidden.SETS]
    looks = {"stream": "**one second of a camera**", "still": "**full effort**"} | PEERS
    rows = [
        [one.of.name, str(len(one.tickets)), *(str(one.read[name]) for name in looks)]
        for one in counts
    ]
    made = []
    for one in counts:
        least = math.floor(one.of.least * len(one.tickets) + 0.01)
        for name in ("stream", "still") if least else ():
            told = f"{one.of.name}, {name}: {one.read[name]}, at least {least}"
            made.append((told, one.read[name] >= least))
    wrong = set[str]().union(*(one.wrong for one in counts))
    tickets = set[str]().union(*(one.tickets for one in counts))
    made.append((f"wrong texts of these {len(wrong)}, none of them a ticket", not tickets & wrong))
    return table(("a ticket", "drawn", *looks.values()), rows), made


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows as a table of a page."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))


def write(name: str, lines: str) -> None:
    """Put a table into its place in the page."""
    before, begin, rest = PAGE.read_text().partition(f"<!-- {name} -->")
    _table, end, after = rest.partition(f"<!-- /{name} -->")
    PAGE.write_text(f"{before}{begin}\n{lines}\n{end}{after}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    today = datetime.now(UTC).date().isoformat()
    parser.add_argument("--seed", default=today, help="of the drawn frames")
    parser.add_argument("--frames", type=Path, help="frames drawn before, or where to keep them")
    parser.add_argument("--shared", type=Path, default=SHARED, help="photographs and drawn frames")
    parser.add_argument("--only", choices=("recognition", "hidden"), help="one of the two tables")
    parser.add_argument("--most", type=int, default=50, help="hidden tickets of a set, at most")
    parser.add_argument("--readme", action="store_true", help="write the tables into the docs")
    options = parser.parse_args()
    shared = options.shared.resolve()
    if options.only != "hidden" and not shared.is_dir():
        parser.error(f"{shared}: the judge and the photographs are not there")
    sets: dict[str, Callable[[], tuple[str, list[Limit]]]] = {
        "recognition": lambda: of_frames(shared, options.seed, options.frames),
        "hidden": lambda: of_hidden(options.seed, options.most),
    }
    all_kept = True
    for name in [options.only] if options.only else sets:
        lines, made = sets[name]()
        print(f"\nseed {options.seed}\n{lines}\n")
        for told, is_kept in made:
            print(("  " if is_kept else "! ") + told)
            all_kept &= is_kept
        if options.readme:
            write(name, lines)
    sys.exit(not all_kept)


if __name__ == "__main__":
    main()
