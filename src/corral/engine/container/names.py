"""Container names: the rule for those that users give, and names that the engine makes up."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Final

from corral.errors import Conflict, Invalid

__all__ = ["check", "generate"]

_VALID: Final = re.compile(r"/?[a-zA-Z0-9][a-zA-Z0-9_.-]+")

_ADJECTIVES: Final = (
    "agile amber ample austere balmy bold brave breezy brisk bronze calm candid cheerful chilly civil clever coastal "
    "copper cordial cosy crisp curious dapper daring deft dusky dusty eager early earnest easy elated even fair "
    "fearless fleet fond frank free fresh frosty gallant gentle giddy glad golden graceful grand green happy hardy "
    "hazy hearty honest humble ivory jaunty jolly jovial keen kind lively loyal lucid lucky lunar mellow merry mighty "
    "mild misty modest mossy neat nimble noble novel olive open patient placid plucky polite prairie proud quick "
    "quiet rapid ready rested robust rosy rugged rustic sandy serene sharp silent silver sincere sleek smart snowy "
    "sober solar solid spry stable steady stoic sturdy subtle sunny supple swift tall tawny tender thrifty tidy "
    "tranquil trusty upbeat valiant velvet vivid warm wary watchful western wild wise witty zesty"
)

_SURNAMES: Final = (
    "abel agnesi allen anning babbage backus banach banneker barbera bardeen bell berners bhabha blackwell bohr boole "
    "borg bose boyle brahe burnell cannon cantor carson carver cerf chandrasekhar church clarke codd cori cray curie "
    "dantzig darwin davies davy dijkstra dirac easley edison einstein elion engelbart euclid euler faraday fermat "
    "fermi feynman fibonacci floyd fourier franklin galilei galois gauss germain goedel goldberg goodall hamilton "
    "hamming hardy hawking herschel hertz hilbert hoare hodgkin hooke hopper hubble huygens hypatia jackson jacobi "
    "jemison johnson joule karp keller kepler kernighan khorana kilby knuth kovalevskaya lamarr lamport laplace "
    "leavitt leibniz liskov lovelace lumiere maathai maxwell mayer mccarthy mcclintock meitner mendel mirzakhani "
    "morse moser nash neumann newton nightingale nobel noether noyce pascal pasteur pauling payne perlman planck "
    "poincare ptolemy raman ramanujan ride ritchie rubin sagan salk sammet shannon shaw sinoussi snow somerville "
    "steno stevens sutherland swartz tesla tharp thompson torvalds turing vaughan villani volta wescoff wilbur wiles "
    "wilson wing wirth wozniak wu yalow yonath zuse"
)


def check(name: str) -> str:
    """The name without its slash. Raises Invalid with Docker's words."""
    if not _VALID.fullmatch(name):
        raise Invalid(f"Invalid container name ({name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed")
    return name.removeprefix("/")


def generate(is_free: Callable[[str], bool]) -> str:
    """Such as ``brisk_noether``; when chance finds only taken ones, with a number."""
    adjectives, surnames = _ADJECTIVES.split(), _SURNAMES.split()
    for attempt in range(100):
        name = f"{random.choice(adjectives)}_{random.choice(surnames)}"
        if attempt > 5:
            name += str(random.randrange(10 ** (attempt // 10 + 1)))
        if is_free(name):
            return name
    raise Conflict("no free container name was found: name the container")
