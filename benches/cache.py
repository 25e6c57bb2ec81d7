"""The cache at a million archives: sync, list, and what must not grow with the vault."""

import shutil
import subprocess
import sys

from harness import MIB, RELEASE, Run, Server, environment, glacier, median, row

LARGE, SMALL = 1_000_000, 100_000
# As `archive list` reads them: by name, those of one name by id.
LIST = """SELECT coalesce(file_name, name) FROM archive WHERE vault = 'v' AND deleted_here IS NULL
          ORDER BY coalesce(file_name, name), id"""


def synced(scratch, archives):
    """A server with a seeded vault, and how long the first sync and three more took."""
    home = scratch / str(archives)
    home.mkdir()
    seed = [RELEASE / "glacier-emulator", "seed", "--data", home / "data", "--vault", "v", "--archives", str(archives)]
    subprocess.run(seed, check=True)
    server = Server([RELEASE / "glacier-emulator", "--data", home / "data"])
    env = environment(server.url, home)
    Run(glacier("vault", "create", "small"), env)
    sync = glacier("vault", "sync", "v")
    Run(sync, env, expect=(75,))
    first = Run(sync, env)
    again = [Run(sync, env) for _ in range(3)]
    # Another job brings the same vault as it is: all of it is compared.
    Run([*sync, "--max-age", "0"], env, expect=(75,))
    compared = Run(sync, env)
    return server, env, home, first, again, compared


def cache(scratch):
    small_server, _, _, small_first, _, _ = synced(scratch, SMALL)
    small_server.stop()
    server, env, home, first, again, compared = synced(scratch, LARGE)
    with server:
        row("sync of 1,000,000, first, wall s", first.wall, 30, 1.0)
        row("sync of 1,000,000, memory, MiB", max(run.peak for run in (first, *again, compared)) / MIB, 100, 1.0)
        row("sync of 1,000,000, nothing new, wall s, first", median(again, "wall"), first.wall, 0.5)
        row("sync of 1,000,000, another inventory, all compared, wall s, first", compared.wall, first.wall, 1.0)
        row("sync, first, 1,000,000 to 100,000, wall s", first.wall, small_first.wall, 12)
        lists(home, env)
        steady(home, env)


def lists(home, env):
    database = home / "cache" / "glacier-cli" / "db"
    ours, shell = [], []
    for _ in range(5):
        with open(home / "ours", "w") as out:
            ours.append(Run(glacier("archive", "list", "v"), env, stdout=out))
        with open(home / "shell", "w") as out:
            shell.append(Run(["sqlite3", database, LIST], env, stdout=out))
    subprocess.run(["cmp", home / "ours", home / "shell"], check=True)
    row("list of 1,000,000, wall s, sqlite3", median(ours, "wall"), median(shell, "wall"), 2.0)
    row("list of 1,000,000, CPU s, sqlite3", median(ours, "cpu"), median(shell, "cpu"), 2.0)


def steady(home, env):
    """What must not grow with the vault, in milliseconds of process time."""
    (home / "file").write_text("x")
    name = f"seeded/{LARGE // 2:010d}"
    for what, command in (
        ("checkpresent among 1,000,000", glacier("archive", "checkpresent", "v", name)),
        ("start-up, list of a small vault", glacier("archive", "list", "small")),
    ):
        runs = [Run(command, env, stdout=subprocess.DEVNULL) for _ in range(21)]
        row(f"{what}, CPU ms", median(runs, "cpu") * 1000, 10, 1.0)
        if what.startswith("start-up"):
            row(f"{what}, wall ms", median(runs, "wall") * 1000, 15, 1.0)
    into_small, into_large = [], []
    for turn in range(21):
        for vault, runs in (("small", into_small), ("v", into_large)):
            runs.append(Run(glacier("archive", "upload", vault, home / "file", "--name", f"n{turn}"), env))
    grown = (median(into_large, "cpu") - median(into_small, "cpu")) * 1000
    row("upload's bookkeeping at 1,000,000, CPU ms more than in a small vault", max(grown, 0), 10, 1.0)
