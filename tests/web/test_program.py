"""Embedding: `send_program` in somebody else's handler, `routes` in somebody else's application."""

import asyncio

import pytest
from tornado.web import Application, RequestHandler

import tornado_media
from tornado_media import Limits, Media, send_program
from tornado_media.app import log_request
from tornado_media.config import Config


def handler(*arguments, **keys):
    class Handler(RequestHandler):
        async def get(self):
            await send_program(self, *arguments, **keys)

        head = get

    return Handler


def own_application(*rules, **settings):
    """An application that is not ours, but for the level of its access log."""
    return Application(list(rules), log_function=log_request, **settings)


async def test_the_output_is_the_response(web):
    app = own_application(("/", handler(["echo", "hello"], media_type="text/plain")))
    async with web.listening(app) as server:
        response = await server.get("/")
        assert (response.status, response.content, response.complete) == (200, b"hello\n", True)
        assert response.headers["Content-Type"] == "text/plain"
        assert response.headers["Cache-Control"] == "no-store"


async def test_a_pipeline_with_stdin_and_fields(web, tmp_path):
    path = tmp_path / "source"
    path.write_text("b\na\n")

    class Handler(RequestHandler):
        async def get(self):
            with open(path, "rb") as source:
                await send_program(
                    self,
                    [["sort"], ["tr", "a-z", "A-Z"]],
                    media_type="text/plain",
                    stdin=source.fileno(),
                    streams=False,
                    fields={"X-Name": "value"},
                )

    async with web.listening(own_application(("/", Handler))) as server:
        response = await server.get("/")
        assert (response.content, response.headers["X-Name"]) == (b"A\nB\n", "value")
        assert response.headers["Content-Length"] == "4"


async def test_compression_of_the_application_stays_out(web):
    app = own_application(
        ("/", handler(["echo", "x" * 5000], media_type="text/plain")), compress_response=True
    )
    async with web.listening(app) as server:
        response = await server.get("/", Accept_Encoding="gzip")
        assert response.content == b"x" * 5000 + b"\n"
        assert "Content-Encoding" not in response.headers


async def test_failures_have_their_status(web, expect_log):
    expect_log("failed with 50")
    app = own_application(
        ("/missing", handler(["no-such-program"], media_type="text/plain")),
        ("/fails", handler(["false"], media_type="text/plain")),
        ("/slow", handler(["sleep", "600"], media_type="a/b", limits=Limits(first_byte=0.1))),
    )
    async with web.listening(app) as server:
        assert [(await server.get(path)).status for path in ("/missing", "/fails", "/slow")] == [
            503,
            502,
            504,
        ]
        assert "no-such-program is not installed" in (await server.get("/missing")).text


@pytest.mark.parametrize("argv", [[], [[]], [["echo"], []]])
async def test_no_program_is_a_mistake_of_the_caller(argv):
    with pytest.raises(ValueError, match="names no program"):
        await send_program(None, argv, media_type="text/plain")


async def test_a_shell_line_is_a_mistake_of_the_caller():
    with pytest.raises(TypeError, match="not a shell line"):
        await send_program(None, "echo hello", media_type="text/plain")


async def test_the_handler_may_go_on_afterwards(web):
    ended = asyncio.Event()

    class Handler(RequestHandler):
        async def get(self):
            await send_program(self, ["echo"], media_type="text/plain")
            ended.set()

    async with web.listening(own_application(("/", Handler))) as server:
        await server.get("/")
        await asyncio.wait_for(ended.wait(), 5)


async def test_programs_of_an_application_share_bounded_slots(web):
    app = own_application(("/", handler(["sleep", "600"], media_type="a/b")))
    async with web.listening(app) as server:
        connections = [await server.send("/") for _ in range(12)]
        jobs = None
        while jobs is None or jobs.streams.running + jobs.streams.waiting < 12:
            await asyncio.sleep(0)
            jobs = app.settings.get("tornado_media.jobs")
        assert jobs.streams.running == jobs.streams.size == 4 * jobs.jobs.size
        for _, writer in connections:
            writer.close()
        while jobs.streams.running or jobs.streams.waiting:
            await asyncio.sleep(0)


async def test_routes_below_a_prefix(web, source_folder, picture):
    picture("1.jpg", folder=source_folder)

    class Home(RequestHandler):
        def get(self):
            self.write("mine")

    media = Media(Config.from_mapping({"sources": {"a": {"root": str(source_folder)}}}, source_folder))
    app = own_application(("/", Home), *media.routes("/media"))
    async with web.listening(app, media) as server:
        assert (await server.get("/")).content == b"mine"
        assert (await server.get("/media/a.txt")).content == b"hello\n"
        assert (await server.get("/a.txt")).status == 404
        assert (await server.get("/media/1.jpg?size=30x30")).headers["Content-Type"] == "image/jpeg"
        assert (await server.get("/media/-/")).status == 200
        assert (await server.get("/media/-/health")).status == 200
        assert (await server.get("/media/")).headers["Location"] == "/media/-/?folder=/"
        assert '"/a.txt"' in (await server.get("/media/-/list?folder=/")).text


async def test_routes_take_a_mapping_a_file_or_a_config(source_folder, tmp_path):
    mapping = {"sources": {"a": {"root": str(source_folder)}}}
    file = tmp_path / "c.toml"
    file.write_text(f'[sources.a]\nroot = "{source_folder}"\n')
    for config in (mapping, file, str(file), Config.from_mapping(mapping, tmp_path)):
        media = Media(tornado_media.app.as_config(config))
        assert media.routes("/media")
        await media.close()


@pytest.mark.parametrize("prefix", ["media", "/media/", "/"])
async def test_a_malformed_prefix_is_a_mistake(source_folder, prefix):
    media = Media(Config.from_mapping({"sources": {"a": {"root": str(source_folder)}}}, source_folder))
    with pytest.raises(ValueError, match="prefix"):
        media.routes(prefix)
    await media.close()


def test_public_names():
    for name in tornado_media.__all__:
        assert getattr(tornado_media, name) is not None
    with pytest.raises(AttributeError):
        tornado_media.nothing  # noqa: B018
