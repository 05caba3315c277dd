"""Waiting for something in a page, for tests that drive one: they run this module (`runpy`)."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import Page

DIAGNOSIS = """() => {
  const video = document.querySelector('video');
  const pairs = ranges =>
    Array.from({ length: ranges.length }, (_, at) => [ranges.start(at), ranges.end(at)]);
  return JSON.stringify({
    state: document.getElementById('stage')?.dataset.state,
    notice: document.getElementById('notice-text')?.textContent,
    clock: document.getElementById('scrubber')?.ariaValueNow,
    quality: document.getElementById('quality-now')?.textContent,
    at: video.currentTime, height: video.videoHeight,
    paused: video.paused, seeking: video.seeking, ready: video.readyState,
    network: video.networkState, error: video.error?.message, buffered: pairs(video.buffered), src: video.src,
  });
}"""


def wait_for(page: Page, expression: str, within: float = 30.0) -> None:
    """Waits until this is true in the page. (The page's policy forbids the eval of `wait_for_function`.)

    Args:
        page: one with a `<video>`.
        expression: JavaScript.
        within: seconds, after which the test fails.
    """
    end = time.monotonic() + within
    while not page.evaluate(expression):
        if time.monotonic() > end:
            pytest.fail(f"not within {within} s: {expression}\n{page.evaluate(DIAGNOSIS)}")
        page.wait_for_timeout(20)
