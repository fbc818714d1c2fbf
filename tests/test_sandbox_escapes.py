"""Programs that try to get out of the sandbox, to stop it, or to fill the machine; none does, and the next program is right."""

import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from catena.sandbox import Limits, Sandbox

LIMITS = Limits(time_s=0.2, memory_bytes=16 << 20, depth=150)
HONEST = "def solve(a):\n    return 2 * a"
SECRET = "canary-5b1f0c9e"
SLACK_S = 10.0  # a busy machine; a stall would never end

# Each body is `solve(a)`, so that a success returns something. SECRET_FILE, TARGET and PORT are filled in.
OUTSIDE = {
    "import os": "import os\nreturn os.system('touch TARGET')",
    "import subprocess": "import subprocess\nreturn subprocess.run(['touch', 'TARGET'])",
    "import socket": "import socket\nreturn socket.create_connection(('127.0.0.1', PORT))",
    "import ctypes": "import ctypes\nreturn ctypes.CDLL(None)",
    "import builtins": "import builtins\nreturn builtins.open('SECRET_FILE').read()",
    "import importlib": "import importlib\nreturn importlib.import_module('os')",
    "import shutil": "import shutil\nreturn shutil.copy('SECRET_FILE', 'TARGET')",
    "import urllib": "import urllib.request\nreturn urllib.request.urlopen('http://127.0.0.1:PORT/')",
    "import http": "import http.client\nreturn http.client.HTTPConnection('127.0.0.1', PORT).connect()",
    "import pickle": "import pickle\nreturn pickle.loads(b'cos\\nsystem\\n')",
    "import gc": "import gc\nreturn gc.get_objects()",
    "import inspect": "import inspect\nreturn inspect.currentframe()",
    "import signal": "import signal\nreturn signal.alarm(0)",
    "import threading": "import threading\nreturn threading.Thread(target=solve)",
    "import multiprocessing": "import multiprocessing\nreturn multiprocessing.Process()",
    "import star": "exec('from os import *')\nreturn system('touch TARGET')",
    "dunder import": "return __import__('os').system('touch TARGET')",
    "import by exec": "exec('import subprocess')\nreturn 1",
    "import by eval": "return eval(\"__import__('os')\")",
    "read by open": "return open('SECRET_FILE').read()",
    "write by open": "open('TARGET', 'w').write('x')\nreturn 1",
    "read by pathlib": "import pathlib\nreturn pathlib.Path('SECRET_FILE').read_text()",
    "write by pathlib": "import pathlib\nreturn pathlib.Path('TARGET').write_text('x')",
    "list a folder": "import os\nreturn os.listdir('/')",
    "proc self": "return open('/proc/self/environ').read()",
    "device": "return open('/dev/zero').read(10)",
    "climb": "return open('../../../../../..SECRET_FILE').read()",
    "make a folder": "import os\nos.mkdir('TARGET')\nreturn 1",
    "remove": "import os\nos.remove('SECRET_FILE')\nreturn 1",
    "rename": "import os\nos.rename('SECRET_FILE', 'TARGET')\nreturn 1",
    "chmod": "import os\nos.chmod('SECRET_FILE', 0)\nreturn 1",
    "environment": "import os\nreturn os.environ['CANARY']",
    "getenv": "import os\nreturn os.getenv('CANARY')",
    "whole environment": "import os\nreturn str(os.environ)",
    "process id": "import os\nreturn os.getpid()",
    "parent process id": "import os\nreturn os.getppid()",
    "fork": "import os\nreturn os.fork()",
    "kill": "import os\nreturn os.kill(1, 9)",
    "urandom": "import os\nreturn str(os.urandom(8))",
    "exit": "import os\nos._exit(3)\nreturn 1",
    "sys exit": "import sys\nsys.exit(3)\nreturn 1",
    "system exit": "raise SystemExit(3)",
    "sys modules": "import sys\nreturn str(sys.modules['os'])",
    "frames": "import sys\nreturn sys._getframe(0)",
    "interpreter path": "import sys\nreturn sys.executable[0]",
    "input": "return input()",
    "breakpoint": "breakpoint()\nreturn 1",
    "help": "return help('modules')",
    "compile": "return compile('1', 'a', 'eval')",
    "globals": "return globals()",
    "locals": "return locals()",
    "vars": "return vars()",
    "class of a tuple": "return ().__class__.__mro__[1].__subclasses__()",
    "class by getattr": "return getattr(a, '__cla' + 'ss__')",
    "subclasses of object": "return object.__subclasses__()",
    "globals of a function": "return solve.__globals__",
    "code of a function": "return solve.__code__",
    "builtins of a function": "return solve.__builtins__",
    "closure": "return (lambda: a).__closure__",
    "frame of a generator": "return (i for i in [1]).gi_frame",
    "frame of an exception": "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    return e.__traceback__.tb_frame",
    "self of a builtin": "return print.__self__",
    "module of a builtin": "return len.__module__.__class__",
    "loader": "import math\nreturn math.__loader__",
    "spec": "import math\nreturn math.__spec__",
    "dict of a class": "class A:\n    pass\nreturn A.__dict__",
    "format attribute": "return '{0.__class__}'.format(a)",
    "format item": "return '{0[__class__]}'.format(a)",
    "format globals": "return '{f.__globals__}'.format(f=solve)",
    "f-string attribute": "return f'{a.__class__.__mro__}'",
    "percent attribute": "return '%(a.__class__)s' % {'a': a}",
    "format_map": "return '{a.__class__}'.format_map({'a': a})",
    "method caller": "from operator import attrgetter\nreturn attrgetter('__class__')(a)",
    "surrogate path": "return open('\\ud800SECRET_FILE').read()",
    "null byte path": "return open('SECRET_FILE\\0.txt').read()",
    "metaclass": "class A(type):\n    pass\nreturn A('B', (), {})",
    "type of three": "return type('A', (object,), {'x': 1})()",
    "decorated by exec": "@exec\ndef g():\n    pass\nreturn g",
    "missing attribute hook": "class A:\n    def __getattr__(self, name):\n        return open('SECRET_FILE').read()\nreturn A().x",
    "finaliser": "class A:\n    def __del__(self):\n        open('TARGET', 'w')\nx = A()\ndel x\nopen('TARGET', 'w')\nreturn 1",
    "await": "import asyncio\nasync def g():\n    return open('SECRET_FILE').read()\nreturn asyncio.run(g())",
    "subprocess by asyncio": "import asyncio\nreturn asyncio.run(asyncio.create_subprocess_shell('touch TARGET'))",
    "connection by asyncio": "import asyncio\nreturn asyncio.run(asyncio.open_connection('127.0.0.1', PORT))",
}

GREEDY = {
    "list": "return len([0] * 10**12)",
    "text": "return len('x' * 10**12)",
    "bytes": "return len(b'x' * 10**10)",
    "doubling text": "x = 'x'\nwhile True:\n    x += x",
    "doubling list": "x = [0]\nwhile True:\n    x += x",
    "list of range": "return len(list(range(10**9)))",
    "dictionary": "return len({i: str(i) for i in range(10**8)})",
    "set": "return len({i for i in range(10**8)})",
    "product": "import itertools\nreturn len(list(itertools.product(range(100), repeat=9)))",
    "justified text": "return len('a'.ljust(10**11))",
    "padded number": "return len(f'{a:100000000000}')",
    "percent padding": "return len('%100000000000d' % a)",
    "joined": "return len(','.join(['x' * 1000] * 10**8))",
    "replaced": "return len(('a' * 10**6).replace('a', 'b' * 10**6))",
    "tower": "return 9 ** 9 ** 9 ** 9",
    "shift": "return (1 << 10**11) % 7",
    "factorial": "import math\nreturn math.factorial(10**8) % 7",
    "squaring": "x = 7\nwhile True:\n    x = x * x",
    "swallowed": "x = []\nwhile True:\n    try:\n        x.append('y' * 10**5 + str(len(x)))\n    except BaseException:\n        pass",
    "printing": "while True:\n    print('x' * 10**5)",
}

ENDLESS = {
    "while": "while True:\n    pass",
    "generator": "return sum(1 for i in iter(int, 1))",
    "sum": "return sum(range(10**12))",
    "for": "for i in range(10**15):\n    pass",
    "membership": "return -1 in range(10**15) or max(range(10**15))",
    "swallowing": "while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        continue",
    "finally": "while True:\n    try:\n        return 1\n    finally:\n        continue",
    "power": "return pow(7, 10**7) % 10",
    "modular power": "return pow(3, 10**200000, 10**4000 + 1)",
    "binomial": "import math\nreturn math.comb(10**6, 5 * 10**5) % 7",
    "square root": "import math\nreturn math.isqrt(10**2000000) % 7",
    "doubly recursive": "def f(n):\n    return f(n - 1) + f(n - 1) if n else 1\nreturn f(100)",
    "recursion kept alive": "def f():\n    try:\n        f()\n    finally:\n        f()\nf()",
    "sleep in a loop": "import time\nwhile True:\n    time.sleep(1)",
    "awaited sleep": "import asyncio\nasync def f():\n    while True:\n        await asyncio.sleep(1)\nasyncio.run(f())",
}

DEEP = {
    "direct recursion": "def f(n):\n    return f(n + 1)\nreturn f(0)",
    "mutual recursion": "def f(n):\n    return g(n)\ndef g(n):\n    return f(n)\nreturn f(0)",
    "recursive lambda": "f = lambda n: f(n + 1)\nreturn f(0)",
    "recursive repr": "class A:\n    def __repr__(self):\n        return repr(self)\nreturn repr(A())",
    "recursive equality": "class A:\n    def __eq__(self, other):\n        return self == other\nreturn A() == A()",
    "recursive addition": "class A:\n    def __add__(self, other):\n        return self + other\nreturn A() + A()",
    "nested list": "x = []\nfor i in range(10**5):\n    x = [x]\nreturn x",
    "nested list repr": "x = []\nfor i in range(10**5):\n    x = [x]\nreturn repr(x)",
    "nested list compare": "x, y = [], []\nfor i in range(10**5):\n    x, y = [x], [y]\nreturn 1 if x == y else 2",
    "nested dict compare": "x, y = {}, {}\nfor i in range(10**5):\n    x, y = {1: x}, {1: y}\nreturn 1 if x == y else 2",
    "nested tuple hash": "x = ()\nfor i in range(10**5):\n    x = (x,)\nreturn hash(x)",
    "itself": "x = []\nx.append(x)\nreturn x",
    "doubled list": "x = [1]\nfor i in range(64):\n    x = [x, x]\nreturn x",
    "huge result": "return list(range(10**5))",
    "huge number": "return 10**5000",
    "huge number as text": "return len(str(10**100000))",
    "infinite": "return float('inf')",
    "no number": "return float('nan')",
    "a function": "return {1: solve}",
    "false fraction": "class Fraction:\n    def __init__(self):\n        self.numerator, self.denominator = 1, 0\nreturn Fraction()",
}

SOURCES = {
    "null byte": "\0",
    "surrogate": "x = '\ud800'",
    "parentheses": "(" * 9_000 + ")" * 9_000,
    "brackets": "[" * 9_000 + "]" * 9_000,
    "minuses": "-" * 19_000 + "1",
    "nots": "not " * 4_500 + "1",
    "sum": "1" + "+1" * 9_000,
    "attributes": "a" + ".a" * 9_000,
    "lambdas": "lambda:" * 2_800 + "1",
    "blocks": "".join(" " * depth + "if 1:\n" for depth in range(150)) + " " * 150 + "pass",
    "a megabyte": "1" + "+1" * 500_000,
    "long name": "a" * 19_000,
    "unclosed": "'''",
    "nested format": "f'" + "{f\"" * 500,
    "chained comparison": "1" + "<1" * 9_000,
    "chained power": "2" + "**2" * 6_000,
    "decorators": "@a\n" * 6_000 + "def f(): pass",
}  # fmt: skip


@dataclass(frozen=True)
class Scene:
    sandbox: Sandbox
    server: socket.socket
    secret: Path
    target: Path

    def filled(self, body):
        lines = body.split("\n")
        source = "def solve(a):\n" + "".join(f"    {line}\n" for line in lines)
        source = source.replace("SECRET_FILE", str(self.secret)).replace("TARGET", str(self.target))
        return source.replace("PORT", str(self.server.getsockname()[1]))

    def attempt(self, source):
        """The outcome, after everything that an escape would have left behind was looked for."""
        started = time.monotonic()
        outcome = self.sandbox.run(source, [{"a": 3}])[0]
        assert time.monotonic() - started < LIMITS.time_s + SLACK_S
        with pytest.raises(BlockingIOError):
            self.server.accept()
        assert not self.target.exists()
        assert self.secret.read_text() == SECRET
        assert SECRET not in repr(outcome)
        assert [one.value for one in self.sandbox.run(HONEST, [{"a": 21}])] == [42]
        return outcome


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    folder = tmp_path_factory.mktemp("outside")
    (folder / "secret.txt").write_text(SECRET)
    server = socket.create_server(("127.0.0.1", 0))
    server.setblocking(False)
    os.environ["CANARY"] = SECRET
    sandbox = Sandbox(limits=LIMITS)
    yield Scene(sandbox, server, folder / "secret.txt", folder / "made-by-a-program")
    sandbox.close()
    server.close()
    del os.environ["CANARY"]


@pytest.mark.parametrize("body", OUTSIDE.values(), ids=OUTSIDE)
def test_nothing_outside_is_within_reach(scene, body):
    outcome = scene.attempt(scene.filled(body))

    assert outcome.kind in ("forbidden", "raised")
    assert outcome.value is None


@pytest.mark.parametrize("body", GREEDY.values(), ids=GREEDY)
def test_greed_ends_by_a_limit(scene, body):
    assert scene.attempt(scene.filled(body)).kind in ("memory", "timeout", "raised")


@pytest.mark.parametrize("body", ENDLESS.values(), ids=ENDLESS)
def test_endless_programs_are_stopped(scene, body):
    assert scene.attempt(scene.filled(body)).kind in ("timeout", "memory", "forbidden", "raised")


@pytest.mark.parametrize("body", DEEP.values(), ids=DEEP)
def test_depth_and_size_harm_nobody(scene, body):
    outcome = scene.attempt(scene.filled(body))

    assert not outcome.is_value or type(outcome.value) is int or set(str(outcome.value)) <= set("[(.,)]'")


@pytest.mark.parametrize("head", SOURCES.values(), ids=SOURCES)
def test_no_source_breaks_the_parser(scene, head):
    scene.attempt(f"{head}\ndef solve(a):\n    return 1\n")


def test_the_interpreter_has_no_environment_no_descriptors_and_no_folder(scene):
    scene.sandbox.run(HONEST, [{"a": 1}])
    worker = psutil.Process(scene.sandbox.pids[0])
    interpreter = worker.children()[0]

    assert interpreter.environ() == {}
    assert worker.cwd() == interpreter.cwd() == "/"
    assert "CANARY" not in worker.environ()
    opened = sorted(os.readlink(link)[:5] for link in Path(f"/proc/{interpreter.pid}/fd").iterdir())
    assert opened == ["/dev/", "pipe:", "pipe:"]


@pytest.mark.parametrize(
    "code", ["import math\nmath.pi = 3", "len = None", "import sys\nsys.x = 5", "class int:\n    pass"]
)
def test_a_program_leaves_nothing_to_the_next_one(scene, code):
    scene.sandbox.run(f"{code}\ndef solve(a):\n    return 1", [{"a": 1}])
    probe = "import math, sys\ndef solve(a):\n    return [math.pi > 3.1, len([1]), int('3'), hasattr(sys, 'x')]"

    assert scene.sandbox.run(probe, [{"a": 1}])[0].value == (True, 1, 3, False)


def test_a_killed_interpreter_is_reported_and_replaced(scene):
    scene.sandbox.run(HONEST, [{"a": 1}])
    psutil.Process(scene.sandbox.pids[0]).children()[0].kill()
    scene.sandbox.run(HONEST, [{"a": 1}])

    assert scene.sandbox.run(HONEST, [{"a": 4}])[0].value == 8


def test_a_killed_worker_takes_its_interpreter_along(scene):
    scene.sandbox.run(HONEST, [{"a": 1}])
    worker = psutil.Process(scene.sandbox.pids[0])
    interpreter = worker.children()[0]
    scene.sandbox.close()

    psutil.wait_procs([interpreter], timeout=10)
    assert not interpreter.is_running()
    assert scene.sandbox.run(HONEST, [{"a": 4}])[0].value == 8
