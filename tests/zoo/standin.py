"""A stand-in for the hub: the few addresses that acrank asks for, on this machine alone."""

import hashlib
import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit


@dataclass
class Repo:
    """One repository: files by commit, and the commits that branches stand for."""

    commits: dict[str, dict[str, bytes]]
    refs: dict[str, str]
    gated: bool = False

    def commit(self, revision: str) -> str | None:
        commit = self.refs.get(revision, revision)
        return commit if commit in self.commits else None


@dataclass
class StandIn:
    """The server, what it holds, and what it was asked."""

    repos: dict[str, Repo] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    status: int | None = None
    delay: float = 0.0  # seconds that a file takes
    server: ThreadingHTTPServer | None = None

    @property
    def endpoint(self) -> str:
        assert self.server is not None
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def add(self, repo_id: str, files: dict[str, bytes], commit: str = "a" * 40) -> str:
        self.repos[repo_id] = Repo({commit: files}, {"main": commit})
        return commit

    def start(self) -> None:
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        assert self.server is not None
        self.server.shutdown()
        self.server.server_close()


def _handler(hub: StandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

        def do_HEAD(self) -> None:
            self.answer(body=False)

        def do_GET(self) -> None:
            self.answer(body=True)

        def answer(self, *, body: bool) -> None:
            path = unquote(urlsplit(self.path).path)
            hub.requests.append(f"{self.command} {path}")
            if hub.status is not None:
                return self.send(hub.status, b"", {}, body)
            if path == "/":
                return self.send(200, b"", {}, body)
            if path.startswith("/api/models/"):
                return self.api(path.removeprefix("/api/models/").split("/"), body)
            return self.file(path.strip("/").split("/"), body)

        def api(self, parts: list[str], body: bool) -> None:
            repo = hub.repos.get("/".join(parts[:2]))
            if repo is None:
                return self.refuse(401, "RepoNotFound", body)
            if parts[2:3] == ["commits"]:
                return self.json([_commit(commit) for commit in repo.commits], body)
            revision = "/".join(parts[3:]) or "main"
            commit = repo.commit(revision)
            if commit is None:
                return self.refuse(404, "RevisionNotFound", body)
            sized = "blobs=" in urlsplit(self.path).query
            files = [
                {"rfilename": name, **({"size": len(content)} if sized else {})}
                for name, content in repo.commits[commit].items()
            ]
            return self.json({"id": "/".join(parts[:2]), "sha": commit, "siblings": files}, body)

        def file(self, parts: list[str], body: bool) -> None:
            repo = hub.repos.get("/".join(parts[:2]))
            if repo is None:
                return self.refuse(401, "RepoNotFound", body)
            if repo.gated:
                return self.refuse(403, "GatedRepo", body)
            commit = repo.commit(parts[3])
            if commit is None:
                return self.refuse(404, "RevisionNotFound", body)
            content = repo.commits[commit].get("/".join(parts[4:]))
            if content is None:
                return self.refuse(404, "EntryNotFound", body)
            etag = hashlib.sha256(content).hexdigest()
            asked = self.headers.get("Range")
            if asked:
                first, last = map(int, asked.removeprefix("bytes=").split("-"))
                return self.send(206, content[first : last + 1], {"ETag": f'"{etag}"'}, body)
            time.sleep(hub.delay if body else 0)
            return self.send(200, content, {"ETag": f'"{etag}"', "X-Repo-Commit": commit}, body)

        def json(self, content: Any, body: bool) -> None:
            self.send(200, json.dumps(content).encode(), {"Content-Type": "application/json"}, body)

        def refuse(self, status: int, code: str, body: bool) -> None:
            self.send(status, b"", {"X-Error-Code": code}, body)

        def send(self, status: int, content: bytes, headers: dict[str, str], body: bool) -> None:
            self.send_response(status)
            for key, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(key, value)
            self.end_headers()
            if body:
                self.wfile.write(content)

    return Handler


def _commit(commit: str) -> dict[str, Any]:
    return {
        "id": commit,
        "title": "",
        "message": "",
        "authors": [],
        "date": "2024-01-01T00:00:00.000Z",
    }
