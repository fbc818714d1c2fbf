"""Every computer science family against a truth found another way: by running the loops, machines and transfers."""

from fractions import Fraction
from itertools import combinations
from random import Random

import numpy as np
import pytest

from catena.generators.atoms import algorithms, data_and_machines, networks
from catena.generators.atoms.family import Family
from catena.records import Value

MODULES = (algorithms, data_and_machines, networks)
FAMILIES = [family for module in MODULES for family in module.FAMILIES]


def draws(family: Family, count: int = 200) -> list[dict[str, Value]]:
    rng = Random(f"computer science {family.name}")
    kept: list[dict[str, Value]] = []
    while len(kept) < count:
        values = {name: domain.draw(rng) for name, domain in family.parameters.items()}
        if family.constraint is None or family.constraint(**values):
            kept.append(values)
    return kept


def nested_loops(start, outer, inner, step):
    for _ in range(outer):
        for _ in range(inner):
            start += step
    return start


def selection_sort_time(items, cost):
    return sum(cost * (items - 1 - position) for position in range(items))


def recurrence(base, step, depth):
    return base if depth == 0 else recurrence(base, step, depth - 1) + step * depth


def bubble_pass(a, b, c, d, e):
    values = [a, b, c, d, e]
    for left in range(4):
        if values[left] > values[left + 1]:
            values[left], values[left + 1] = values[left + 1], values[left]
    return tuple(values)


def postfix(a, b, c, d):
    stack = []
    for token in f"{a} {b} + {c} * {d} -".split():
        if token.isdigit():
            stack.append(int(token))
        else:
            top, below = stack.pop(), stack.pop()
            stack.append({"+": below + top, "*": below * top, "-": below - top}[token])
    return stack.pop()


def generator(seed, factor, add, modulus):
    for _ in range(2):
        seed = sum([seed] * factor) + add
        while seed >= modulus:
            seed -= modulus
    return seed


def binary(a, b):
    digits, rest = "", a + b
    while rest:
        rest, digit = divmod(rest, 2)
        digits = str(digit) + digits
    return digits


def exclusive_or(a, b):
    return sum(2**bit for bit in range(10) if (a // 2**bit) % 2 != (b // 2**bit) % 2)


def address(base, row, column, columns, width):
    matrix = np.zeros((row + 1, columns), dtype=f"V{width}")
    return base + int(np.dot((row, column), matrix.strides))


def photos_fit(photos, size, capacity):
    for _ in range(photos):
        capacity -= size
    return capacity >= 0


def access_time(hit, percent, penalty):
    return Fraction(sum(hit + penalty if access < percent else hit for access in range(100)), 100)


def download_time(size, rate):
    bits = sum(8 for _ in range(size))
    whole, rest = divmod(bits, rate)
    return whole + Fraction(rest, rate)


def store_and_forward(packets, links, time):
    """A link starts a packet when the packet has arrived and the link is free."""
    free = [0] * links
    for _ in range(packets):
        arrived = 0
        for link in range(links):
            arrived = free[link] = max(arrived, free[link]) + time
    return free[-1]


def speedup(percent, cores):
    serial, parallel = Fraction(100 - percent), [Fraction(percent, cores)] * cores
    return (serial + sum(parallel)) / (serial + max(parallel))


def mesh(routers, price, removed):
    return price * len(list(combinations(range(routers), 2))[removed:])


TRUTHS = {
    "algorithms.nested_loops": nested_loops,
    "algorithms.selection_sort_time": selection_sort_time,
    "algorithms.recurrence_value": recurrence,
    "algorithms.bubble_pass": bubble_pass,
    "algorithms.postfix_value": postfix,
    "algorithms.congruential_generator": generator,
    "data.binary_sum": binary,
    "data.exclusive_or": exclusive_or,
    "data.array_address": address,
    "data.image_size": lambda width, height, depth: np.empty((height, width, depth), dtype=np.uint8).nbytes,
    "data.photos_fit": photos_fit,
    "machines.access_time": access_time,
    "networks.download_time": download_time,
    "networks.store_and_forward": store_and_forward,
    "machines.parallel_speedup": speedup,
    "networks.full_mesh_cost": mesh,
}


def test_every_family_has_a_truth():
    assert {family.name for family in FAMILIES} == set(TRUTHS)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_the_program_agrees_with_a_truth_found_another_way(family):
    for values in draws(family):
        truth, answer = TRUTHS[family.name](**values), family.solve(**values)
        assert answer == truth, values
        assert type(answer) is not float
