"""Images that people made with devctl, in the roadmap."""

import uuid
from datetime import UTC, datetime

from graph import Change, CustomImage, Roadmap, RoadmapReader

CHANGE = Change(who="integrator", why="ann built it")


def test_an_image_is_found_by_its_owner_and_built_anew_is_the_same(roadmap: Roadmap, reader: RoadmapReader) -> None:
    owner = f"ann-{uuid.uuid4().hex[:8]}"  # a server that is lent may hold what an interrupted run left
    first = CustomImage(
        owner=owner, tag="mine/image:1", build_time=datetime(2026, 1, 2, 3, tzinfo=UTC), base="debian:12"
    )
    again = first.model_copy(update={"build_time": datetime(2026, 1, 3, tzinfo=UTC), "packages": ("apt:curl",)})
    roadmap.record_custom_image(first, CHANGE)
    roadmap.record_custom_image(again, CHANGE)
    query = "MATCH (i:CustomImage {owner: $owner}) RETURN i.id, i.tag, i.base, i.packages, toString(i.build_time)"
    found = reader.query(query, {"owner": owner}).rows
    assert [list(row)[:4] for row in found] == [[f"{owner}/mine/image:1", "mine/image:1", "debian:12", ["apt:curl"]]]
    assert str(found[0][4]).startswith("2026-01-03")
    events = reader.query("MATCH (e:Event {subject: $id}) RETURN e.who, e.what", {"id": first.id}).rows
    assert [list(row) for row in events] == [["integrator", "image built"]] * 2
