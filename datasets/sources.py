"""Tables that moldiff may not carry along: where they are, and how to tell that they are the right ones."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from moldiff.datasets.download import download, file_hash
from moldiff.datasets.measured import cache_folder
from moldiff.errors import InputError
from moldiff.files import whole_file


@dataclass(frozen=True)
class Source:
    """A public table.

    Attributes:
        name: What it is called.
        url: Where it is.
        sha256: Hash of the file there.
        citation: What to cite.
        licence: Under which it may be used.
        archive: Whether the file is an archive of one text file of SMILES, whatever its name.
    """

    name: str
    url: str
    sha256: str
    citation: str
    licence: str
    archive: bool = False

    @property
    def file(self) -> Path:
        """Where the download goes: in the user's cache."""
        return cache_folder() / "downloads" / f"{self.name}-{Path(self.url).name}"

    def fetch(
        self, given: Path | None = None, *, on_bytes: Callable[[int, int | None], None] | None = None
    ) -> tuple[Path, bool]:
        """Return a file that holds the table, and whether it is the original.

        Args:
            given: A copy of one's own, instead of a download.
            on_bytes: See :func:`moldiff.datasets.download.download`.

        Raises:
            InputError: If it cannot be had.
        """
        if given is None:
            download(self.url, self.file, self.sha256, on_bytes=on_bytes)
            return (self._unpacked(self.file) if self.archive else self.file), True
        if not given.is_file():
            raise InputError(f"cannot read {given}: there is no such file")
        original = file_hash(given) == self.sha256
        return (self._unpacked(given) if self.archive and original else given), original

    def _unpacked(self, path: Path) -> Path:
        """Return the lines of SMILES in an archive as a file in the user's cache."""
        place = self.file.with_name(f"{self.name}.smi")
        try:
            with tarfile.open(path, "r:*") as archive:
                member = next((entry for entry in archive if entry.isfile()), None)
                stream = None if member is None else archive.extractfile(member)
                if stream is None:
                    raise InputError(f"{path} holds no file")
                with whole_file(place) as part:
                    part.write_bytes(stream.read())
        except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
            raise InputError(f"cannot unpack {path}: {error}") from error
        return place


def _moses(name: str, file: str, sha256: str, part: str) -> Source:
    """Return one of the three files of MOSES."""
    return Source(
        name,
        "https://media.githubusercontent.com/media/molecularsets/moses/"
        f"dd7ed6ab38e23afd3ef5371d67939a1760bd8599/moses/dataset/data/{file}",
        sha256,
        "D. Polykovskiy et al., Frontiers in Pharmacology 11, 565644 (2020), "
        f"doi:10.3389/fphar.2020.565644: {part}, from ZINC Clean Leads",
        "ZINC: free to use, not to redistribute",
    )


MOSES_TEST = _moses(
    "moses-test",
    "test.csv.gz",
    "f896fbf3764f88d94670b9959e5872c600c12152a18233823e820761b7a791b2",
    "the test part",
)
"""What MOSES compares generated molecules with."""

MOSES_TEST_SCAFFOLDS = _moses(
    "moses-test-scaffolds",
    "test_scaffolds.csv.gz",
    "adffb2192c1bfe31ab0e13154d4af19a37dc18bdbf3cd7b4491e04405128adde",
    "the test part whose scaffolds training lacks",
)
"""The same with other scaffolds."""

SOURCES: dict[str, Source] = {
    entry.name: entry
    for entry in (
        _moses(
            "moses",
            "train.csv.gz",
            "786f0313aa6b9ba5514df685f885742a70ea8d86f1a4fa48115f7f80a634265c",
            "the training part",
        ),
        Source(
            "zinc250k",
            "https://raw.githubusercontent.com/wenhao-gao/mol_opt/"
            "2da631be85af8d10a2bb43f2de76a03171166190/data/zinc.txt.gz",
            "cf1f05bfed0c334a38aa26f27e4a5016dd09f5e225b86dcad490bb5f203fb099",
            "J. J. Irwin, B. K. Shoichet, J. Chem. Inf. Model. 45, 177 (2005), doi:10.1021/ci049714+; "
            "R. Gómez-Bombarelli et al., ACS Cent. Sci. 4, 268 (2018), doi:10.1021/acscentsci.7b00572",
            "ZINC: free to use, not to redistribute",
            archive=True,
        ),
    )
}
"""Tables to train on, by name."""


def prepared_folder(name: str) -> Path:
    """Return where a prepared table of a name is, unless another folder is asked for."""
    return cache_folder() / "tables" / name
