"""Sources that are added on the page of a running service."""

import re

from shop import Visitor

LIST = b"<opml version='2.0'><body><outline text='Coast' xmlUrl='https://coast.invalid/feed'/></body></opml>"


def sent(visitor: Visitor, path: str, file: bytes) -> str:
    """Send a form with a file, as browsers do."""
    word = re.search('name="csrf" value="([^"]+)"', visitor.text)
    assert word is not None
    parts = [
        b'--edge\r\nContent-Disposition: form-data; name="csrf"\r\n\r\n' + word[1].encode(),
        b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a.opml"\r\n\r\n' + file,
        b"--edge--\r\n",
    ]
    return visitor.post(path, b"\r\n".join(parts), "multipart/form-data; boundary=edge")


def test_a_list_is_taken_and_read_again(service, until):
    """It is in the file, and on the page once the service has read that; the second time it is known."""
    running = service(serve={"port": 0})
    until(lambda: running.said("read them at"), "the address")
    address = re.findall(r"http://127\.0\.0\.1:\d+", running.log.read_text())[0]
    visitor = Visitor(address)
    visitor.get("/sources")
    assert "1 source added, of 1 entry" in sent(visitor, "/sources.opml", LIST)
    until(lambda: "coast.invalid" in visitor.get("/sources"), "the new source")
    assert "coast.invalid" in (running.folder / "aggregator.yaml").read_text()
    visitor.get("/sources")
    assert "0 sources added, of 1 entry" in sent(visitor, "/sources.opml", LIST)
    visitor.get("/sources")
    said = visitor.send("/sources", url="http://127.0.0.1:1/feed")
    assert visitor.status == 409
    assert "private" in said
    visitor.get("/sources")
    visitor.text = ""
    visitor.send("/sources", url="https://other.invalid/")
    assert visitor.status == 403, "another site knows no word of ours"
    running.stop()
