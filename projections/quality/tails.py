"""The tail of a waiting time whose rate is itself estimated."""

from __future__ import annotations

from math import exp, lgamma, log, log1p

_TINY = 1e-300
_PRECISION = 1e-12
_MOST_STEPS = 10_000


def gap_tail(waited: float, gaps: float, total: float, regularity: float) -> float:
    """P(gap ≥ `waited`) after `gaps` earlier gaps that took `total` together, all in the same unit.

    Gaps are Gamma distributed with shape k = `regularity`, their rate unknown: rate ~ Gamma(r + kx, α + t) after x gaps
    that took t, here with r = k, α = 1, as if one gap of length 1 had been seen before. Then gap / (α + t) has a beta
    prime distribution, so P = I_z(r + kx, k) with z = (α + t) / (α + t + waited). With k = 1 it is that of Lomax.

    Sources: Fader, Hardie and Lee, "Counting Your Customers the Easy Way", Marketing Science 24 (2005), for the Gamma
    mixture; Platzer and Reutterer, "Ticking Away the Moments", Marketing Science 35 (2016), for Gamma gaps.
    """
    seen = 1 + total
    return incomplete_beta(regularity * (1 + gaps), regularity, seen / (seen + waited))


def incomplete_beta(a: float, b: float, x: float) -> float:
    """I_x(a, b), the regularised incomplete beta function, by its continued fraction (DLMF 8.17.22)."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1 - incomplete_beta(b, a, 1 - x)
    front = lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x)
    return min(exp(front) / (a * _continued(a, b, x)), 1.0)


def _continued(a: float, b: float, x: float) -> float:
    """1 + d1/(1 + d2/(1 + …)) by the method of Lentz."""
    value, numerator, denominator = 1.0, 1.0, 0.0
    for step in range(1, _MOST_STEPS):
        half = step // 2
        if step % 2:
            term = -(a + half) * (a + b + half) * x / ((a + 2 * half) * (a + 2 * half + 1))
        else:
            term = half * (b - half) * x / ((a + 2 * half - 1) * (a + 2 * half))
        denominator = 1 / _away_from_zero(1 + term * denominator)
        numerator = _away_from_zero(1 + term / numerator)
        value *= numerator * denominator
        if abs(numerator * denominator - 1) < _PRECISION:
            break
    return value


def _away_from_zero(number: float) -> float:
    return number if abs(number) > _TINY else _TINY
