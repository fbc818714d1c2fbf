"""Bits, memory, storage, networks and machine performance (computer science)."""

from fractions import Fraction

from catena.domains import OneOf, Whole
from catena.generators.atoms.family import Family, exact, say


def _access_time(hit: int, percent: int, penalty: int) -> int | Fraction:
    return exact(Fraction(100 * hit + percent * penalty, 100))


def _fit_steps(photos: int, size: int, capacity: int) -> str:
    verdict = "they fit: true" if photos * size <= capacity else "they do not fit: false"
    return (
        f"The photos take {photos} × {size} = {photos * size} megabytes. Compared with {capacity} megabytes, {verdict}."
    )


FAMILIES: tuple[Family, ...] = (
    Family(
        name="data.binary_sum",
        topic=("computer science", "data representation", "binary numbers"),
        parameters={"a": Whole(5, 300), "b": Whole(5, 300)},
        solve=lambda a, b: f"{a + b:b}",
        injective=("a", "b"),
        steps=lambda a, b: (
            f"The sum is {a} + {b} = {a + b}. Written as a sum of powers of two its digits are {a + b:b}."
        ),
        noun="the binary numeral",
        kind="string",
        wordings=(
            "Add the decimal numbers {a} and {b} and write the sum in binary, without leading zeros.",
            "A register holds {a}. Then {b} is added, both being decimal numbers. Which binary numeral stands for the content now? Leave out leading zeros.",
            "What is the binary representation, with no leading zeros, of the decimal sum {a} + {b}?",
        ),
    ),
    Family(
        name="data.exclusive_or",
        topic=("computer science", "data representation", "bitwise operations"),
        parameters={"a": Whole(17, 400), "b": Whole(17, 400)},
        solve=lambda a, b: a ^ b,
        injective=("a", "b"),
        steps=lambda a, b: (
            f"In binary the numbers are {a:09b} and {b:09b}. They differ in the bits {a ^ b:09b}, which is {a ^ b}."
        ),
        noun="the result of the exclusive or",
        kind="integer",
        wordings=(
            "Compute the bitwise exclusive or of {a} and {b}, as a decimal number.",
            "What decimal number does the expression {a} XOR {b} give, bit by bit?",
            "Write {a} and {b} in binary and set a bit wherever exactly one of the two has it set. Which decimal number results?",
        ),
    ),
    Family(
        name="data.array_address",
        topic=("computer science", "data structures", "arrays in memory"),
        parameters={
            "base": Whole(1000, 9000),
            "row": Whole(2, 40),
            "column": Whole(2, 30),
            "columns": Whole(31, 100),
            "width": OneOf((2, 4, 8)),
        },
        solve=lambda base, row, column, columns, width: base + (row * columns + column) * width,
        injective=("base", "row", "column", "columns", "width"),
        steps=lambda base, row, column, columns, width: (
            f"Before the element lie {row} × {columns} + {column} = {row * columns + column} others. "
            f"The address is {base} + {row * columns + column} × {width} = {base + (row * columns + column) * width}."
        ),
        noun="the address of the element",
        kind="integer",
        level="upper-school",
        wordings=(
            "A matrix with {columns} columns is stored row by row from address {base} on. Every element takes {width} bytes. Rows and columns are counted from zero. What is the address of the element in row {row} and column {column}?",
            "Elements of {width} bytes each form a table in row-major order that begins at address {base}; a row has {columns} of them. Find the address of the entry with row index {row} and column index {column}, where indices begin with zero.",
            "At which address does the entry in row {row}, column {column} lie, both counted from zero, if the array starts at address {base}, is stored by rows of {columns} entries, and an entry occupies {width} bytes?",
        ),
    ),
    Family(
        name="data.image_size",
        topic=("computer science", "data representation", "images"),
        parameters={"width": Whole(16, 1920), "height": Whole(16, 1080), "depth": Whole(2, 8)},
        solve=lambda width, height, depth: width * height * depth,
        injective=("width", "height", "depth"),
        steps=lambda width, height, depth: (
            f"The image has {width} × {height} = {width * height} pixels. "
            f"They take {width * height} × {depth} = {width * height * depth} bytes."
        ),
        noun="the size of the image in bytes",
        kind="integer",
        unit="byte",
        wordings=(
            "An uncompressed image is {width} pixels wide and {height} pixels high. Each pixel takes {depth} bytes. How many bytes does the image take?",
            "With {depth} bytes for every pixel, what is the size in bytes of a raw picture of {width} by {height} pixels?",
            "A camera stores {height} rows of {width} pixels without compression, and {depth} bytes for each pixel. Find the number of bytes stored for one image.",
        ),
    ),
    Family(
        name="data.photos_fit",
        topic=("computer science", "computer systems", "storage"),
        parameters={"photos": Whole(20, 900), "size": Whole(2, 12), "capacity": Whole(400, 6000)},
        solve=lambda photos, size, capacity: photos * size <= capacity,
        steps=_fit_steps,
        noun="whether the photos fit",
        kind="boolean",
        wordings=(
            "Do {photos} photos of {size} megabytes each fit on a card with {capacity} free megabytes? Answer true or false.",
            "A memory card has {capacity} megabytes left. True or false: it can take another {photos} pictures, which have {size} megabytes each.",
            "Every photo needs {size} megabytes. Decide whether {capacity} megabytes of storage are enough for {photos} photos. Answer true or false.",
        ),
    ),
    Family(
        name="machines.access_time",
        topic=("computer science", "computer systems", "caches"),
        parameters={"hit": Whole(2, 12), "percent": Whole(2, 30), "penalty": Whole(40, 300)},
        solve=_access_time,
        injective=("hit", "percent", "penalty"),
        steps=lambda hit, percent, penalty: (
            f"Misses add {percent} percent of {penalty}, or {say(_access_time(0, percent, penalty))} nanoseconds, on average. "
            f"With the {hit} nanoseconds that are always spent this makes {say(_access_time(hit, percent, penalty))} nanoseconds."
        ),
        noun="the average access time in nanoseconds",
        kind="rational",
        unit="ns",
        level="university",
        wordings=(
            "Looking into a cache takes {hit} nanoseconds. In {percent} percent of all accesses the datum is missing, which costs another {penalty} nanoseconds. What is the average access time in nanoseconds?",
            "A cache with a miss rate of {percent} percent answers in {hit} nanoseconds, and a miss adds a penalty of {penalty} nanoseconds. Find the mean time of an access in nanoseconds.",
            "How many nanoseconds does a memory access take on average, if every access needs {hit} nanoseconds for the cache and {percent} percent of the accesses need {penalty} nanoseconds more for the main memory?",
        ),
    ),
)
