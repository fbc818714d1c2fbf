"""Inheritance, populations of genes, DNA and proteins (biology / genetics, molecular biology)."""

from catena.domains import Whole
from catena.generators.atoms.family import Family


def _parental_steps(offspring: int, percent: int) -> str:
    return (
        f"{percent} percent of the offspring are recombinant, so 100 - {percent} = {100 - percent} percent are not: "
        f"{offspring} × {100 - percent} / 100 = {offspring * (100 - percent) // 100}."
    )


def _carriers_steps(population: int, percent: int) -> str:
    share = 2 * percent * (100 - percent)
    return (
        f"The allele frequencies are {percent} and {100 - percent} percent, and carriers make up "
        f"2 × {percent} × {100 - percent} = {share} in 10000. That is {population} × {share} / 10000 = {population * share // 10_000}."
    )


def _bonds_steps(pairs: int, adenine: int) -> str:
    others = pairs - adenine
    return (
        f"Each adenine sits in a pair with two bonds; the other {pairs} - {adenine} = {others} pairs have three. "
        f"The sum is 2 × {adenine} + 3 × {others} = {2 * adenine + 3 * others}."
    )


def _protein_steps(chains: int, residues: int, average: int) -> str:
    free, water = residues * average, 18 * (residues - 1)
    return (
        f"In one chain {residues} × {average} = {free} lose water at {residues - 1} bonds, 18 × {residues - 1} = {water}, "
        f"leaving {free - water}. In all {chains} × {free - water} = {chains * (free - water)} g/mol."
    )


FAMILIES: tuple[Family, ...] = (
    Family(
        name="genetics.parental_offspring_of_test_cross",
        topic=("biology", "genetics", "linkage and recombination"),
        parameters={"offspring": Whole(100, 20_000, 100), "percent": Whole(2, 48)},
        solve=lambda offspring, percent: offspring * (100 - percent) // 100,
        injective=("offspring", "percent"),
        steps=_parental_steps,
        noun="the number of offspring with a parental combination",
        kind="integer",
        level="upper-school",
        wordings=(
            "Two linked genes of the fruit fly recombine in {percent} percent of the gametes. A doubly heterozygous female is test-crossed and {offspring} offspring are counted. How many are expected to show one of the two parental combinations of traits?",
            "A test cross for two linked genes yields {offspring} plants. The recombination frequency is {percent} percent. What is the expected number of plants that are not recombinant?",
            "In maize, crossing over separates two genes so that {percent} percent of the offspring of a test cross are recombinant. Out of {offspring} offspring, how many should keep a combination of traits found in the parents?",
        ),
    ),
    Family(
        name="genetics.carriers_in_population",
        topic=("biology", "genetics", "Hardy-Weinberg equilibrium"),
        parameters={"population": Whole(5000, 500_000, 5000), "percent": Whole(2, 49)},
        solve=lambda population, percent: population * 2 * percent * (100 - percent) // 10_000,
        injective=("population", "percent"),
        steps=_carriers_steps,
        noun="the number of carriers",
        kind="integer",
        level="upper-school",
        wordings=(
            "In a population of {population} people in Hardy-Weinberg equilibrium, a recessive allele has a frequency of {percent} percent. How many people are expected to be heterozygous carriers?",
            "A gene has two alleles, and the recessive one makes up {percent} percent of all copies. Mating is random. Among {population} animals, what is the expected number of heterozygotes?",
            "Assume Hardy-Weinberg proportions. If {percent} percent of the alleles at a locus are the recessive form, how many of {population} individuals carry exactly one copy of it, on expectation?",
        ),
    ),
    Family(
        name="molecular_biology.hydrogen_bonds_in_dna",
        topic=("biology", "molecular biology", "structure of DNA"),
        parameters={"pairs": Whole(200, 500), "adenine": Whole(60, 190)},
        solve=lambda pairs, adenine: 3 * pairs - adenine,
        injective=("pairs", "adenine"),
        steps=_bonds_steps,
        noun="the number of hydrogen bonds",
        kind="integer",
        wordings=(
            "A piece of double-stranded DNA has {pairs} base pairs and contains {adenine} adenine bases in all. Adenine pairs with thymine by two hydrogen bonds, guanine with cytosine by three. How many hydrogen bonds hold the strands together?",
            "Adenine-thymine pairs have two hydrogen bonds and guanine-cytosine pairs have three. Find the total number of hydrogen bonds in a double helix of {pairs} base pairs whose two strands together have {adenine} adenines.",
            "Counting both strands, {adenine} of the bases in a double-stranded fragment are adenine. The fragment is {pairs} base pairs long. How many hydrogen bonds between bases does it have, at two for adenine with thymine and three for guanine with cytosine?",
        ),
    ),
    Family(
        name="molecular_biology.mass_of_protein",
        topic=("biology", "molecular biology", "proteins"),
        parameters={"chains": Whole(2, 12), "residues": Whole(20, 600), "average": Whole(120, 150)},
        solve=lambda chains, residues, average: chains * (residues * average - 18 * (residues - 1)),
        injective=("chains", "residues", "average"),
        steps=_protein_steps,
        noun="the molar mass of the protein in grams per mole",
        kind="integer",
        unit="g/mol",
        level="upper-school",
        wordings=(
            "A protein consists of {chains} separate polypeptide chains of {residues} amino acids each. Free amino acids weigh {average} grams per mole on average, and each peptide bond formed releases water of 18 grams per mole. What is the molar mass of the protein in grams per mole?",
            "Linking amino acids to an unbranched chain splits off one water molecule, 18 grams per mole, at every bond. With an average of {average} grams per mole before linking, find the molar mass, in grams per mole, of a complex of {chains} chains that each contain {residues} amino acids.",
            "Each of the {chains} linear chains in an enzyme is assembled from {residues} amino acids with a mean molar mass of {average} grams per mole. Allowing for the loss of 18 grams per mole of water per peptide bond, how many grams per mole does the enzyme weigh?",
        ),
    ),
)
