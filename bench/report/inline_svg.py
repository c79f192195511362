"""A figure as an SVG element that can stand in a page next to others."""

from __future__ import annotations

import base64
import io
import math
import re
import warnings
from typing import TYPE_CHECKING
from xml.etree import ElementTree

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["LARGEST", "inline_svg"]

LARGEST = 400_000  # characters of a figure; a larger one becomes a picture of points in an SVG
WIDTH, PIXELS = 1400, 2e6  # largest width of such a picture, and number of its points
WIDE = 400.0  # points; a figure that is wider is not made as narrow as a phone
DECIMALS = 2  # of coordinates, in points of 1/72 inch
NUMBER = re.compile(r"-?\d+\.\d{3,}")
SVG = "http://www.w3.org/2000/svg"
# What a figure of matplotlib consists of. Links and scripts, which a plug-in may add, are no part of it.
ELEMENTS = {"svg", "g", "defs", "path", "use", "text", "tspan", "image", "clipPath", "rect", "circle"}
ELEMENTS |= {"ellipse", "line", "polyline", "polygon", "linearGradient", "radialGradient", "stop"}
ELEMENTS |= {"pattern"}
ATTRIBUTES = {"d", "x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r", "rx", "ry", "width", "height"}
ATTRIBUTES |= {"points", "transform", "viewBox", "offset", "preserveAspectRatio", "clipPathUnits"}
ATTRIBUTES |= {"gradientUnits", "gradientTransform", "patternUnits", "patternTransform"}
# Properties of style attributes. They become attributes: the page allows no style but its own sheet.
PROPERTIES = {"fill", "fill-opacity", "fill-rule", "stroke", "stroke-width", "stroke-opacity"}
PROPERTIES |= {"stroke-linejoin", "stroke-linecap", "stroke-miterlimit", "stroke-dasharray"}
PROPERTIES |= {"stroke-dashoffset", "opacity", "font-family", "font-size", "font-style", "font-weight"}
PROPERTIES |= {"font-stretch", "text-anchor", "stop-color", "stop-opacity", "clip-path", "clip-rule"}
PROPERTIES |= {"image-rendering"}
FONT = re.compile(r"(?:(italic|oblique) )?(?:(bold|\d00) )?([\d.]+px) (.+)")
# What the stylesheet says that matplotlib puts into every SVG; it would hold for the whole page.
ROOT = {"stroke-linejoin": "round", "stroke-linecap": "butt"}


def inline_svg(figure: Figure, name: str, title: str, largest: int = LARGEST, exact: bool = False) -> str:
    """Return a figure as an ``svg`` element without scripts, links, stylesheets and outside references.

    Its ids begin with the figure's name, so that two figures in a page do not share any. Coordinates are
    rounded to a hundredth of a point. A figure of more than ``largest`` characters becomes an SVG that holds
    a picture of points.

    Arguments:
        figure: Figure of matplotlib.
        name: Name of the figure: lower-case letters, digits, underscores and hyphens.
        title: Text alternative for readers that cannot see the figure.
        largest: Largest number of characters.
        exact: Whether the figure keeps its size; any other is cut to what is drawn.
    """
    import matplotlib as mpl

    from bench.results.figures.style import STYLE

    cut = {"savefig.bbox": "standard" if exact else "tight"}
    with mpl.rc_context(STYLE | cut | {"svg.hashsalt": name}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        warnings.filterwarnings("ignore", message="Tight layout not applied")
        written = io.BytesIO()
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
        root = _plain(ElementTree.fromstring(written.getvalue()), name)  # noqa: S314  (matplotlib wrote it)
        text = _text(root, title)
        if len(text) <= largest:
            return text
        return _text(_picture(figure, root), title)


def _plain(old: ElementTree.Element, name: str) -> ElementTree.Element:
    """Return an element with only what is known to be harmless, and ids that begin with a name."""
    new = ElementTree.Element(_local(old.tag))
    for key, value in old.attrib.items():
        local = _local(key)
        if local == "href":
            if value.startswith("#"):
                new.set("href", f"#{name}-{value[1:]}")
            elif value.startswith("data:image/png;base64,") and new.tag == "image":
                new.set("href", re.sub(r"\s", "", value))
        elif local == "id":
            new.set("id", f"{name}-{value}")
        elif local == "style":
            for one, text in _properties(value).items():
                new.set(one, _inside(text, name))
        elif local in ATTRIBUTES | PROPERTIES:
            new.set(local, _inside(value, name))
    new.text = old.text if new.tag in ("text", "tspan") else None
    for child in old:
        if isinstance(child.tag, str) and _local(child.tag) == "a":  # its parts stay, the link does not
            group = ElementTree.Element(f"{{{SVG}}}g")
            group.extend(list(child))
            child = group
        if isinstance(child.tag, str) and _local(child.tag) in ELEMENTS:
            plain = _plain(child, name)
            if new.tag in ("text", "tspan"):
                plain.tail = child.tail
            new.append(plain)
    return new


def _properties(style: str) -> dict[str, str]:
    """Return the properties of a style attribute that are known, a font in its parts."""
    found: dict[str, str] = {}
    for part in style.split(";"):
        key, _, value = (text.strip() for text in part.partition(":"))
        if key == "font" and (font := FONT.fullmatch(value)):
            parts = zip(("style", "weight", "size", "family"), font.groups(), strict=True)
            found |= {f"font-{one}": text for one, text in parts if text}
        elif key in PROPERTIES:
            found[key] = value
    return found


def _inside(value: str, name: str) -> str:
    """Return a value with short numbers, whose references stay within the figure."""
    if "url(" in value:
        value = re.sub(r"url\((?!#)[^)]*\)", "none", value).replace("url(#", f"url(#{name}-")
    return NUMBER.sub(_rounded, value)


def _text(root: ElementTree.Element, title: str) -> str:
    attributes = {key: root.get(key, "") for key in ("width", "height", "viewBox")}
    shown = ElementTree.Element("svg", attributes | ROOT | {"role": "img", "aria-label": title})
    if float(root.get("viewBox", "0 0 0 0").split()[2]) > WIDE:
        shown.set("class", "wide")
    shown.extend(list(root))
    return ElementTree.tostring(shown, encoding="unicode")


def _picture(figure: Figure, root: ElementTree.Element) -> ElementTree.Element:
    """Return an SVG that holds the figure as a WebP picture, of which each megapixel takes some 200 kB."""
    written = io.BytesIO()
    box = root.get("viewBox", "0 0 720 480").split()
    width, height = float(box[2]), float(box[3])
    scale = min(WIDTH / width, math.sqrt(PIXELS / (width * height)))
    figure.savefig(written, format="webp", dpi=72 * scale, pil_kwargs={"quality": 75, "method": 6})
    data = base64.b64encode(written.getvalue()).decode()
    size = dict(zip(("x", "y", "width", "height"), box, strict=True))
    image = ElementTree.Element("image", size | {"href": f"data:image/webp;base64,{data}"})
    picture = ElementTree.Element("svg", root.attrib)
    picture.append(image)
    return picture


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _rounded(number: re.Match[str]) -> str:
    text = f"{float(number[0]):.{DECIMALS}f}".rstrip("0").rstrip(".")
    return "0" if text in ("", "-0") else text
