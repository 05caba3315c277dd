from hypothesis import given
from hypothesis import strategies as st

from tornado_media.sources.listing import page


def test_the_order_is_folders_first_and_natural():
    folders = ["album 9/", "album 10/", "z/"]
    files = ["-", "1", "02.jpg", "2.jpg", "10.jpg", "A.jpg", "a2b9", "a2b10", "b.jpg", "b2.jpg", "ä"]
    assert page(sorted(files + folders), None, 100) == (folders + files, None)


def test_a_cursor_works_after_its_name_is_gone():
    assert page(["1", "2", "3"], None, 2) == (["1", "2"], "2")
    assert page(["1", "3"], "2", 2) == (["3"], None)
    assert page(["a/", "a"], "a/", 1) == (["a"], None)
    assert page(["a/", "b/", "a"], "a/", 1) == (["b/"], "b/")
    assert page(["a"], "whatever/", 5) == (["a"], None)
    assert page([], None, 5) == ([], None)


names = st.sets(
    st.text(st.sampled_from("aB10.\u00b2\u0663"), min_size=1) | st.sampled_from(["x/", "10/", "9/"])
)


@given(names, st.integers(1, 5))
def test_the_pages_together_are_the_folder(names, limit):
    found, cursor = page(names, None, limit)
    while cursor is not None:
        more, cursor = page(names, cursor, limit)
        assert 0 < len(more) <= limit
        found += more
    assert found == page(names, None, 10_000)[0]
    assert sorted(found) == sorted(names)
