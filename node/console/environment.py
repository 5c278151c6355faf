"""The environment that templates are written in, and what every one of them may use."""

from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Any, Final

import aiohttp_jinja2
import jinja2
from aiohttp import web

from node.acts.act import specs
from node.console import words
from node.console.assets import Asset
from node.console.languages import LANGUAGES, spoken, translated, translated_plural
from node.console.pages.federation.freshness import meaning, state_words
from node.console.pages.federation.map import tone
from node.console.parts import Section, Surface
from node.judgement.explain import basis_words, statement_words
from node.pages.text import safe
from node.subsets.budget import budget
from protocol.lists.event import collection_name

STATIC: Final = "/console/static/"


def set_up(app: web.Application, assets: Mapping[str, Asset], surface: Surface[Any]) -> None:
    """Give an application its templates."""
    pages = surface.pages
    env = aiohttp_jinja2.setup(
        app,
        loader=jinja2.ChoiceLoader([each for package in surface.templates for each in _loaders(package)]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=words.shown,
    )
    env.policies["ext.i18n.trimmed"] = True
    env.install_gettext_callables(translated, translated_plural, newstyle=True)  # type: ignore[attr-defined]
    env.filters |= {
        "lines": words.lines,
        "moment": words.moment,
        "day": words.day,
        "ago": words.ago,
        "lasting": words.lasting,
        "number": words.number,
        "short": words.short,
        "safe_text": safe,
        "collection": collection_name,
        "basis": basis_words,
        "budget": budget,
        "stated": statement_words,
        "told": words.told,
        "translated": translated,
        "knows": words.knows,
    }
    env.globals |= {
        "asset": lambda name: f"{STATIC}{name}?v={assets[name].tag}",
        "actions": {action.name: action for action in surface.actions if action.performs},
        "fields": specs,
        "languages": LANGUAGES,
        "language": spoken,
        "places": {page.name: page for page in pages},
        "state_words": state_words,
        "state_meaning": meaning,
        "tone": tone,
        "sections": [
            (section, [page for page in pages if page.section is section])
            for section in Section
            if any(page.section is section for page in pages)
        ],
    }


def _loaders(package: str) -> Iterator[jinja2.PackageLoader]:
    """Of templates that all pages share, and of those of each subject, in folders like their pages."""
    yield jinja2.PackageLoader(package)
    for each in files(package).joinpath("templates").iterdir():
        if each.is_dir():
            yield jinja2.PackageLoader(package, f"templates/{each.name}")
