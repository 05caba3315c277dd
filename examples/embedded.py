"""A Tornado application of one's own with media in it: python examples/embedded.py FOLDER [PORT].

`/` is this application's page; below `/media` is everything of tornado_media; `/report` is the output of a
program, here `ls`, which could be any.
"""

import asyncio
import sys

import tornado.web

import tornado_media


class Home(tornado.web.RequestHandler):
    def get(self):
        self.write('<h1>My page</h1><a href="/media/-/">Pictures</a> <a href="/report">Report</a>')


class Report(tornado.web.RequestHandler):
    def initialize(self, folder):
        self.folder = folder

    async def get(self):
        await tornado_media.send_program(
            self, ["ls", "-l", "--", self.folder], media_type="text/plain; charset=utf-8"
        )


async def main(folder, port=8888):
    media = tornado_media.routes({"sources": {"photos": {"root": folder}}}, prefix="/media")
    app = tornado.web.Application([("/", Home), ("/report", Report, {"folder": folder}), *media])
    app.listen(int(port), "127.0.0.1")
    print(f"http://127.0.0.1:{port}/", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
