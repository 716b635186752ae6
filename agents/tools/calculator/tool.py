"""A calculator that reads an expression itself; nothing is ever evaluated as code.

Whole numbers and fractions are exact (0.1 + 0.2 is 0.3), functions give floating point. No value may need
more than MAX_BITS, checked before it is computed, so that 9**9**9 is refused at once.
"""

import math
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Annotated

from pydantic import Field

from agents.tools import ToolError, tool

MAX_CHARS = 500
#: About 1,200 decimal digits.
MAX_BITS = 4096
#: Brackets and signs inside each other; far below Python's own limit.
MAX_DEPTH = 60

Number = Fraction | float

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?(?![\w.]))"
    r"|(?P<name>[A-Za-z]\w*)|(?P<sign>\*\*|//|[-+*/%^(),]))"
)
_SPELLINGS = str.maketrans("×·÷−–（），＋＝", "**/--(),+=")
_CONSTANTS = {"pi": math.pi, "e": math.e, "tau": math.tau}
_POWER = 5
#: How strongly each operator binds; `**` is read from the right and binds stronger than a sign before it.
_BINDING = {"+": 1, "-": 1, "*": 2, "/": 2, "//": 2, "%": 2, "**": _POWER, "^": _POWER}
_SIGN = 3


class _TooLarge(ToolError):
    def __init__(self) -> None:
        super().__init__(
            f"The result, or a number on the way to it, is too large (more than {MAX_BITS} bits)."
        )


@tool(effect="read_only", timeout=5, default=True)
def calculator(expression: Annotated[str, Field(min_length=1, max_length=MAX_CHARS)]) -> str:
    """Calculate an arithmetic expression exactly.

    Knows + - * / // % ** (or ^), brackets, pi, e, tau, and the functions sqrt, abs, round, floor, ceil, min,
    max, gcd, factorial, exp, ln, log (base 10, or log(x, base)), log2, sin, cos, tan, asin, acos, atan
    (angles in radians), degrees and radians.

    Args:
        expression: For example (12 + 3) * 7 / 2 or sqrt(2) * 10^3.
    """
    return f"{expression.strip()} = {calculate(expression)}"


def calculate(expression: str) -> str:
    """The value of an expression as text, marked with ≈ where it was rounded. Raises ToolError."""
    try:
        return _written(_Reader(expression).all())
    except ZeroDivisionError:
        raise ToolError("This divides by zero.") from None
    except OverflowError:
        raise _TooLarge from None
    except (ValueError, TypeError):
        raise ToolError("A function was given a number that it is not defined for.") from None


class _Reader:
    """Reads from the left, computing as it goes (precedence climbing)."""

    def __init__(self, expression: str) -> None:
        if len(expression) > MAX_CHARS:
            raise ToolError(f"The expression is longer than {MAX_CHARS} characters.")
        text = expression.translate(_SPELLINGS).rstrip().rstrip("=").rstrip()
        self._tokens: list[tuple[str, str]] = []
        place = 0
        while place < len(text):
            found = _TOKEN.match(text, place)
            if not found:
                raise ToolError(
                    f"Cannot read {text[place : place + 20].strip()!r}. Write numbers like 1234.5, without "
                    "separators or units, and operators like + - * / ** ( )."
                )
            self._tokens.append((found.lastgroup or "", found[found.lastgroup or 0]))
            place = found.end()
        self._next = 0
        self._depth = 0

    def all(self) -> Number:
        """The value of the whole expression."""
        value = self._expression(0)
        if self._next < len(self._tokens):
            raise ToolError(f"There is {self._peek()!r} where an operator or the end was expected.")
        return value

    def _expression(self, least: int) -> Number:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ToolError(f"There are more than {MAX_DEPTH} brackets or signs inside each other.")
        left = self._operand()
        while (operator := self._peek()) in _BINDING and _BINDING[operator] >= least:
            self._next += 1
            binding = _BINDING[operator]
            right = self._expression(binding if binding == _POWER else binding + 1)
            left = _checked(_OPERATORS[operator](left, right))
        self._depth -= 1
        return left

    def _operand(self) -> Number:
        if self._next >= len(self._tokens):
            raise ToolError("The expression ends too early: a number is missing.")
        kind, text = self._tokens[self._next]
        self._next += 1
        if kind == "number":
            return _checked(Fraction(text))
        if text in ("+", "-"):
            value = self._expression(_SIGN)
            return -value if text == "-" else value
        if text == "(":
            value = self._expression(0)
            self._expect(")")
            return value
        if kind == "name":
            return self._named(text.lower())
        raise ToolError(f"There is {text!r} where a number was expected.")

    def _named(self, name: str) -> Number:
        if name in _CONSTANTS:
            return _CONSTANTS[name]
        if name not in _FUNCTIONS:
            known = ", ".join((*_CONSTANTS, *_FUNCTIONS))
            raise ToolError(f"There is nothing named {name[:20]!r}. Known are: {known}.")
        self._expect("(")
        arguments = [self._expression(0)]
        while self._peek() == ",":
            self._next += 1
            arguments.append(self._expression(0))
        self._expect(")")
        return _checked(_FUNCTIONS[name](*arguments))

    def _peek(self) -> str:
        return self._tokens[self._next][1] if self._next < len(self._tokens) else ""

    def _expect(self, sign: str) -> None:
        if self._peek() != sign:
            found = f"there is {self._peek()!r}" if self._peek() else "the expression ends"
            raise ToolError(f"A {sign!r} was expected where {found}.")
        self._next += 1


def _checked(value: Number) -> Number:
    if isinstance(value, float):
        if math.isinf(value):
            raise _TooLarge
        if math.isnan(value):
            raise ValueError
    elif max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS:
        raise _TooLarge
    return value


def _power(base: Number, exponent: Number) -> Number:
    if isinstance(base, Fraction) and isinstance(exponent, Fraction) and exponent.denominator == 1:
        times = exponent.numerator
        size = max(base.numerator.bit_length(), base.denominator.bit_length())
        if size > 1 and (size - 1) * abs(times) > MAX_BITS:
            raise _TooLarge
        if size <= 1 and abs(times) > 2:
            # 0, 1 and -1 stay what they are however often they are multiplied: only odd or even matters.
            times = (2 - times % 2) * (1 if times > 0 else -1)
        return base**times
    if base < 0:
        raise ValueError  # It has no real value; Python would give a complex one.
    return math.pow(base, exponent)


def _exact(function: Callable[[Fraction], int]) -> Callable[[Number], Number]:
    return lambda value: Fraction(function(Fraction(value)))


def _whole(value: Number) -> int:
    if Fraction(value).denominator != 1:
        raise ValueError
    return int(value)


def _factorial(value: Number) -> Number:
    number = _whole(value)
    if number > 500:
        raise _TooLarge
    return Fraction(math.factorial(number))


def _root(value: Number) -> Number:
    if isinstance(value, Fraction) and value >= 0:
        above, below = math.isqrt(value.numerator), math.isqrt(value.denominator)
        if above * above == value.numerator and below * below == value.denominator:
            return Fraction(above, below)
    return math.sqrt(value)


def _round(value: Number, digits: Number = Fraction(0)) -> Number:
    places = _whole(digits)
    if abs(places) > 100:
        raise ValueError
    return Fraction(round(Fraction(value), places))


_OPERATORS: dict[str, Callable[[Number, Number], Number]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "//": lambda a, b: Fraction(a // b),
    "%": lambda a, b: a % b,
    "**": _power,
    "^": _power,
}
_FUNCTIONS: dict[str, Callable[..., Number]] = {
    "sqrt": _root,
    "abs": abs,
    "round": _round,
    "floor": _exact(math.floor),
    "ceil": _exact(math.ceil),
    "min": lambda first, *others: min((first, *others)),
    "max": lambda first, *others: max((first, *others)),
    "gcd": lambda *values: Fraction(math.gcd(*map(_whole, values))),
    "factorial": _factorial,
    "exp": math.exp,
    "ln": math.log,
    "log": lambda value, base=Fraction(10): math.log10(value) if base == 10 else math.log(value, base),
    "log2": math.log2,
    "sin": math.sin,
    "cos": math.cos,
    "tan": math.tan,
    "asin": math.asin,
    "acos": math.acos,
    "atan": math.atan,
    "degrees": math.degrees,
    "radians": math.radians,
}


def _written(value: Number) -> str:
    if isinstance(value, Fraction):
        if value.denominator == 1:
            return str(value.numerator)
        for places in range(1, 16):
            if (value * 10**places).denominator == 1:
                return _point(value, places)
    rounded = f"{float(value):.15g}"
    exact = isinstance(value, float) and float(rounded) == value and len(rounded) < 15
    return rounded if exact else f"≈ {rounded}"


def _point(value: Fraction, places: int) -> str:
    """A fraction that ends after `places` decimals, written out in full."""
    digits = str(abs(int(value * 10**places))).rjust(places + 1, "0")
    return f"{'-' if value < 0 else ''}{digits[:-places]}.{digits[-places:]}"
