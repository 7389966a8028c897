"""What `make bench` writes."""

from benchmarks.__main__ import RESULTS, SECTIONS, SPEED, VERDICTS, with_sections


def test_a_part_measured_again_takes_its_place_and_leaves_the_others() -> None:
    text = RESULTS.read_text(encoding="utf-8")
    assert with_sections(text, {}) == text
    again = with_sections(text, {VERDICTS: "| as | good |\n\n### Beside\n\n| as | before |\n"})
    before, _, after = again.partition(f"## {VERDICTS}\n\n| as | good |\n\n### Beside\n\n| as | before |\n")
    assert text.startswith(before)
    assert after
    assert text.endswith(after)


def test_sections_stand_in_order() -> None:
    made = with_sections("", {title: f"Of {title}.\n" for title in reversed(SECTIONS)})
    titles = [line.lstrip("# ") for line in made.splitlines() if line.startswith("#")]
    assert titles == list(SECTIONS)
    assert made.startswith(f"# {SPEED}\n\nOf")
    assert with_sections(made, {}) == made
