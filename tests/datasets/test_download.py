"""Downloads from a server of our own: whole, cut off, resumed, and of the wrong content."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pytest

from moldiff.datasets.download import download
from moldiff.errors import InputError

CONTENT = np.random.default_rng(0).bytes(300_000)
HASH = hashlib.sha256(CONTENT).hexdigest()


class Server:
    """Serves CONTENT; ``cut`` bytes of an answer are sent, and ``ranges`` tells whether it resumes."""

    def __init__(self):
        self.cut = None
        self.ranges = True
        self.status = None
        self.asked = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                wanted = self.headers.get("Range")
                outer.asked.append(wanted)
                if outer.status:
                    self.send_error(outer.status)
                    return
                start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and outer.ranges else 0
                if start >= len(CONTENT):
                    self.send_error(416)
                    return
                self.send_response(206 if start else 200)
                self.send_header("Content-Length", str(len(CONTENT) - start))
                self.end_headers()
                self.wfile.write(CONTENT[start:][: outer.cut])

            def log_message(self, *args):
                pass

        self.http = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/table.csv.gz"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


@pytest.fixture
def server():
    made = Server()
    yield made
    made.http.shutdown()
    made.http.server_close()


def test_a_download_is_whole_and_not_repeated(server, tmp_path):
    place, seen = tmp_path / "new" / "table", []
    download(server.url, place, HASH, on_bytes=lambda done, total: seen.append((done, total)))
    assert place.read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    download(server.url, place, HASH)
    assert server.asked == [None]
    assert [path.name for path in place.parent.iterdir()] == ["table"]


def test_a_lost_connection_is_said_and_gone_on_from(server, tmp_path):
    place = tmp_path / "table"
    server.cut = 100_000
    with pytest.raises(InputError, match=r"100,000 bytes are there: run it again to go on, or .* --from"):
        download(server.url, place, HASH)
    assert not place.exists()
    with pytest.raises(InputError, match="200,000 bytes are there"):
        download(server.url, place, HASH)
    server.cut = None
    download(server.url, place, HASH)
    assert place.read_bytes() == CONTENT
    assert server.asked == [None, "bytes=100000-", "bytes=200000-"]


def test_a_server_that_does_not_resume_sends_all_of_it(server, tmp_path):
    place = tmp_path / "table"
    (tmp_path / "table.part").write_bytes(CONTENT[:1000])
    server.ranges = False
    download(server.url, place, HASH)
    assert place.read_bytes() == CONTENT


def test_a_part_that_is_all_of_it_is_taken(server, tmp_path):
    (tmp_path / "table.part").write_bytes(CONTENT)
    download(server.url, tmp_path / "table", HASH)
    assert (tmp_path / "table").read_bytes() == CONTENT


def test_another_file_is_refused_and_nothing_is_kept(server, tmp_path):
    (tmp_path / "table.part").write_bytes(b"x" * 1000)
    with pytest.raises(InputError, match=r"its sha256 is \w{64}, not \w{64}; nothing was kept"):
        download(server.url, tmp_path / "table", HASH)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("status", "message"), [(404, "the server says 404"), (503, "the server says 503")])
def test_what_the_server_refuses_is_said(server, tmp_path, status, message):
    server.status = status
    with pytest.raises(InputError, match=message):
        download(server.url, tmp_path / "table", HASH)


def test_no_server_is_said(tmp_path):
    with pytest.raises(InputError, match=r"cannot download http://127\.0\.0\.1:9/a"):
        download("http://127.0.0.1:9/a", tmp_path / "table", HASH)


def test_a_folder_that_cannot_be_written_is_said(server, tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(InputError, match="cannot download"):
        download(server.url, tmp_path / "taken" / "table", HASH)
