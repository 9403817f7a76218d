"""Words in time, as a network that sang them tells."""

from melisma.song import TimedLine
from melisma.studio.words import lines_heard, sections_heard, told

HEARD = (
    TimedLine(text="oh", start_s=0.5, end_s=1.0),
    TimedLine(text="[verse]", start_s=1.0, end_s=2.0),
    TimedLine(text="hello world", start_s=2.0, end_s=4.0),
    TimedLine(text="[Chorus - loud]", start_s=4.5, end_s=5.0),
    TimedLine(text="yeah (yeah)", start_s=5.0, end_s=6.5),
    TimedLine(text="[outro]", start_s=6.5, end_s=6.5),
)


def test_a_tag_is_no_line_but_names_those_that_follow() -> None:
    lines = [(line.text, line.section, line.start_s, line.end_s) for line in lines_heard(HEARD)]
    assert lines == [
        ("oh", None, 0.5, 1.0),
        ("hello world", "verse", 2.0, 4.0),
        ("yeah (yeah)", "Chorus - loud", 5.0, 6.5),
    ]


def test_sections_reach_from_tag_to_tag() -> None:
    sections = [(section.name, section.start_s, section.end_s) for section in sections_heard(HEARD)]
    # An outro that lasts no time is none.
    assert sections == [("verse", 1.0, 4.5), ("Chorus - loud", 4.5, 6.5)]


def test_without_a_story_nothing_is_told() -> None:
    assert (told(None).lines, told(None).sections) == ([], [])
    assert list(sections_heard(HEARD[:1])) == []
