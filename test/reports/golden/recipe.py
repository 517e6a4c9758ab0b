"""Golden values for the statistics tests, from first principles and the standard library only.

Run:  python3 test/reports/golden/recipe.py > test/reports/golden/statistics.json
"""
import itertools
import json
import math
from fractions import Fraction

SKEWED = [4.1, 4.3, 3.9, 4.2, 9.7, 4.0, 4.4]
SLOWER = [6.2, 5.9, 6.4, 6.0, 6.1, 13.5, 6.3]
FIVE = [1.5, 2.5, 0.5, 7.25, 3.0]
TIED_A = [3, 3, 4, 5, 7, 7, 8, 9]
TIED_B = [1, 2, 3, 4, 4, 5, 5, 6, 7]
WILD = [10, 11, 12, 11, 10, 12, 11, 15, 30, 11, 5]


def type7(values, p):
    """Hyndman and Fan's definition 7: linear between ranks 1 + (n - 1) p."""
    ordered = sorted(Fraction(str(v)) for v in values)
    position = (len(ordered) - 1) * Fraction(str(p))
    low = math.floor(position)
    high = min(low + 1, len(ordered) - 1)
    return float(ordered[low] + (position - low) * (ordered[high] - ordered[low]))


def pairs_above(a, b):
    return sum(1.0 if x > y else 0.5 if x == y else 0.0 for x in a for y in b)


def exact_p(a, b):
    """Every way to choose which of the pooled values belong to a; none may be tied."""
    pooled = sorted(a + b)
    assert len(set(pooled)) == len(pooled)
    middle = len(a) * len(b) / 2
    observed = abs(pairs_above(a, b) - middle)
    as_far = total = 0
    for chosen in itertools.combinations(range(len(pooled)), len(a)):
        inside = [pooled[i] for i in chosen]
        outside = [pooled[i] for i in range(len(pooled)) if i not in chosen]
        total += 1
        as_far += abs(pairs_above(inside, outside) - middle) >= observed
    return as_far / total


def normal_p(a, b):
    """Mean and variance of U over all assignments of the pooled ranks, then the normal tail."""
    n, m = len(a), len(b)
    pooled = a + b
    ranks = [sum(y < x for y in pooled) + (1 + sum(y == x for y in pooled)) / 2 for x in pooled]
    mean_rank = sum(ranks) / (n + m)
    spread = sum((r - mean_rank) ** 2 for r in ranks) / (n + m - 1)
    variance = spread * n * m / (n + m)  # of a sum of n ranks drawn without replacement
    distance = max(0.0, abs(pairs_above(a, b) - n * m / 2) - 0.5)
    return math.erfc(distance / math.sqrt(variance) / math.sqrt(2))


def median_probabilities(values):
    """Exact distribution of the median of a resample of an odd number of values."""
    ordered = sorted(values)
    n = len(ordered)
    middle = n // 2 + 1

    def at_most(j):  # at least `middle` of n draws fall among the j smallest
        share = Fraction(j, n)
        return sum(math.comb(n, k) * share**k * (1 - share) ** (n - k) for k in range(middle, n + 1))

    return [(v, float(at_most(j + 1) - at_most(j))) for j, v in enumerate(ordered)]


def level_of(outcomes, p):
    """Smallest outcome whose cumulative probability reaches p."""
    total = 0.0
    for value, probability in sorted(outcomes):
        total += probability
        if total >= p - 1e-12:
            return value
    return outcomes[-1][0]


def median_interval(values):
    outcomes = median_probabilities(values)
    return [level_of(outcomes, 0.025), level_of(outcomes, 0.975)]


def ratio_ends(a, b):
    """Exact bootstrap quantiles around both ends: the ends of 2,000 resamples lie within 4 standard
    errors of the level, sqrt(0.025 * 0.975 / 2000) = 0.0035."""
    outcomes = [
        (x / y, p * q) for x, p in median_probabilities(a) for y, q in median_probabilities(b)
    ]
    error = 4 * math.sqrt(0.025 * 0.975 / 2000)
    return {
        "lo": [level_of(outcomes, 0.025 - error), level_of(outcomes, 0.025 + error)],
        "hi": [level_of(outcomes, 0.975 - error), level_of(outcomes, 0.975 + error)],
    }


def slope(points):
    xs = [math.log(p) for p, _ in points]
    ys = [math.log(type7(v, 0.5)) for _, v in points]
    mx, my = sum(xs) / len(xs), sum(ys) / len(ys)
    return sum((x - mx) * (y - my) for x, y in zip(xs, ys)) / sum((x - mx) ** 2 for x in xs)


def fences(values):
    q1, q3 = type7(values, 0.25), type7(values, 0.75)
    beyond = lambda k: sum(v < q1 - k * (q3 - q1) or v > q3 + k * (q3 - q1) for v in values)
    return {"mild": beyond(1.5) - beyond(3), "severe": beyond(3)}


GROWTH = [[1000, [5.1, 5.0, 5.4]], [10000, [49, 51, 52]], [100000, [600, 580, 640]]]
SEPARATED = [[1, 2, 3], [4, 5, 6]]

print(
    json.dumps(
        {
            "quantiles": [
                {"values": v, "p": p, "expected": type7(v, p)}
                for v in (SKEWED, FIVE, WILD)
                for p in (0, 0.1, 0.25, 0.5, 0.9, 0.999, 1)
            ],
            "medianIntervals": [
                {"values": v, "expected": median_interval(v)} for v in (SKEWED, SLOWER, WILD)
            ],
            "ratio": {
                "candidate": SLOWER,
                "baseline": SKEWED,
                "expected": type7(SLOWER, 0.5) / type7(SKEWED, 0.5),
                "ends": ratio_ends(SLOWER, SKEWED),
            },
            "exact": [
                {"a": a, "b": b, "u": pairs_above(a, b), "p": exact_p(a, b)}
                for a, b in (
                    (SKEWED, SLOWER),
                    (FIVE, SLOWER),
                    (FIVE, [0.7, 2.6, 3.1, 9.0, 0.1, 2.7]),
                    SEPARATED,
                    ([5.0], [1.0, 2.0, 9.0]),
                )
            ],
            "normal": [
                {"a": a, "b": b, "u": pairs_above(a, b), "p": normal_p(a, b)}
                for a, b in (
                    (TIED_A, TIED_B),
                    (TIED_B, TIED_A),
                    (list(range(0, 60, 2)), list(range(15, 75, 3))),
                    (list(range(30)), list(range(100, 130))),
                )
            ],
            "shift": {"a": SLOWER, "b": FIVE, "expected": type7([x - y for x in SLOWER for y in FIVE], 0.5)},
            "growth": {"points": GROWTH, "expected": slope(GROWTH)},
            "outliers": [{"values": v, "expected": fences(v)} for v in (SKEWED, FIVE, WILD)],
        },
        indent=1,
    )
)
