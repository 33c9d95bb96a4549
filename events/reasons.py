"""How does a sentence that the system wrote into a timeline read in the reader's language?

History holds no language: such a reason is stored, and served by the API, in English as it was written. Pages
find the sentence it was made from and say that one in the reader's language; people's own words stay theirs.
"""

import re
from functools import cache

from django.utils.translation import gettext, gettext_noop

from events.vocabulary import Status

#: Every sentence the system writes as a reason or a flag; a test finds those that are missing here.
SENTENCES = (
    gettext_noop("Asked to cancel."),
    gettext_noop("Asked to cancel. %(words)s"),
    gettext_noop("Came too late to matter: %(status)s."),
    gettext_noop("The %(kind)s file says no unit: millimetres were taken."),
    gettext_noop("Bodies may overlap, and could not be united: their volumes were added up."),
    gettext_noop("Bodies overlap: what they share is counted once."),
    gettext_noop("Each piece would weigh %(mass)s kg: is the size right?"),
    gettext_noop("Manufacturing has begun: the order can no longer be cancelled."),
    gettext_noop("Only %(across)s mm across: was the file meant in inches, centimetres or metres?"),
    gettext_noop("%(across)s mm across: was the file meant in a smaller unit?"),
    gettext_noop("The %(kind)s file is damaged: it can't be read as a 3D model."),
    gettext_noop("The 3MF file is damaged: it holds a document type declaration."),
    gettext_noop("The 3MF file is in a unit we don't know: %(unit)s."),
    gettext_noop("The GLB file is damaged: a node has two parents."),
    gettext_noop("The GLB file keeps its geometry outside itself. Export it as one file."),
    gettext_noop("The GLB file uses %(extension)s, which we can't read. Export it without."),
    gettext_noop(
        "The GLB file is posed by a skeleton, which we can't read. Apply the armature and export it again."
    ),
    gettext_noop("The GLB file holds several scenes and doesn't say which to show. Export only one."),
    gettext_noop("The 3MF file doesn't say which of its files holds the model. Export it again."),
    gettext_noop("The 3MF file is damaged: it holds two files named %(name)s."),
    gettext_noop("The 3MF file is damaged: its parts are in different units."),
    gettext_noop(
        "The 3MF file uses the extension %(extension)s, which we can't read. Export the model as a "
        "plain mesh."
    ),
    gettext_noop(
        "The 3MF file places an object of type %(type)s, which is no solid. Export the model with "
        "objects of type model only."
    ),
    gettext_noop(
        "The 3MF file is a slicer's project with a part of kind %(kind)s, which only the slicer can "
        "apply. Export the model from there as STL and send that."
    ),
    gettext_noop(
        "Nothing in the 3MF file is to be made: its parts are supports, settings of the slicer or "
        "marked as not to be printed."
    ),
    gettext_noop("The %(kind)s file is cut short. Export it again and send the whole file."),
    gettext_noop("The %(kind)s file holds more than it declares. Export it again."),
    gettext_noop(
        "The %(kind)s file has %(word)s where a number is due. Export it again, with decimal points."
    ),
    gettext_noop("The %(kind)s file has a line that we can't read: %(line)s. Export it as a plain mesh."),
    gettext_noop("The %(kind)s file uses %(feature)s, which we can't read. Export it as a plain mesh."),
    gettext_noop(
        "The STL file is damaged: facet %(number)s is not three corners of three coordinates. Export it "
        "again."
    ),
    gettext_noop("The file holds no triangles: there is no surface to measure."),
    gettext_noop("The file is damaged: its triangles name points that are not there."),
    gettext_noop("The file is damaged: some of its coordinates are not numbers."),
    gettext_noop("The model has more than %(most)s triangles. Export it with fewer."),
    gettext_noop("The model has no volume: it is flat or only a surface, there is nothing to cast."),
    gettext_noop("The model is made of more than %(most)s parts. Join some of them."),
    gettext_noop("The model is too detailed to measure. Export it with fewer triangles."),
    gettext_noop("The model is too large to make. Check the unit it was exported in."),
    gettext_noop(
        "The model would weigh less than a milligram: is the file in metres or inches? "
        "Export it in millimetres and send it again."
    ),
    gettext_noop("The model takes too long to measure. Export it with fewer triangles and parts."),
    gettext_noop("The price was not accepted within %(days)s days."),
    gettext_noop(
        "The surface has holes (%(edges)s open edges): it encloses no volume. "
        "Close it in your CAD program and send it again."
    ),
    gettext_noop(
        "The surface is not a clean solid: in places more than two faces meet at one edge. "
        "Join or separate its bodies in your CAD program and send it again."
    ),
    gettext_noop("The surface has only one side, like a Moebius strip: it encloses no volume."),
    # Why a cache was rebuilt.
    gettext_noop("asked for by %(name)s"),
    gettext_noop("broken partition"),
    gettext_noop("foreign partition"),
    gettext_noop("relay started"),
    gettext_noop("table truncated"),
    gettext_noop("tables or triggers altered"),
    gettext_noop("after trouble: %(why)s"),
)


def translated(reason: str) -> str:
    """The reason in the active language, where the system wrote it; unchanged where a person did. Each line
    is a sentence of its own."""
    return "\n".join(_translated(line) for line in reason.split("\n"))


def _translated(reason: str) -> str:
    for sentence, pattern in _patterns():
        if found := pattern.fullmatch(reason):
            return gettext(sentence) % {name: _label(word) for name, word in found.groupdict().items()}
    return reason


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    return [
        (sentence, re.compile(re.sub(r"%\\\((\w+)\\\)s", r"(?P<\1>.+)", re.escape(sentence)), re.DOTALL))
        for sentence in SENTENCES
    ]


def _label(word: str) -> str:
    return str(Status(word).label) if word in Status.values else word
