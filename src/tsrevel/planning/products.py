"""Matches a line to a product by mapping or exact name, and ranks similar products for a person to choose from.

No order is made by similarity.
"""

from __future__ import annotations

import difflib
import html
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from heapq import nsmallest

from tsrevel.planning.model import EstablishmentId, Line, Location, Policy, ProductId
from tsrevel.planning.money import Cents
from tsrevel.text import quoted

_PLAIN = str.maketrans({
    "‘": "'", "’": "'", "‚": "'", "‛": "'", "′": "'", "`": "'", "´": "'",
    "“": '"', "”": '"', "„": '"', "‟": '"', "″": '"',
})  # fmt: skip
_VARIATION_SELECTORS = frozenset(map(chr, (*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
_UNSEEN = _VARIATION_SELECTORS | frozenset("\u034f\u115f\u1160\u17b4\u17b5")
"""Invisible characters besides those of category Cf. NFKC turns others of their kind into some of these."""


def normalise(name: str) -> str:
    """The form in which all names are compared: entities decoded, NFKC, quotes and spaces plain, case ignored.

    Invisible characters are left out: format characters such as joiners and marks, variation selectors (DESIGN 4). Only
    for comparison: people see the original name.
    """
    if name.isascii() and "&" not in name and "`" not in name:  # most names: nothing else changes in them
        return " ".join(name.casefold().split())
    plain = _plain(name)
    while plain != name:  # the result may be an entity again: "&amp;amp;"
        name, plain = plain, _plain(plain)
    return plain


def _plain(name: str) -> str:
    text = unicodedata.normalize("NFKC", _visible(html.unescape(name)).translate(_PLAIN)).translate(_PLAIN)
    return " ".join(_visible(text).casefold().split())


def _visible(text: str) -> str:
    if text.isascii() or (text.isprintable() and _UNSEEN.isdisjoint(text)):  # nothing of category Cf is printable
        return text
    return "".join(each for each in text if unicodedata.category(each) != "Cf" and each not in _UNSEEN)


@dataclass(frozen=True, slots=True)
class Product:
    """An active product of one establishment (facts Revel 5.6).

    Only products for a person to choose have a price, in cents, and codes, as text; "" for none.
    """

    id: ProductId
    name: str
    price: Cents | None = None
    sku: str = ""
    barcode: str = ""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The active products of one establishment, by id and by normalised name."""

    establishment: EstablishmentId
    names: Mapping[ProductId, str]
    by_name: Mapping[str, tuple[ProductId, ...]]

    @classmethod
    def of(cls, establishment: EstablishmentId, products: Iterable[Product]) -> Catalogue:
        """The catalogue of `products`; a product listed twice counts once (facts Revel 2.1)."""
        names = {product.id: product.name for product in products}
        by_name: dict[str, tuple[ProductId, ...]] = {}
        for product_id, name in names.items():
            if key := normalise(name):  # no line can mean a product without a name
                by_name[key] = (*by_name.get(key, ()), product_id)
        return cls(establishment, names, by_name)

    def named(self, name: str) -> ProductId | None:
        """The only product of exactly that normalised name, or None."""
        found = self.by_name.get(normalise(name), ())
        return found[0] if len(found) == 1 else None


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A name without a product, the reason, and the names of similar products."""

    name: str
    why: str
    suggestions: tuple[str, ...] = ()

    def __str__(self) -> str:
        nearest = f" (similar: {', '.join(self.suggestions)})" if self.suggestions else ""
        return f"{quoted(self.name)} {self.why}{nearest}"


class MatchedBy(StrEnum):
    """The rule that decides which product a line is. Words never change their meaning."""

    MENU_ITEM = "menu_item"
    NAME = "name"
    EXACT_NAME = "exact_name"
    NAME_BEFORE_SEPARATOR = "name_before_separator"
    FALLBACK = "fallback"


@dataclass(frozen=True, slots=True)
class Match:
    """A line's product or why it has none, the rule that decided it, and the name that its mapping has or could have.

    A new mapping must use the menu item if `by` is that, because it wins over a name.
    """

    by: MatchedBy
    name: str
    found: ProductId | Unmatched


def match_line(line: Line, policy: Policy, catalogue: Catalogue) -> Match:
    """The product for `line`: mapped by menu item, mapped by name, or of exactly that name; else Unmatched.

    A mapping of the part before the separator counts only if no product has the line's whole name.
    """
    here = [each for each in policy.products if each.establishment == catalogue.establishment]
    names = possible_product_names(line, policy.name_separator)
    by_item = [each.product for each in here if each.menu_item_id and each.menu_item_id == line.menu_item_id]
    if by_item:
        return Match(MatchedBy.MENU_ITEM, names[-1].strip(), _match_mapped(line.name, by_item, catalogue))
    sold = next((name for name in names if normalise(name) in catalogue.by_name), line.name)
    found = match_name(sold, catalogue)
    for name in names:
        by_name = [each.product for each in here if each.name is not None and normalise(each.name) == normalise(name)]
        if by_name:
            return Match(MatchedBy.NAME, name.strip(), _match_mapped(line.name, by_name, catalogue))
        if name == sold and not isinstance(found, Unmatched):
            break
    by = MatchedBy.EXACT_NAME if sold == line.name else MatchedBy.NAME_BEFORE_SEPARATOR
    return Match(by, (names[-1] if isinstance(found, Unmatched) else sold).strip(), found)


def match_or_fall_back(line: Line, location: Location, policy: Policy, catalogue: Catalogue) -> Match:
    """The same, but a line without a product becomes the location's fallback_product if the settings say so."""
    match = match_line(line, policy, catalogue)
    if isinstance(match.found, Unmatched) and policy.unmapped_items == "fallback" and location.fallback_product:
        found = match_id(line.name, ProductId(location.fallback_product), catalogue)
        return replace(match, by=MatchedBy.FALLBACK, found=found)
    return match


def _match_mapped(name: str, products: Iterable[ProductId], catalogue: Catalogue) -> ProductId | Unmatched:
    first, *others = dict.fromkeys(products)
    if others:
        return Unmatched(name, f"is mapped to several products: {', '.join(map(str, (first, *others)))}")
    return match_id(name, first, catalogue)


def match_name(name: str, catalogue: Catalogue) -> ProductId | Unmatched:
    """The only product of exactly that normalised name, else Unmatched."""
    found = catalogue.by_name.get(normalise(name), ())
    if len(found) == 1:
        return found[0]
    if found:
        return Unmatched(name, f"names {len(found)} products: {', '.join(map(str, found))}")
    return Unmatched(name, "names no active product", suggest(name, catalogue))


def match_id(name: str, product: ProductId, catalogue: Catalogue) -> ProductId | Unmatched:
    """`product` itself if it is active at the establishment, else Unmatched."""
    if product in catalogue.names:
        return product
    return Unmatched(
        name, f"is mapped to {product}, which is not an active product of establishment {catalogue.establishment}"
    )


def possible_product_names(line: Line, separator: str) -> tuple[str, ...]:
    """The names that the line may mean: its whole name and, if it is typed, the part before the separator."""
    head, found, _ = line.name.partition(separator) if separator else (line.name, "", "")
    return (line.name, head) if line.typed and found and head.strip() else (line.name,)


def suggest(name: str, catalogue: Catalogue) -> tuple[str, ...]:
    """Up to three product names like `name`, best first. A person chooses from them; they are never a match."""
    near = difflib.get_close_matches(normalise(name), catalogue.by_name, n=3, cutoff=0.6)
    return tuple(catalogue.names[catalogue.by_name[key][0]] for key in near)


# Suggestions for `map suggest`

MOST_SUGGESTED = 5
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

    def rank(self, name: str, prices: Collection[Cents] = (), most: int = MOST_SUGGESTED) -> tuple[Suggestion, ...]:
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
