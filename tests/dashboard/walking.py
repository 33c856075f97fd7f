"""What is asked of every page, whatever it shows: that it hinders nobody, that its words are of the
reader's language, that nothing is wider than the window, and that each control is reached and seen
by keyboard.
"""

from __future__ import annotations

from typing import Any, Literal

from playwright.sync_api import Page

Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = ("light", "dark")

_HINDERING = """only => axe.run({ resultTypes: ["violations"], ...(only && { runOnly: only }) })"""
_COLOURS = ["color-contrast", "link-in-text-block"]
"""The rules about colours, of those that axe asks by itself."""

_ENGLISH = """others => {
  // Three words of Latin letters in a row are a sentence; names and terms have fewer, or a sign.
  const sentence = /[A-Za-z][a-z']+(?:[ ,]+(?:[A-Za-z][a-z']*|a|I)){2,}/;
  const quoted = `code, pre, kbd, option, script, noscript${others ? ", [lang=en]" : ""}`;
  const found = [];
  const look = (text, owner) => {
    const own = (text ?? "").replace(/`[^`]*`|「[^」]*」/g, "");
    const hit = !owner.closest(quoted) && sentence.exec(own);
    if (hit) found.push(`${owner.tagName.toLowerCase()}: ${text.trim().slice(0, 160)}`);
  };
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) look(walk.currentNode.data, walk.currentNode.parentElement);
  for (const one of document.body.querySelectorAll("[title], [aria-label], [placeholder]"))
    for (const name of ["title", "aria-label", "placeholder"]) look(one.getAttribute(name), one);
  look(document.title, document.body);
  return found;
}"""
_WIDER = """() => [document.documentElement, ...document.querySelectorAll("section.table")]
  .filter((one) => one.scrollWidth > one.clientWidth)
  .map((one) => `${one.ariaLabel ?? one.tagName} ${one.scrollWidth} > ${one.clientWidth}`)"""
_CONTROLS = "a[href], button:enabled, input, select, summary, [tabindex='0']"
_BEGIN = """controls => {
  window.walked = new Map();
  window.seeing = new AbortController();
  // From the beginning: the walk before may have ended anywhere, or in the browser's own bar.
  document.documentElement.tabIndex = -1;
  document.documentElement.focus({ preventScroll: true });
  document.documentElement.removeAttribute("tabindex");
  document.addEventListener("focusin", ({ target }) => {
    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(target);
    const shows = (outlineStyle !== "none" && parseFloat(outlineWidth) > 0) || boxShadow !== "none";
    window.walked.set(target, shows);
  }, { signal: window.seeing.signal });
  const shown = (one) => one.checkVisibility({ visibilityProperty: true });
  window.there = [...document.querySelectorAll(controls)].filter(shown);
  return window.there.length;
}"""
_LEFT = """() => [...window.there]
  .filter((one) => one.isConnected && !window.walked.has(one)).length"""
_ROUNDS = 3
_END = """controls => {
  window.seeing.abort();
  const named = (one) => `${one.outerHTML.slice(0, 140)}`;
  const shown = (one) => one.checkVisibility({ visibilityProperty: true });
  // What a live page has added since was not there to be walked through.
  const all = window.there.filter((one) => one.isConnected && one.matches(controls) && shown(one));
  const group = (one) => one.type === "radio" && all.some(
    (other) => other.name === one.name && window.walked.has(other));
  return {
    missed: all.filter((one) => !window.walked.has(one) && !group(one)).map(named),
    unseen: [...window.walked].filter(([one, shows]) => !shows && one.id !== "main")
      .map(([one]) => named(one)),
  };
}"""
_LAYOUT = """() => [...document.querySelectorAll(
    "nav a, .lead .standing, h2, thead th, .lead .buttons button, dl.facts dt, .plot .name")]
  .filter((one) => one.checkVisibility())
  .map((one) => `${one.tagName.toLowerCase()} ${
    one.matches(".standing") ? "standing" : one.innerText.replace(/\\s+/g, " ").trim()}`)"""


def layout(page: Page) -> list[str]:
    """What a page is made of, in its order, without what changes from one deployment to another."""
    found: list[str] = page.evaluate(_LAYOUT)
    return found


def hindering(page: Page, theme: Theme) -> list[tuple[str, list[str]]]:
    """What hinders people seriously, by axe (`tests.support.programs.chromium.axe`), in a theme:
    rules and elements. The dark theme has other colours and nothing else, so only rules about
    colours are asked there: the light one is for all others.
    """
    page.emulate_media(color_scheme=theme)
    found: dict[str, Any] = page.evaluate(_HINDERING, _COLOURS if theme == "dark" else None)
    return [
        (one["id"], [node["html"][:120] for node in one["nodes"]][:5])
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]


def english(page: Page, *, except_marked: bool = False) -> list[str]:
    """Texts and names on the page that are English sentences; code, logs and what programs printed
    are quotations. ``except_marked``: what is marked as English is one too.
    """
    found: list[str] = page.evaluate(_ENGLISH, except_marked)
    return found


def wider(page: Page) -> list[str]:
    """What is wider than the window: the page itself, or a table of it."""
    found: list[str] = page.evaluate(_WIDER)
    return found


def by_keyboard(page: Page) -> dict[str, list[str]]:
    """Walks through the whole page by Tab. The controls that are ``missed``, and those that are
    reached and do not show it (``unseen``).
    """
    page.bring_to_front()
    count = page.evaluate(_BEGIN, _CONTROLS)
    # Once around, the browser's own parts included; again where a live page has grown meanwhile.
    for _ in range(_ROUNDS):
        for _ in range(count + 10):
            page.keyboard.press("Tab")
        if not page.evaluate(_LEFT):
            break
    found: dict[str, list[str]] = page.evaluate(_END, _CONTROLS)
    return found
