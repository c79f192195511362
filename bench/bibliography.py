"""BibTeX entries for the citations of tasks and methods, which are sentences for people."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from pathlib import Path

from bench.version import VERSION

__all__ = ["bibtex", "entries"]

OWN = ("this package's own", "the suite's own")  # how a citation names this suite
SUITE = f"""@software{{scorebench,
  author    = {{{{The scorebench authors}}}},
  title     = {{scorebench: a benchmark suite for simulation-based inference}},
  version   = {{{VERSION}}},
  year      = {{2026}},
}}"""


def bibtex(citation: str, key: str) -> list[str]:
    """Return BibTeX entries for everything that a citation names.

    A citation is several publications or packages with semicolons between them. A publication is found by its
    arXiv number, or by its first author and year. One that ``bench/references.bib`` lacks becomes an entry
    whose note is the text, so that nothing cited is lost. A citation that is BibTeX itself is returned
    unchanged.

    Arguments:
        citation: Citation of a task or method; it may be empty.
        key: Name of the task or method, the key of entries that are not known.

    Example:
        >>> [entry.partition(",")[0] for entry in bibtex("Wildberger, NeurIPS 2023; package sbi", "fmpe")]
        ['@inproceedings{wildberger2023flow', '@article{tejerocantero2020sbi']
        >>> print(bibtex("Doe 1999", "mine")[0])
        @misc{mine,
          note = {Doe 1999},
        }
    """
    if citation.lstrip().startswith("@"):
        return [citation.strip()]
    found: list[str] = []
    unknown: list[str] = []
    for part in map(str.strip, citation.split(";")):
        named = [entry for entry in entries() if _names(part, entry)]
        named += [SUITE] * any(own in part for own in OWN)
        found += named
        if not named and re.search(r"\b(19|20)\d\d\b|arxiv|doi|https?:", part, flags=re.IGNORECASE):
            unknown.append(part)
    if not found and not unknown and citation.strip():
        unknown = [citation.strip()]
    for number, text in enumerate(unknown):
        note = re.sub(r"[{}\\]", "", text)
        found.append(f"@misc{{{key}{number or ''},\n  note = {{{note}}},\n}}")
    return list(dict.fromkeys(found))


@lru_cache(maxsize=1)
def entries() -> tuple[str, ...]:
    """Return the entries of ``bench/references.bib``."""
    text = Path(__file__).with_name("references.bib").read_text(encoding="utf-8")
    return tuple(re.findall(r"^@.*?^\}", text, flags=re.DOTALL | re.MULTILINE))


def _names(part: str, entry: str) -> bool:
    """Whether a part of a citation names the publication or package of an entry."""
    keyword, number = _field(entry, "keywords"), _field(entry, "eprint")
    if keyword and re.match(rf"(package )?{re.escape(keyword)}\b", part):
        return True
    if number and number in part:
        return True
    author = _field(entry, "author").partition(",")[0]
    return _plain(author) in _plain(part) and _field(entry, "year") in part


def _field(entry: str, name: str) -> str:
    found = re.search(rf"^\s+{name}\s*= \{{(.*)\}},$", entry, flags=re.MULTILINE)
    return found[1] if found else ""


def _plain(text: str) -> str:
    """Return lower-case words between spaces, without the accents of BibTeX or Unicode."""
    letters = unicodedata.normalize("NFKD", re.sub(r"[{}\\'\"]", "", text))
    words = re.findall(
        r"[a-z0-9-]+", "".join(one for one in letters if not unicodedata.combining(one)).lower()
    )
    return f" {' '.join(words)} "
