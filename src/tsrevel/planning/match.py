"""From a line's name to a Revel product: an operator's mapping, or the exact name. Similar names are only suggested."""

from __future__ import annotations

import difflib
import html
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from tsrevel.planning.model import EstablishmentId, Line, Policy, ProductId, ProductMapping
from tsrevel.text import quoted

_PLAIN = str.maketrans({
    "‘": "'", "’": "'", "‚": "'", "‛": "'", "′": "'", "`": "'", "´": "'",
    "“": '"', "”": '"', "„": '"', "‟": '"', "″": '"',
})  # fmt: skip
_VARIATION_SELECTORS = frozenset(map(chr, (*range(0x180B, 0x1810), *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
_UNSEEN = _VARIATION_SELECTORS | frozenset("\u034f\u115f\u1160\u17b4\u17b5")
"""Characters that nobody sees, besides those of category Cf; of them some are left by NFKC for others of their kind."""


def normalise(name: str) -> str:
    """`name` as it is compared, everywhere and on both sides: entities decoded, NFKC, quotes and spaces plain, case
    ignored, and without what nobody sees: format characters such as joiners and marks, variation selectors (DESIGN 4).

    For comparing alone: people are shown the name as it came.
    """
    if name.isascii() and "&" not in name and "`" not in name:  # most names; nothing else of them changes
        return " ".join(name.casefold().split())
    plain = _plain(name)
    while plain != name:  # what was decoded may itself be an entity: "&amp;amp;"
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
    """An active product of one establishment."""

    id: ProductId
    name: str


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
            if key := normalise(name):  # a product without a name is nothing that a line could mean
                by_name[key] = (*by_name.get(key, ()), product_id)
        return cls(establishment, names, by_name)

    def named(self, name: str) -> ProductId | None:
        """The only product of exactly that normalised name, or None."""
        found = self.by_name.get(normalise(name), ())
        return found[0] if len(found) == 1 else None


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A name without a product, why, and the names a person might have meant."""

    name: str
    why: str
    suggestions: tuple[str, ...] = ()

    def __str__(self) -> str:
        nearest = f" (similar: {', '.join(self.suggestions)})" if self.suggestions else ""
        return f"{quoted(self.name)} {self.why}{nearest}"


How = Literal["menu_item", "mapped_name", "exact_name"]
"""What tells a line's product: a mapping of its menu item, a mapping of its name, or the product's name itself."""


def match_line(line: Line, policy: Policy, catalogue: Catalogue) -> ProductId | Unmatched:
    """The product for `line`: mapped by menu item, mapped by name, or of exactly that name; else Unmatched."""
    how, mapped = _mapped_products(line, policy, catalogue.establishment)
    if how != "exact_name":
        return _checked(line.name, mapped, catalogue)
    for name in possible_product_names(line, policy.name_separator):
        if normalise(name) in catalogue.by_name:
            return match_name(name, catalogue)
    return match_name(line.name, catalogue)


def matched_by(line: Line, policy: Policy, establishment: EstablishmentId) -> How:
    """What `match_line` goes by for that line, whether it finds a product or not."""
    return _mapped_products(line, policy, establishment)[0]


def match_name(name: str, catalogue: Catalogue) -> ProductId | Unmatched:
    """The only product of exactly that normalised name, else Unmatched."""
    found = catalogue.named(name)
    if found is not None:
        return found
    several = catalogue.by_name.get(normalise(name), ())
    if several:
        return Unmatched(name, f"names {len(several)} products: {', '.join(map(str, several))}")
    return Unmatched(name, "is no active product", suggest(name, catalogue))


def match_id(name: str, product: ProductId, catalogue: Catalogue) -> ProductId | Unmatched:
    """`product` itself where the establishment has it on sale, else Unmatched."""
    if product in catalogue.names:
        return product
    return Unmatched(name, f"is mapped to {product}, no active product of establishment {catalogue.establishment}")


def possible_product_names(line: Line, separator: str) -> tuple[str, ...]:
    """What the line may call its product: all of its name; of a typed one also what stands before the separator."""
    head, found, _ = line.name.partition(separator) if separator else (line.name, "", "")
    return (line.name, head) if line.typed and found and head.strip() else (line.name,)


def suggest(name: str, catalogue: Catalogue, most: int = 3) -> tuple[str, ...]:
    """Product names like `name`, best first: for a person to choose from, never a match."""
    near = difflib.get_close_matches(normalise(name), catalogue.by_name, n=most, cutoff=0.6)
    return tuple(catalogue.names[catalogue.by_name[key][0]] for key in near)


def _mapped_products(line: Line, policy: Policy, establishment: EstablishmentId) -> tuple[How, tuple[ProductId, ...]]:
    here = [mapping for mapping in policy.products if mapping.establishment == establishment]
    by_item = [each.product for each in here if each.menu_item_id and each.menu_item_id == line.menu_item_id]
    if by_item:
        return "menu_item", tuple(dict.fromkeys(by_item))
    for name in possible_product_names(line, policy.name_separator):
        by_name = [each.product for each in here if _maps_name(each, name)]
        if by_name:
            return "mapped_name", tuple(dict.fromkeys(by_name))
    return "exact_name", ()


def _maps_name(mapping: ProductMapping, name: str) -> bool:
    return mapping.name is not None and normalise(mapping.name) == normalise(name)


def _checked(name: str, mapped: tuple[ProductId, ...], catalogue: Catalogue) -> ProductId | Unmatched:
    if len(mapped) > 1:
        return Unmatched(name, f"is mapped to several products: {', '.join(map(str, mapped))}")
    return match_id(name, mapped[0], catalogue)
