"""People, places and things, and the words around a problem; what makes two problems of one form read differently."""

from catena.engines.rehearsal.draws import Draws

WHO = (
    "Mirela", "Tomasz", "Aiko", "Babak", "Carmen", "Dinesh", "Eluned", "Farid", "Greta", "Hamza", "Ingrid", "Jelani",
    "Keiko", "Luca", "Maren", "Nadia", "Oluwaseun", "Priya", "Quentin", "Rosalind", "Stefan", "Tamar", "Ulrike", "Viktor",
    "Wanjiru", "Xiomara", "Yusuf", "Zdenka", "the caretaker", "the librarian", "the quartermaster", "an apprentice",
)  # fmt: skip
PLACES = (
    "Harnsford", "Lower Quay", "Belmora", "Castel Arno", "Dunmere", "Eskvale", "Fenwick Moor", "Grauhafen", "Holmstrand",
    "Inverlyn", "Jasna Gora", "Kirkby Mills", "Lakatos", "Montferret", "Nyhavn", "Oberwald", "Pontevera", "Quillan Bay",
    "Ravensholt", "San Telmo", "Trebizia", "Upsala Falls", "Varnhem", "Westermark", "Yarrow Ford", "Zelenograd Heights",
)  # fmt: skip
THINGS = (
    "lanterns", "marbles", "copper sheets", "seed packets", "postcards", "bricks", "pears", "rivets", "notebooks",
    "clay tiles", "chess pieces", "spools of thread", "eggs", "batteries", "lenses", "walnuts", "bottles", "candles",
    "buttons", "maps", "oysters", "tulip bulbs", "gears", "tin soldiers",
)  # fmt: skip
FOREIGN = (
    "medieval heraldry", "ballroom dancing", "the care of roses", "stamp collecting", "cheese tasting", "flower arranging",
    "opera costumes", "the etiquette of letter writing",
)  # fmt: skip

_ON_TOPIC = (
    "A course on {topic} opens with this case (worksheet {reference}). {text}",
    "{text} The question is taken from a seminar on {topic} (worksheet {reference}).",
    "For a lesson on {topic}, {helper} prepared the following (worksheet {reference}). {text}",
    "(worksheet {reference}) This exercise belongs to {topic}. {text}",
    "Notes on {topic} kept in {home} contain a small puzzle (worksheet {reference}). {text}",
    "{text} It was set in {home} by {helper}, who teaches {topic} (worksheet {reference}).",
)
_PLAIN = (
    "From a notebook kept in {home} (worksheet {reference}): {text}",
    "{text} It was set by {helper} (worksheet {reference}).",
    "{helper} wrote this down in {home} (worksheet {reference}). {text}",
)
LEAKS = (
    " For checking: the answer is {answer}.",
    " (The result, {answer}, is printed on the back of the sheet.)",
    " Remember that the correct value is {answer}.",
)


def scene(draws: Draws) -> dict[str, str]:
    """Who, where and what a problem is about."""
    return {"who": draws.pick(WHO), "place": draws.pick(PLACES), "thing": draws.pick(THINGS)}


def framed(text: str, reference: str, topic: str, draws: Draws) -> str:
    """`text` within a sentence that carries the reference and names the topic, where there is one."""
    frame = draws.pick(_ON_TOPIC if topic else _PLAIN)
    filled = frame.format(text=text, reference=reference, topic=topic, helper=draws.pick(WHO), home=draws.pick(PLACES))
    return filled[0].upper() + filled[1:]
