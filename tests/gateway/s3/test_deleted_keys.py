import time

import pytest

from slimgate.gateway.s3.deleted_keys import MAX_BYTES, deleted_keys

_NAMESPACE = b'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"<Delete><Object><Key>a</Key></Object><Object><Key>b&amp;c</Key></Object></Delete>",
         ["a", "b&c"]),
        (b'<?xml version="1.0"?>\n<Delete ' + _NAMESPACE + b">\n <Quiet>true</Quiet>\n <Object>\n"
         b"  <Key>x y</Key>\n  <VersionId>1</VersionId>\n </Object>\n</Delete>\n", ["x y"]),
        (b"<Delete><Object><Key>\xc3\xa4&#x20ac;<![CDATA[<]]></Key></Object></Delete>", ["ä€<"]),
        (b"<Delete/>", []),
        (b"<Delete><Key>no object</Key><Other><Key>k</Key></Other></Delete>", []),
        (b"<D:Delete xmlns:D='u'><D:Object><D:Key>k</D:Key></D:Object></D:Delete>", ["k"]),
        (b"<Delete>" + b"<Object>\n\t<Key>%s</Key>\n</Object>\n" % (b"&lt;" * 1000) * 200
         + b"</Delete>", ["<" * 1000] * 200),
    ],
)  # fmt: skip
def test_keys_are_read(body: bytes, expected: list[str]) -> None:
    """The keys come in order, whatever the form of the XML."""
    assert deleted_keys(body) == expected


def test_as_many_keys_as_s3_takes() -> None:
    """A thousand keys with versions, ETags, dates and sizes, nicely indented, are read."""
    one = (
        "  <Object>\n    <Key>%s</Key>\n    <VersionId>v</VersionId>\n    <ETag>e</ETag>\n"
        "    <LastModifiedTime>t</LastModifiedTime>\n    <Size>1</Size>\n  </Object>\n"
    )
    keys = [f"{number:04}" + "k" * 1020 for number in range(1000)]
    body = "<Delete>\n" + "".join(one % key for key in keys) + "</Delete>\n"
    assert deleted_keys(body.encode()) == keys


HOSTILE = {
    "flat": b"<Delete>" + b"<a/>" * 520_000,
    "nested": b"<a>" * 690_000,
    "deep enough": b"<Delete><Object><Key><a><b>" + b"</b></a></Key></Object></Delete>",
    "objects": b"<Delete>" + b"<Object><Key>k</Key></Object>" * 70_000,
    "attributes": b"<Delete " + b" ".join(b'a%d=""' % n for n in range(180_000)) + b"/>",
    "some attributes": b"<Delete " + b" ".join(b'a%d=""' % n for n in range(9)) + b"/>",
    "long attribute": b"<Delete a='" + b"x" * 2_000_000 + b"'/>",
    "long name": b"<" + b"x" * 2_000_000 + b"/>",
    "namespaces": b"<Delete " + b" ".join(b'xmlns:a%d="u"' % n for n in range(100_000)) + b"/>",
    "escaped text": b"<Delete>" + b"&lt;" * 520_000,
    "text": b"<Delete>" + b"x" * 2_000_000,
    "long key": b"<Delete><Object><Key>" + b"k" * 1025 + b"</Key></Object></Delete>",
    "comment": b"<Delete><!--" + b"x" * 2_000_000 + b"--></Delete>",
    "instruction": b"<?x " + b"x" * 2_000_000 + b"?><Delete/>",
    "blanks": b"<Delete>" + b" " * 2_000_000 + b"</Delete>",
    "lines": b"<Delete>" + b"\n" * 2_000_000 + b"</Delete>",
    "entities": b'<!DOCTYPE l [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><Delete>&b;</Delete>',
    "external": b'<!DOCTYPE l SYSTEM "file:///etc/passwd"><Delete/>',
    "plain doctype": b"<!DOCTYPE Delete><Delete/>",
    "no end": b"<Delete>",
    "nothing": b"",
    "no xml": b"\0" * 100,
    "wrong encoding": b'<?xml version="1.0" encoding="utf-7"?><Delete/>',
    "no encoding": b'<?xml version="1.0" encoding="hex"?><Delete/>',
    "too long": b"<Delete/>" + b" " * MAX_BYTES,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_documents_are_refused(name: str) -> None:
    """XML bombs of any kind are refused early, with little work."""
    began = time.process_time()
    with pytest.raises(ValueError, match=r"."):
        deleted_keys(HOSTILE[name][: MAX_BYTES + 1])
    assert time.process_time() - began < 5


def test_many_comments_cost_little() -> None:
    """Bodies without keys yield none."""
    body = b"<Delete>" + b"<!---->" * 290_000 + b"</Delete>"
    assert deleted_keys(body) == []
