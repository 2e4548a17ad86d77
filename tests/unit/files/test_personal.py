"""Free text: what gives a person away, and what does not."""

from __future__ import annotations

import pytest

from impl.files.personal import personal_trace

NAMES = [
    "Kari Nordmann ønsket det", "etter møte med Ola Hansen-Berg", "Anne-Marie Berg bestemte", "lege Hansen",
    "Avdelingsleder Berg", "avtalt med sykepleier Olsen i mars", "dr. Lie", "pasienten Olsen falt", "nurse Smith",
    "Per  Åge Vik",
]  # fmt: skip
NUMBERS = ["01010750161", "010107 50160", "12345678901", "123456-78901"]
PHONES = ["ring 22 33 44 55", "412 34 567", "+47 41234567", "tlf. 41234567", "004741234567"]
HARMLESS = [
    "", "bestemt av avdelingsleder etter råd fra lege", "flyttet fra kveld til morgen", "Sjekklisten kortet ned",
    "fra 2024-06-01 til 2024-08-31", "20240601", "01.06.2024", "gjelder 12 av 40 beboere", "1000 beboerdøgn",
    "Helse Vest og Oslo kommune", "Kari ønsket det", "en liste med 1 234 567 tegn", "uke 23, 2024",
    "organisasjonsnummer 974 767 880", "lege ved AMK", "avtalt med lege. Nye rutiner", "Hver dag kl. 10.30",
]  # fmt: skip


@pytest.mark.parametrize("text", NAMES)
def test_names_are_caught(text: str) -> None:
    assert personal_trace(text) == "a personal name"


@pytest.mark.parametrize("text", NUMBERS)
def test_eleven_digits_are_caught(text: str) -> None:
    assert "eleven digits" in (personal_trace(f"gjelder {text}") or "")


@pytest.mark.parametrize("text", PHONES)
def test_telephone_numbers_are_caught(text: str) -> None:
    assert personal_trace(text) == "a telephone number"


@pytest.mark.parametrize("text", HARMLESS)
def test_ordinary_notes_pass(text: str) -> None:
    assert personal_trace(text) is None
