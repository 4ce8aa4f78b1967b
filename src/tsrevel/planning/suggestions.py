"""Ranks the products that a name may mean, for a person to choose from. No order is made by these rules."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest

from tsrevel.planning.money import Cents
from tsrevel.planning.products import Product, normalise

MOST = 5
"""Candidates shown for one name."""
LEAST_SCORE = 30
_SHORTLIST = 200
"""How many products are compared letter by letter: of 35,000 (facts Revel 5.6) those that share the rarest words."""
_OPENING = 3
_LONG_CODE = 4
_WORD = re.compile(r"[^\W_]+")
_CODE = re.compile(r"[0-9a-z][0-9a-z-]*")
_FILLERS = frozenset({"a", "an", "and", "of", "per", "the", "with"})
_SAME_NAME, _SAME_CODE, _SAME_WORDS = 100, 98, 95


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A product that a name may mean. `score` is in hundredths: 100 is the same name. `why` is for people."""

    offer: Product
    score: int
    why: tuple[str, ...]


def split_words(name: str) -> tuple[str, ...]:
    """The words of `name` for comparison: each once, without accents, plural s and fillers."""
    plain = unicodedata.normalize("NFKD", normalise(name).replace("'", ""))
    found = dict.fromkeys(map(_singular, _WORD.findall("".join(c for c in plain if not unicodedata.combining(c)))))
    return tuple(word for word in found if word not in _FILLERS) or tuple(found)


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


class SuggestionIndex:
    """The products of one establishment, indexed by their words, so a name is compared with only a few of them."""

    def __init__(self, offers: Iterable[Product]) -> None:
        self._offers = sorted(offers, key=lambda offer: (normalise(offer.name), offer.id))
        self._words = [split_words(offer.name) for offer in self._offers]
        self._having: dict[str, list[int]] = {}
        self._spelt: dict[str, list[int]] = {}
        self._coded: dict[str, list[int]] = {}
        for number, (offer, words) in enumerate(zip(self._offers, self._words, strict=True)):
            for term in _terms(words):
                self._having.setdefault(term, []).append(number)
            for piece in _pieces(words):
                self._spelt.setdefault(piece, []).append(number)
            for code in {offer.sku.casefold(), offer.barcode.casefold()} - {""}:
                self._coded.setdefault(code, []).append(number)

    def rank(self, name: str, prices: Collection[Cents] = (), most: int = MOST) -> tuple[Suggestion, ...]:
        """The likeliest products for `name`, best first, then by name and id. `prices`: those that it was seen at."""
        judge = _Judge(name, prices, self._rarity)
        near = self._nearest(self._having, _terms(judge.asked)) or self._nearest(self._spelt, _pieces(judge.asked))
        near = [*near, *(number for code in judge.codes for number in self._coded.get(code, ()))]
        found = [(judge.compare(self._offers[number], self._words[number]), number) for number in dict.fromkeys(near)]
        best = nsmallest(most, found, key=lambda pair: (-pair[0].score, pair[1]))
        return tuple(candidate for candidate, _ in best if candidate.score >= LEAST_SCORE)

    def _nearest(self, index: Mapping[str, Sequence[int]], terms: Iterable[str]) -> list[int]:
        """The products that share any of `terms`, those with many and rare ones first."""
        weights: Counter[int] = Counter()
        for term in terms:
            having = index.get(term, ())
            for number in having:
                weights[number] += (len(self._offers) // len(having)).bit_length()
        return nsmallest(_SHORTLIST, weights, key=lambda number: (-weights[number], number))

    def _rarity(self, term: str) -> int:
        """The weight of a word: the fewer products have it, the higher."""
        return (len(self._offers) // len(self._having.get(term, (0,)))).bit_length()


def _terms(words: Iterable[str]) -> dict[str, None]:
    """The terms that find a product: its words and their beginnings, so a later spelling error doesn't hide it."""
    listed = list(words)
    return dict.fromkeys([*listed, *(f"{word[:_OPENING]}…" for word in listed)])


def _pieces(words: Iterable[str]) -> dict[str, None]:
    """All groups of three letters in a row: the last resort for a name that shares no word with any product."""
    spans = ((word, at) for word in words for at in range(max(1, len(word) - _OPENING + 1)))
    return dict.fromkeys(word[at : at + _OPENING] for word, at in spans)


def _codes(name: str) -> tuple[str, ...]:
    """The parts of `name` that may be an SKU or a barcode: long enough, and with a digit."""
    found = _CODE.findall(normalise(name))
    return tuple(code for code in dict.fromkeys(found) if len(code) >= _LONG_CODE and any(map(str.isdigit, code)))


class _Judge:
    """Compares one name with products."""

    def __init__(self, name: str, prices: Collection[Cents], rarity: Callable[[str], int]) -> None:
        self.asked = split_words(name)
        self.codes = _codes(name)
        self._key, self._prices, self._rarity = normalise(name), prices, rarity
        self._letters = difflib.SequenceMatcher(None, b=" ".join(self.asked), autojunk=False)

    def compare(self, offer: Product, words: tuple[str, ...]) -> Suggestion:
        if normalise(offer.name) == self._key:
            return Suggestion(offer, _SAME_NAME, ("same name", *self._same_price(offer)))
        score, why = self._compare_words(words)
        for what, code in (("SKU", offer.sku), ("barcode", offer.barcode)):
            if code.casefold() in self.codes:
                score, why = max(score, _SAME_CODE), [f"{what} {code} in the name", *why]
        price = self._same_price(offer)
        return Suggestion(offer, min(score + 3 * len(price), _SAME_NAME - 1), (*why, *price))

    def _compare_words(self, words: tuple[str, ...]) -> tuple[int, list[str]]:
        self._letters.set_seq1(" ".join(words))
        spelling = self._letters.ratio()
        shared = [word for word in self.asked if word in words]
        if not shared:
            score = round(80 * spelling)
            return score, ["similar spelling"] if score >= LEAST_SCORE else []
        if len(shared) == len(words) == len(self.asked):
            return _SAME_WORDS, ["same words"]
        opens_alike = words[0] == self.asked[0]
        overlap = 2 * self._weight(shared) / (self._weight(words) + self._weight(self.asked))
        score = round(max(50 * overlap + 40 * spelling, 80 * spelling)) + 5 * opens_alike
        if len(shared) in {len(words), len(self.asked)}:
            score = max(score, 60 + 5 * min(len(shared), 3))
        return score, [f"shared words: {', '.join(shared)}", *(["same beginning"] if opens_alike else [])]

    def _weight(self, words: Iterable[str]) -> int:
        return sum(map(self._rarity, words))

    def _same_price(self, offer: Product) -> tuple[str, ...]:
        return ("same price",) if offer.price and offer.price in self._prices else ()
