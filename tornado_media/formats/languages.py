"""Languages: the codes that containers have to the tags that players and pages want. Pure.

MP4 and most Matroska files name a language by three letters (ISO 639-2, which has two codes for twenty of
them); BCP 47, which HLS and HTML are written in, wants the shortest code there is (RFC 5646 section 2.2.1).
"""

from __future__ import annotations

import re

_CODES = """
aa:aar ab:abk ae:ave af:afr ak:aka am:amh an:arg ar:ara as:asm av:ava ay:aym az:aze ba:bak be:bel bg:bul
bh:bih bi:bis bm:bam bn:ben bo:bod br:bre bs:bos ca:cat ce:che ch:cha co:cos cr:cre cs:ces cu:chu cv:chv
cy:cym da:dan de:deu dv:div dz:dzo ee:ewe el:ell en:eng eo:epo es:spa et:est eu:eus fa:fas ff:ful fi:fin
fj:fij fo:fao fr:fra fy:fry ga:gle gd:gla gl:glg gn:grn gu:guj gv:glv ha:hau he:heb hi:hin ho:hmo hr:hrv
ht:hat hu:hun hy:hye hz:her ia:ina id:ind ie:ile ig:ibo ii:iii ik:ipk io:ido is:isl it:ita iu:iku ja:jpn
jv:jav ka:kat kg:kon ki:kik kj:kua kk:kaz kl:kal km:khm kn:kan ko:kor kr:kau ks:kas ku:kur kv:kom kw:cor
ky:kir la:lat lb:ltz lg:lug li:lim ln:lin lo:lao lt:lit lu:lub lv:lav mg:mlg mh:mah mi:mri mk:mkd ml:mal
mn:mon mr:mar ms:msa mt:mlt my:mya na:nau nb:nob nd:nde ne:nep ng:ndo nl:nld nn:nno no:nor nr:nbl nv:nav
ny:nya oc:oci oj:oji om:orm or:ori os:oss pa:pan pi:pli pl:pol ps:pus pt:por qu:que rm:roh rn:run ro:ron
ru:rus rw:kin sa:san sc:srd sd:snd se:sme sg:sag si:sin sk:slk sl:slv sm:smo sn:sna so:som sq:sqi sr:srp
ss:ssw st:sot su:sun sv:swe sw:swa ta:tam te:tel tg:tgk th:tha ti:tir tk:tuk tl:tgl tn:tsn to:ton tr:tur
ts:tso tt:tat tw:twi ty:tah ug:uig uk:ukr ur:urd uz:uzb ve:ven vi:vie vo:vol wa:wln wo:wol xh:xho yi:yid
yo:yor za:zha zh:zho zu:zul sq:alb hy:arm eu:baq my:bur zh:chi cs:cze nl:dut fr:fre ka:geo de:ger el:gre
is:ice mk:mac mi:mao ms:may fa:per ro:rum sk:slo bo:tib cy:wel
"""
_SHORT = {three: two for two, three in (pair.split(":") for pair in _CODES.split())}

_TAG = re.compile(r"[a-z]{2,3}(-[a-z0-9]{1,8})*")

_NONE = frozenset({"und", "mis", "mul", "zxx"})
"""Codes of ISO 639-2 that name no language."""


def language_tag(code: str | None) -> str | None:
    """The BCP 47 tag of a language, or None where the code names none.

    Args:
        code: as a file has it: `ger`, `deu`, `de`, `pt-BR`.
    """
    if code is None or not _TAG.fullmatch(code.lower()):
        return None
    first, *rest = code.split("-")
    if first.lower() in _NONE:
        return None
    return "-".join([_SHORT.get(first.lower(), first.lower()), *rest])


def same_language(wanted: str, found: str | None) -> bool:
    """Whether a language is the one that is asked for, `en` being the same as `eng` and `en-GB`.

    Args:
        wanted: a code or tag.
        found: likewise; None: unknown.
    """
    one, other = language_tag(wanted), language_tag(found)
    if one is None or other is None:
        return False
    return other.lower() == one.lower() or other.lower().startswith(f"{one.lower()}-")
