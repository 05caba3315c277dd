import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest
from tornado.testing import bind_unused_port

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture
def embedded(media_folder):
    listener, port = bind_unused_port()
    listener.close()
    program = [sys.executable, str(EXAMPLES / "embedded.py"), str(media_folder), str(port)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        yield process.stdout.readline().strip()
        process.terminate()


def test_an_application_of_ones_own(embedded):
    def get(path):
        with urlopen(embedded + path) as response:
            return response.headers["Content-Type"], response.read()

    assert b"My page" in get("")[1]
    assert b"1.jpg" in get("report")[1]
    assert get("media/1.jpg?size=300x200")[0] == "image/jpeg"
    assert b"<title>" in get("media/-/")[1]
