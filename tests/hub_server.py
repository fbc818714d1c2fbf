"""A stand-in for the Hugging Face Hub on 127.0.0.1: what the real `huggingface_hub` and `datasets` ask of it, over real HTTP.

    with HubServer(folder) as hub:
        subprocess.run([...], env={**os.environ, **hub.environment})

State is on disk (JSON and blobs), so that a server started again on a folder has what the first one had. Xet is not spoken:
clients run with `HF_HUB_DISABLE_XET=1` and upload by LFS. Commits are atomic and checked against `parentCommit`.
"""

import base64
import hashlib
import json
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "hf_" + "standin" * 5
USER = "someone"
_REPO = r"(?P<repo>[\w.-]+/[\w.-]+)"
_LFS_FROM = 1024
_CHUNK = 1 << 20


@dataclass
class Fault:
    """What goes wrong with the requests whose `METHOD path` matches `where`: from the `first` on, `times` of them.

    `what`: a status such as "429" or "500", "500 after" (the request takes effect all the same), "cut" (the connection ends
    in mid-request), "slow" (`seconds` late), "kill" and "kill after" (SIGKILL to `pid()`, before or after it takes effect).
    """

    where: str
    what: str
    first: int = 0
    times: int = 1
    seconds: float = 1.0
    pid: Callable[[], int] = lambda: 0
    seen: int = 0


@dataclass
class Log:
    """What was asked: `METHOD path` of every request in order, and how often each blob was received whole, and its bytes."""

    requests: list[str] = field(default_factory=list)
    received: dict[str, int] = field(default_factory=dict)
    bytes_in: int = 0


class HubServer:
    """The stand-in, listening while it is a context; `multipart_from` bytes on, uploads are in parts of that size.

    `bytes_per_s` is the bandwidth of all uploads together; 0 is as fast as it goes.
    """

    def __init__(self, folder: Path, *, multipart_from: int = 0, bytes_per_s: int = 0) -> None:
        self.folder = folder
        self.multipart_from = multipart_from
        self.bytes_per_s = bytes_per_s
        self.faults: list[Fault] = []
        self.log = Log()
        self.free_at = 0.0
        self.lock = threading.RLock()
        (folder / "lfs").mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> "HubServer":
        handler = type("Handler", (_Handler,), {"hub": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Its endpoint."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def environment(self) -> dict[str, str]:
        """What a client's process needs to talk to it."""
        return {
            "HF_ENDPOINT": self.url,
            "HF_TOKEN": TOKEN,
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        }

    def place(self, repo: str) -> Path:
        """Where the state of a repository lies."""
        return self.folder / "repos" / repo

    def state(self, repo: str) -> dict[str, Any]:
        """`head`, `private`, `tags`, and `commits` by id: each a `parent`, a `title` and `files` by path (`oid`, `size`, `lfs`)."""
        found: dict[str, Any] = json.loads((self.place(repo) / "state.json").read_text())
        return found

    def files(self, repo: str, revision: str = "main") -> dict[str, dict[str, Any]]:
        """The files of a revision by path."""
        state = self.state(repo)
        return dict(state["commits"][resolved(state, revision)]["files"])

    def content(self, entry: dict[str, Any]) -> Path:
        """Where the bytes of a file lie."""
        return self.folder / "lfs" / (entry["lfs"] or entry["oid"])

    def create(self, repo: str, *, private: bool) -> None:
        """Makes a repository, with the hub's first commit."""
        attributes = b"*.parquet filter=lfs diff=lfs merge=lfs -text\n"
        files = {".gitattributes": self.keep(attributes)}
        first = commit_id("", "initial commit", files)
        commits = {first: {"parent": "", "title": "initial commit", "files": files}}
        self.write(repo, {"head": first, "private": private, "tags": {}, "commits": commits})

    def keep(self, data: bytes) -> dict[str, Any]:
        """The entry of a regular file, whose bytes are kept."""
        oid = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        (self.folder / "lfs" / oid).write_bytes(data)
        return {"oid": oid, "size": len(data), "lfs": None}

    def pace(self, num_bytes: int) -> None:
        """Waits until so many bytes more may have come in."""
        if not self.bytes_per_s:
            return
        with self.lock:
            self.free_at = max(self.free_at, time.monotonic()) + num_bytes / self.bytes_per_s
            wait = self.free_at - time.monotonic()
        time.sleep(max(0.0, wait))

    def write(self, repo: str, state: dict[str, Any]) -> None:
        """Makes `state` the state of a repository, whole or not at all."""
        place = self.place(repo)
        place.mkdir(parents=True, exist_ok=True)
        (place / "state.tmp").write_text(json.dumps(state))
        os.replace(place / "state.tmp", place / "state.json")


def resolved(state: dict[str, Any], revision: str) -> str:
    """The commit that a branch, a tag or a commit id names; empty where there is none."""
    revision = unquote(revision)
    if revision == "main":
        return str(state["head"])
    return str(state["tags"].get(revision, revision if revision in state["commits"] else ""))


def commit_id(parent: str, title: str, files: dict[str, Any]) -> str:
    """A commit's id: of its content, as git's."""
    return hashlib.sha1(json.dumps([parent, title, files], sort_keys=True).encode()).hexdigest()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:  # a killed client is no news
        pass


class _Refused(Exception):
    def __init__(self, status: int, message: str = "", code: str = "") -> None:
        self.status, self.message, self.code = status, message, code


class _Handler(BaseHTTPRequestHandler):
    hub: HubServer
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._serve()

    do_HEAD = do_POST = do_PUT = do_GET

    def _serve(self) -> None:
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        split = urlsplit(self.path)
        self.where, self.query = split.path, parse_qs(split.query)
        fault = self._fault()
        what = fault.what if fault else ""
        if fault and what == "slow":
            time.sleep(fault.seconds)
        if fault and what == "kill":
            os.kill(fault.pid(), signal.SIGKILL)
            self.close_connection = True
            return
        if what == "cut":
            self._cut()
            return
        self.muted = what.endswith(" after")
        self.left = int(self.headers.get("Content-Length") or 0)
        try:
            if what.isdigit():
                self._drain()
                raise _Refused(int(what), f"injected {what}")
            self._authorise()
            self._route()
        except _Refused as refused:
            self._drain()
            self._refuse(refused, fault)
        if fault and what == "kill after":
            os.kill(fault.pid(), signal.SIGKILL)
        if self.muted:
            self.muted = False
            self.close_connection = True
            if what.startswith("500"):
                self._refuse(_Refused(500, "injected 500 after the request took effect"), None)
        self.wfile.flush()

    def _fault(self) -> Fault | None:
        line = f"{self.command} {self.where}"
        with self.hub.lock:
            self.hub.log.requests.append(line)
            for fault in self.hub.faults:
                if re.search(fault.where, line):
                    fault.seen += 1
                    if fault.first < fault.seen <= fault.first + fault.times:
                        return fault
        return None

    def _cut(self) -> None:
        self.rfile.read(min(int(self.headers.get("Content-Length") or 0), 1000))
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _refuse(self, refused: _Refused, fault: Fault | None) -> None:
        headers = {"X-Error-Message": refused.message} if refused.message else {}
        if refused.code:
            headers["X-Error-Code"] = refused.code
        if refused.status == 429 and fault is not None:
            headers["Retry-After"] = str(int(fault.seconds))
        self._reply({"error": refused.message}, refused.status, headers)

    def _authorise(self) -> None:
        """Uploads go to signed URLs, without a token, as on the hub."""
        given = self.headers.get("Authorization", "")
        if self.where.startswith("/blobs/"):
            return
        self.known = given == f"Bearer {TOKEN}"
        if given and not self.known:
            raise _Refused(401, "Invalid credentials in Authorization header")
        if self.command in ("POST", "PUT") and not self.known and "paths-info" not in self.where:
            raise _Refused(401, "Invalid username or password.")

    def _route(self) -> None:
        for verb, pattern, name in _ROUTES:
            match = re.fullmatch(pattern, self.where)
            if match and self.command in verb:
                given = {key: unquote(value or "") for key, value in match.groupdict().items()}
                if "repo" in given:
                    self._open(given["repo"])
                getattr(self, name)(**given)
                return
        raise _Refused(404, f"{self.command} {self.where}: not spoken here", "EntryNotFound")

    def _open(self, repo: str) -> None:
        try:
            self.state = self.hub.state(repo)
        except FileNotFoundError:
            raise _Refused(404, "Repository not found", "RepoNotFound") from None
        if self.state["private"] and not self.known:
            raise _Refused(401, "Invalid username or password.", "RepoNotFound")

    def _whoami(self) -> None:
        if not self.known:
            raise _Refused(401, "Invalid username or password.")
        self._reply({"type": "user", "name": USER, "orgs": [], "auth": {"accessToken": {"role": "write"}}})

    def _create(self) -> None:
        asked = self._json()
        repo = f"{asked.get('organization') or USER}/{asked['name']}"
        if not repo.startswith(f"{USER}/"):
            raise _Refused(403, "You don't have the rights to create a dataset under this namespace")
        with self.hub.lock:
            there = (self.hub.place(repo) / "state.json").exists()
            if not there:
                self.hub.create(repo, private=asked.get("visibility") == "private")
        self._reply({"url": f"{self.hub.url}/datasets/{repo}", "name": repo}, 409 if there else 200)

    def _validate(self) -> None:
        self._json()
        self._reply({"errors": [], "warnings": []})

    def _preupload(self, repo: str, rev: str) -> None:
        asked, files = self._json(), self._files(rev)
        reply = []
        for one in asked["files"]:
            old = files.get(one["path"])
            large = one["path"].endswith(".parquet") or one["size"] > 10_000_000
            told = {"path": one["path"], "uploadMode": "lfs" if large else "regular", "shouldIgnore": False}
            reply.append({**told, **({"oid": old["lfs"] or old["oid"]} if old else {})})
        self._reply({"files": reply})

    def _batch(self, repo: str) -> None:
        objects = []
        for one in self._json()["objects"]:
            told: dict[str, Any] = {"oid": one["oid"], "size": one["size"]}
            if not (self.hub.folder / "lfs" / one["oid"]).exists():
                told["actions"] = {"upload": self._upload_action(one["oid"], one["size"])}
            objects.append(told)
        self._reply({"transfer": "basic", "objects": objects})

    def _upload_action(self, oid: str, size: int) -> dict[str, Any]:
        part = self.hub.multipart_from
        if not part or size <= part:
            return {"href": f"{self.hub.url}/blobs/{oid}"}
        parts = {str(n + 1): f"{self.hub.url}/blobs/{oid}/{n + 1}" for n in range(-(-size // part))}
        return {"href": f"{self.hub.url}/blobs/{oid}/complete", "header": {"chunk_size": str(part), **parts}}

    def _put(self, oid: str) -> None:
        temporary = self.hub.folder / "lfs" / f".{oid}.{threading.get_ident()}"
        digest = self._receive(temporary)
        self._take(temporary, oid, digest)

    def _put_part(self, oid: str, part: str) -> None:
        digest = self._receive(self.hub.folder / "lfs" / f".{oid}.part{part}")
        self._reply({}, headers={"ETag": f'"{digest}"'})

    def _complete(self, oid: str) -> None:
        whole, temporary = hashlib.sha256(), self.hub.folder / "lfs" / f".{oid}.whole"
        with open(temporary, "wb") as out:
            for one in self._json()["parts"]:
                part = self.hub.folder / "lfs" / f".{oid}.part{one['partNumber']}"
                out.write(data := part.read_bytes())
                whole.update(data)
                part.unlink()
        self._take(temporary, oid, whole.hexdigest())

    def _take(self, temporary: Path, oid: str, digest: str) -> None:
        if digest != oid:
            temporary.unlink()
            raise _Refused(400, "the content does not have the hash that it was announced with")
        os.replace(temporary, self.hub.folder / "lfs" / oid)
        with self.hub.lock:
            self.hub.log.received[oid] = self.hub.log.received.get(oid, 0) + 1
        self._reply({})

    def _receive(self, path: Path) -> str:
        digest, taken = hashlib.sha256(), 0
        with open(path, "wb") as out:
            while self.left:
                chunk = self.rfile.read(min(_CHUNK, self.left))
                if not chunk:
                    self.close_connection = True
                    raise _Refused(400, "the connection ended in mid-upload")
                self.left -= len(chunk)
                taken += len(chunk)
                out.write(chunk)
                digest.update(chunk)
                self.hub.pace(len(chunk))
        with self.hub.lock:
            self.hub.log.bytes_in += taken
        return digest.hexdigest()

    def _commit(self, repo: str, rev: str) -> None:
        lines = [json.loads(line) for line in self._body().splitlines()]
        header = lines[0]["value"]
        with self.hub.lock:
            state = self.hub.state(repo)
            if header.get("parentCommit", state["head"]) != state["head"]:
                raise _Refused(412, "A commit has happened since. Please refresh and try again.")
            files = dict(state["commits"][state["head"]]["files"])
            for line in lines[1:]:
                self._apply(files, line["key"], line["value"])
            made = commit_id(state["head"], header["summary"], files)
            state["commits"][made] = {"parent": state["head"], "title": header["summary"], "files": files}
            state["head"] = made
            self.hub.write(repo, state)
        self._reply({"commitUrl": f"{self.hub.url}/datasets/{repo}/commit/{made}", "commitOid": made})

    def _apply(self, files: dict[str, Any], key: str, value: dict[str, Any]) -> None:
        path = value["path"]
        if key == "file":
            files[path] = self.hub.keep(base64.b64decode(value["content"]))
        elif key == "lfsFile":
            blob = self.hub.folder / "lfs" / value["oid"]
            if not blob.exists():
                raise _Refused(400, f"{path}: its content was not uploaded")
            pointer = hashlib.sha1(value["oid"].encode()).hexdigest()
            files[path] = {"oid": pointer, "size": blob.stat().st_size, "lfs": value["oid"]}
        elif key == "deletedFile":
            if files.pop(path, None) is None:
                raise _Refused(404, "A file with this name doesn't exist", "EntryNotFound")
        else:
            for one in [one for one in files if one.startswith(path.rstrip("/") + "/")]:
                del files[one]

    def _tree(self, repo: str, rev: str, path: str = "") -> None:
        files, under = self._files(rev), path.strip("/")
        deep = self.query.get("recursive", ["false"])[0].lower() in ("true", "1")
        found: dict[str, dict[str, Any]] = {}
        for name, entry in sorted(files.items()):
            inner = name.removeprefix(under + "/") if under else name
            if under and inner == name:
                continue
            folder, slash, _ = inner.partition("/") if not deep else ("", "", "")
            at = f"{under}/{folder}" if under else folder
            found.setdefault(at if slash else name, _folder(at) if slash else _told(name, entry))
        if under and not found and under not in files:
            raise _Refused(404, f"{under} does not exist", "EntryNotFound")
        self._page(list(found.values()))

    def _page(self, entries: list[dict[str, Any]]) -> None:
        """At most 1,000 entries a page, as on the hub."""
        start = int(self.query.get("cursor", ["0"])[0])
        rest, headers = entries[start : start + 1000], {}
        if start + 1000 < len(entries):
            flags = "".join(f"&{name}={self.query[name][0]}" for name in ("recursive", "expand") if name in self.query)
            headers["Link"] = f'<{self.hub.url}{self.where}?cursor={start + 1000}{flags}>; rel="next"'
        self._reply(rest, headers=headers)

    def _paths_info(self, repo: str, rev: str) -> None:
        body = self._body()
        typed = "json" in self.headers.get("Content-Type", "")
        paths = json.loads(body)["paths"] if typed else parse_qs(body.decode()).get("paths", [])
        files, told = self._files(rev), []
        for path in paths:
            if path in files:
                told.append(_told(path, files[path]))
            elif any(one.startswith(path.rstrip("/") + "/") for one in files):
                told.append(_folder(path))
        self._reply(told)

    def _info(self, repo: str, rev: str = "main") -> None:
        sha = self._sha(rev or "main")
        files = self.state["commits"][sha]["files"]
        siblings = [{"rfilename": path, "size": one["size"]} for path, one in sorted(files.items())]
        facts = {"_id": "0", "id": repo, "author": repo.split("/")[0], "sha": sha, "private": self.state["private"]}
        self._reply({**facts, "gated": False, "disabled": False, "tags": [], "downloads": 0, "siblings": siblings})

    def _refs(self, repo: str) -> None:
        tags = [{"name": n, "ref": f"refs/tags/{n}", "targetCommit": at} for n, at in self.state["tags"].items()]
        main = {"name": "main", "ref": "refs/heads/main", "targetCommit": self.state["head"]}
        self._reply({"branches": [main], "converts": [], "tags": tags})

    def _tag(self, repo: str, rev: str) -> None:
        name, at = self._json()["tag"], self._sha(rev)
        with self.hub.lock:
            state = self.hub.state(repo)
            if name in state["tags"]:
                raise _Refused(409, f"Tag reference exists already: refs/tags/{name}")
            state["tags"][name] = at
            self.hub.write(repo, state)
        self._reply({})

    def _settings(self, repo: str) -> None:
        asked = self._json()
        with self.hub.lock:
            state = self.hub.state(repo)
            state["private"] = asked.get("visibility", "private" if state["private"] else "public") == "private"
            self.hub.write(repo, state)
        self._reply({})

    def _resolve(self, repo: str, rev: str, path: str) -> None:
        sha = self._sha(rev)
        entry = self.state["commits"][sha]["files"].get(path)
        if entry is None:
            raise _Refused(404, "Entry not found", "EntryNotFound")
        content, size = self.hub.content(entry), entry["size"]
        start, stop = _range(self.headers.get("Range"), size)
        headers = {"ETag": f'"{entry["lfs"] or entry["oid"]}"', "X-Repo-Commit": sha, "Accept-Ranges": "bytes"}
        if entry["lfs"]:
            headers |= {"X-Linked-Size": str(size), "X-Linked-Etag": f'"{entry["lfs"]}"'}
        if start >= max(size, 1):
            raise _Refused(416, "Range Not Satisfiable")
        part = self.headers.get("Range") is not None
        if part:
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
        self._send(206 if part else 200, headers, stop - start)
        if self.command == "HEAD":
            return
        with open(content, "rb") as file:
            file.seek(start)
            self.wfile.flush()
            self.connection.sendfile(file, start, stop - start)

    def _files(self, rev: str) -> dict[str, Any]:
        return dict(self.state["commits"][self._sha(rev)]["files"])

    def _sha(self, rev: str) -> str:
        if not (sha := resolved(self.state, rev)):
            raise _Refused(404, f"Invalid rev id: {rev}", "RevisionNotFound")
        return sha

    def _body(self) -> bytes:
        data = self.rfile.read(self.left)
        self.left -= len(data)
        return data

    def _json(self) -> Any:
        return json.loads(self._body() or b"{}")

    def _drain(self) -> None:
        while self.left and (data := self.rfile.read(min(_CHUNK, self.left))):
            self.left -= len(data)

    def _reply(self, data: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        if self.muted and status < 400:
            return
        body = json.dumps(data).encode()
        self._send(status, {"Content-Type": "application/json", **(headers or {})}, len(body))
        if self.command != "HEAD":
            self.wfile.write(body)

    def _send(self, status: int, headers: dict[str, str], length: int) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()


def _told(path: str, entry: dict[str, Any]) -> dict[str, Any]:
    lfs = {"lfs": {"oid": entry["lfs"], "size": entry["size"], "pointerSize": 134}} if entry["lfs"] else {}
    return {"type": "file", "path": path, "oid": entry["oid"], "size": entry["size"], **lfs}


def _folder(path: str) -> dict[str, Any]:
    return {"type": "directory", "path": path, "oid": "0" * 40, "size": 0}


def _range(asked: str | None, size: int) -> tuple[int, int]:
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", asked or "")
    if not match or match.groups() == ("", ""):
        return 0, size
    first, last = match.groups()
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(size, int(last) + 1) if last else size


_API = rf"/api/datasets/{_REPO}"
_ROUTES = [
    ("GET", r"/api/whoami-v2", "_whoami"),
    ("POST", r"/api/repos/create", "_create"),
    ("POST", r"/api/validate-yaml", "_validate"),
    ("POST", rf"{_API}/preupload/(?P<rev>[^/]+)", "_preupload"),
    ("POST", rf"/datasets/{_REPO}\.git/info/lfs/objects/batch", "_batch"),
    ("PUT", r"/blobs/(?P<oid>[0-9a-f]{64})", "_put"),
    ("PUT", r"/blobs/(?P<oid>[0-9a-f]{64})/(?P<part>\d+)", "_put_part"),
    ("POST", r"/blobs/(?P<oid>[0-9a-f]{64})/complete", "_complete"),
    ("POST", rf"{_API}/commit/(?P<rev>[^/]+)", "_commit"),
    ("GET", rf"{_API}/tree/(?P<rev>[^/]+)(?P<path>/.*)?", "_tree"),
    ("POST", rf"{_API}/paths-info/(?P<rev>[^/]+)", "_paths_info"),
    ("GET", rf"{_API}/revision/(?P<rev>[^/]+)", "_info"),
    ("GET", rf"{_API}/refs", "_refs"),
    ("GET", _API, "_info"),
    ("POST", rf"{_API}/tag/(?P<rev>[^/]+)", "_tag"),
    ("PUT", rf"{_API}/settings", "_settings"),
    (("GET", "HEAD"), rf"/datasets/{_REPO}/resolve/(?P<rev>[^/]+)/(?P<path>.+)", "_resolve"),
]
