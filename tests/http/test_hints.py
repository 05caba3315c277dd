import pytest
from hypothesis import given
from hypothesis import strategies as st

from tornado_media.http.hints import SILENT, Client, client_of


@pytest.mark.parametrize(
    ("fields", "client"),
    [
        ({}, SILENT),
        ({"Accept": "image/webp"}, Client(accept="image/webp")),
        ({"Sec-CH-DPR": "2"}, Client(dpr=2.0)),
        ({"Sec-CH-DPR": " 1.25 "}, Client(dpr=1.25)),
        ({"Sec-CH-DPR": "999"}, Client(dpr=16.0)),
        ({"Sec-CH-DPR": "0"}, SILENT),
        ({"Sec-CH-DPR": "-1"}, SILENT),
        ({"Sec-CH-DPR": "1e9"}, SILENT),
        ({"Sec-CH-DPR": "2, 3"}, SILENT),
        ({"Sec-CH-Width": "640"}, Client(width=640)),
        ({"Sec-CH-Width": "640.2"}, Client(width=641)),
        ({"Save-Data": "on"}, Client(save_data=True)),
        ({"Save-Data": "ON "}, Client(save_data=True)),
        ({"Save-Data": "?1"}, SILENT),
    ],
)
def test_what_a_client_says(fields, client):
    assert client_of(fields) == client


@given(st.text(), st.text(), st.text())
def test_nothing_is_refused(dpr, width, save):
    client = client_of({"Sec-CH-DPR": dpr, "Sec-CH-Width": width, "Save-Data": save})
    assert client.dpr is None or 0 < client.dpr <= 16
    assert client.width is None or client.width > 0
