"""Is the XML of a 3MF model read the same however it is written, and refused where it is broken?"""

import re
from typing import Any

import numpy as np
import pytest
from trimesh import creation

from events.model_files import ModelKind
from mes.geometry.answers import Unpriceable
from mes.geometry.measuring import measure_here
from mes.geometry.threemf import read_3mf
from tests.mes.geometry.written_3mf import (
    CORNERS,
    TRIANGLES,
    assembly,
    cube,
    cubes_mesh,
    mesh,
    model,
    package,
)


def prefixed(xml: str) -> str:
    """The same with a prefix for the namespace that goes without one."""
    return re.sub(r"<(/?)(\w)", r"<\1m:\2", xml).replace("xmlns=", "xmlns:m=")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda xml: xml, id="as most programs do"),
        pytest.param(lambda xml: xml.replace("/>", " />\n\t"), id="spaces"),
        pytest.param(lambda xml: xml.replace("<vertices>", "<vertices >"), id="a space in the list's tag"),
        pytest.param(lambda xml: xml.replace('" y="', '"\ny="'), id="line ends between attributes"),
        pytest.param(lambda xml: xml.replace('"', "'"), id="other quotes"),
        pytest.param(lambda xml: xml.replace("<vertex", "<!-- a --><vertex"), id="comments"),
        pytest.param(lambda xml: xml.replace("<mesh>", "<!--<triangles>--><mesh>"), id="tags in comments"),
        pytest.param(lambda xml: xml.replace('z="', 'q="5" z="'), id="further attributes"),
        pytest.param(lambda xml: xml.replace('"/></tr', '" pid="2" p1="0" p3="0"/></tr'), id="colours"),
        pytest.param(lambda xml: xml.replace('"/></tr', '" paint_color="4F"/></tr'), id="painted"),
        pytest.param(lambda xml: xml.replace('"10"', '"1.0E+1"'), id="exponents"),
        pytest.param(lambda xml: xml.replace('"10"', '" 10\t"'), id="spaces around numbers"),
        pytest.param(lambda xml: xml.replace('"0"/><', '"0"></vertex><', 1), id="closing tags"),
        pytest.param(prefixed, id="a prefix"),
        pytest.param(lambda xml: xml.replace("UTF-8", "UTF-16").encode("utf-16"), id="UTF-16"),
        pytest.param(lambda xml: b"\xef\xbb\xbf" + xml.encode(), id="a byte order mark"),
    ],
)
def test_a_mesh_is_the_same_however_its_xml_is_written(change: Any) -> None:
    (part,) = read_3mf(package(change(model(cube(1)))))

    assert np.array_equal(part.vertices, np.array(CORNERS) * 10)
    assert np.array_equal(part.faces, TRIANGLES)


@pytest.mark.parametrize("separator", ["", "\n", "<!-- so that each is read by itself -->"])
def test_a_large_mesh_is_read_to_the_last_digit(separator: str) -> None:
    """Of several megabytes, so that it comes in pieces."""
    ball = creation.icosphere(subdivisions=5, radius=12.3456789)
    xml = mesh(ball.vertices.tolist(), ball.faces.tolist()).replace("/><", f"/>{separator}<")
    objects = "".join(f'<object id="{n}">{xml}</object>' for n in (1, 2))
    part, again = read_3mf(package(model(objects, '<item objectid="1"/><item objectid="2"/>')))

    for found in (part, again):
        assert np.array_equal(found.vertices, ball.vertices)
        assert np.array_equal(found.faces, ball.faces)


@pytest.mark.parametrize(
    "change",
    [
        ('x="0"', 'x="0,5"'),
        ('x="0"', 'x=""'),
        ('x="0"', 'x="1.2.3"'),
        ('x="0"', 'x="1e"'),
        ('x="0"', 'x="nan"'),
        ('x="0"', ""),
        ('v1="0"', 'v1="0.0"'),
        ('v1="0"', 'v1="-1"'),
        ('v1="0"', 'v1="8"'),
        ('v1="0"', ""),
        ("</mesh>", "</mesh><mesh></mesh>"),
        ("</vertices>", '</vertices><vertices><vertex x="1" y="1" z="1"/></vertices>'),
        ("</object>", f"</object>{cube(1)}"),
        ("<object", '<object type="statue"'),
        ('objectid="1"', 'objectid="2"'),
        ('objectid="1"', ""),
        ('objectid="1"', 'objectid="1" path="/3D/a.model"'),
        ('objectid="1"', 'objectid="1" transform="1 0 0 0 1 0 0 0 1 0 0"'),
        ('objectid="1"', 'objectid="1" transform="1 0 0 0 1 0 0 0 nan 0 0 0"'),
        ("</model>", ""),
        ("</model>", "</model><model/>"),
        (cubes_mesh(10), ""),
    ],
)
def test_a_model_that_is_not_as_the_specification_says_is_refused(change: tuple[str, str]) -> None:
    xml = model(cube(1)).replace(*change, 1)
    assert xml != model(cube(1))
    with pytest.raises(Unpriceable, match="damaged"):
        measure_here(package(xml), ModelKind.THREEMF)


@pytest.mark.parametrize(
    ("xml", "reason"),
    [
        ('<!DOCTYPE m [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><model>&b;</model>', "document type"),
        ('<!DOCTYPE m [<!ENTITY a SYSTEM "file:///etc/hostname">]><model>&a;</model>', "document type"),
        (model(assembly(1, "1")), "more than 2,000 parts"),
        (model(cube(1)).replace("core/2015/02", "core/2099/01"), "extension core/2099/01"),
        (model(""), "damaged"),
        (model("", '<item objectid="1" p:path="/etc/hostname"/>'), "damaged"),
        (model("", ""), "no triangles"),
        ("", "damaged"),
        ("<p>Hello</p>", "damaged"),
    ],
)
def test_a_hostile_or_empty_model_is_refused(xml: str, reason: str) -> None:
    with pytest.raises(Unpriceable, match=reason):
        measure_here(package(xml), ModelKind.THREEMF)
