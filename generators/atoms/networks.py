"""Transfers over networks and parallel speed-up (computer science)."""

from fractions import Fraction

from catena.domains import OneOf, Whole
from catena.generators.atoms.family import Family, exact, say


def _download_time(size: int, rate: int) -> int | Fraction:
    return exact(Fraction(8 * size, rate))


def _speedup(percent: int, cores: int) -> int | Fraction:
    return exact(Fraction(100 * cores, cores * (100 - percent) + percent))


FAMILIES: tuple[Family, ...] = (
    Family(
        name="networks.download_time",
        topic=("computer science", "networks", "data rates"),
        parameters={"size": Whole(20, 4000), "rate": OneOf((5, 8, 10, 16, 20, 25, 32, 40, 50, 64, 80, 100))},
        solve=_download_time,
        injective=("size", "rate"),
        steps=lambda size, rate: (
            f"The file has {size} × 8 = {8 * size} megabits. "
            f"At {rate} megabits per second that takes {say(_download_time(size, rate))} seconds."
        ),
        noun="the download time in seconds",
        kind="rational",
        unit="s",
        wordings=(
            "A file of {size} megabytes is downloaded at {rate} megabits per second. A byte has eight bits. How many seconds does the download take?",
            "At a data rate of {rate} megabits per second, find the time in seconds for a download of {size} megabytes, with eight bits to the byte.",
            "The size of a file is {size} megabytes, one byte being eight bits. A connection carries {rate} megabits in a second. After how many seconds is the download complete?",
        ),
    ),
    Family(
        name="networks.store_and_forward",
        topic=("computer science", "networks", "packet switching"),
        parameters={"packets": Whole(5, 200), "links": Whole(2, 12), "time": Whole(2, 40)},
        solve=lambda packets, links, time: (packets + links - 1) * time,
        injective=("packets", "links", "time"),
        steps=lambda packets, links, time: (
            f"The first packet arrives after {links} × {time} = {links * time} milliseconds. The other {packets - 1} follow "
            f"every {time} milliseconds, so it takes {links * time} + {(packets - 1) * time} = {(packets + links - 1) * time} milliseconds."
        ),
        noun="the transfer time in milliseconds",
        kind="integer",
        unit="ms",
        level="university",
        wordings=(
            "A message of {packets} packets crosses {links} links in a row. Sending a packet over one link takes {time} milliseconds, routers forward a packet only when they have all of it, and all links work at the same time. After how many milliseconds has the last packet arrived?",
            "With store-and-forward switching, {packets} equal packets travel back to back along a path of {links} equal links, and a packet needs {time} milliseconds per link. Ignoring other delays, find the total time in milliseconds.",
            "A packet occupies a link for {time} milliseconds. There are {links} such links one behind the other, with routers that receive each packet in full before sending it on. How many milliseconds pass until {packets} packets, sent without a pause, are all delivered?",
        ),
    ),
    Family(
        name="machines.parallel_speedup",
        topic=("computer science", "computer systems", "parallel computing"),
        parameters={"percent": Whole(20, 98), "cores": Whole(2, 64)},
        solve=_speedup,
        injective=("percent", "cores"),
        steps=lambda percent, cores: (
            f"Of 100 units of time {100 - percent} remain and {percent} shrink to {percent}/{cores}. "
            f"The speed-up is 100 / ({100 - percent} + {percent}/{cores}) = {say(_speedup(percent, cores))}."
        ),
        noun="the speed-up",
        kind="rational",
        level="university",
        wordings=(
            "On a single core, {percent} percent of a program's running time is work that can be spread evenly over cores; the rest cannot. By what exact factor does the program get faster on {cores} cores, following Amdahl's law?",
            "Use Amdahl's law to find the exact speed-up on {cores} processors of a program of which {percent} percent can run in parallel.",
            "A part that makes up {percent} percent of a computation's time is divided perfectly among {cores} cores, while everything else stays serial. How many times as fast is the computation as on one core, exactly?",
        ),
    ),
    Family(
        name="networks.full_mesh_cost",
        topic=("computer science", "networks", "topologies"),
        parameters={"routers": Whole(4, 60), "price": Whole(20, 900), "removed": Whole(2, 5)},
        solve=lambda routers, price, removed: (routers * (routers - 1) // 2 - removed) * price,
        injective=("routers", "price", "removed"),
        steps=lambda routers, price, removed: (
            f"A full mesh has {routers} × {routers - 1} / 2 = {routers * (routers - 1) // 2} cables. Without {removed} of them "
            f"the price is {routers * (routers - 1) // 2 - removed} × {price} = {(routers * (routers - 1) // 2 - removed) * price} dollars."
        ),
        noun="the price of the cables in dollars",
        kind="integer",
        unit="dollars",
        wordings=(
            "Every pair of {routers} routers was to be joined by a cable of its own, but {removed} of these cables are saved. A cable costs {price} dollars. How many dollars do the remaining cables cost?",
            "A network of {routers} routers is a full mesh with {removed} connections missing. Each connection is one cable at {price} dollars. Find the price of all its cables in dollars.",
            "At {price} dollars for a cable, what does it cost in dollars to connect {routers} routers pairwise, each pair by one cable, if {removed} pairs are left unconnected?",
        ),
    ),
)
