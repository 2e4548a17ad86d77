"""What a reader sees of a figure: contrast measured on the pixels that Chromium draws, in several kinds of sight."""

from __future__ import annotations

import json
from typing import Any

from chromium import Chromium

SIGHTS = ("none", "achromatopsia", "protanopia", "deuteranopia", "tritanopia")
"""Chromium's own emulations; achromatopsia is greyscale."""

MEASURE = """
(async () => {
  const image = new Image();
  image.src = 'data:image/png;base64,' + %s;
  await image.decode();
  const canvas = document.createElement('canvas');
  canvas.width = image.width; canvas.height = image.height;
  const context = canvas.getContext('2d', {willReadFrequently: true});
  context.drawImage(image, 0, 0);
  const linear = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  return %s.map(([x, y, w, h]) => {
    const data = context.getImageData(x, y, Math.max(w, 1), Math.max(h, 1)).data;
    let low = 1, high = 0;
    for (let i = 0; i < data.length; i += 4) {
      const light = 0.2126 * linear(data[i]) + 0.7152 * linear(data[i + 1]) + 0.0722 * linear(data[i + 2]);
      low = Math.min(low, light); high = Math.max(high, light);
    }
    return (high + 0.05) / (low + 0.05);
  });
})()
"""


def see(browser: Chromium, sight: str) -> None:
    browser.ask("Emulation.setEmulatedVisionDeficiency", type=sight)


def picture(browser: Chromium, box: dict[str, float]) -> str:
    """A part of the page in CSS px, as base64. It is scrolled to: far down, Chromium draws nothing beyond its screen."""
    browser.evaluate(f"window.scrollTo(0, {box['y']})")
    clip: dict[str, Any] = {**box, "scale": 1}
    return str(browser.ask("Page.captureScreenshot", format="png", clip=clip)["data"])


def contrasts(browser: Chromium, image: str, boxes: list[list[float]]) -> list[float]:
    """Contrast by the WCAG formula between the lightest and the darkest pixel of each box. The browser leaves its page."""
    browser.ask("Page.navigate", url="about:blank")
    while browser._next().get("method") != "Page.loadEventFired":
        pass
    return [float(value) for value in browser.evaluate(MEASURE % (json.dumps(image), json.dumps(boxes)))]
