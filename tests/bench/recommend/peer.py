"""The implicit package (PyPI), beside which Marquee is measured.

usage: peer.py TRAIN LISTS COUNT

TRAIN holds pairs of profile and title, LISTS is written: both are numbers of 32 bits in little-endian order. Each line of the input is an
order: "choose" tries a few settings of the factorisation on a part of TRAIN and keeps the best, "als" and "bm25" train, "lists" writes the
COUNT best unseen titles of each profile. Each is answered with the seconds that it took.
"""

import itertools
import os
import sys
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import numpy as np
import scipy.sparse as sp
from implicit.als import AlternatingLeastSquares
from implicit.nearest_neighbours import BM25Recommender

FACTORS = [64, 192]
OTHERS = [(0.01, 1.0), (10.0, 1.0), (60.0, 4.0), (10.0, 20.0)]
HELD_OUT = 0.1


def matrix(pairs, shape):
    return sp.csr_matrix((np.ones(len(pairs), dtype=np.float32), (pairs[:, 0], pairs[:, 1])), shape=shape)


def als(factors, regularization, alpha):
    return AlternatingLeastSquares(
        factors=factors, regularization=regularization, alpha=alpha, iterations=15, random_state=1, use_gpu=False
    )


def gain(model, train, test, count):
    """Mean discounted gain of the lists of those of whom something is held out."""
    profiles = np.unique(test.nonzero()[0])
    titles, _ = model.recommend(profiles, train[profiles], N=count)
    discounts = 1 / np.log2(np.arange(2, count + 2))
    sums = []
    for profile, row in zip(profiles, titles):
        relevant = test[profile].indices
        best = discounts[: min(count, len(relevant))].sum()
        sums.append((np.isin(row, relevant) * discounts[: len(row)]).sum() / best)
    return np.mean(sums)


def chosen(watches, count):
    """The settings that do best on a part of what was watched."""
    pairs = np.column_stack(watches.nonzero())
    held = np.random.default_rng(1).random(len(pairs)) < HELD_OUT
    train, test = matrix(pairs[~held], watches.shape), matrix(pairs[held], watches.shape)
    values = {}
    for factors, (regularization, alpha) in itertools.product(FACTORS, OTHERS):
        model = als(factors, regularization, alpha)
        model.fit(train, show_progress=False)
        values[(factors, regularization, alpha)] = gain(model, train, test, count)
    return max(values, key=values.get)


def main():
    train_path, lists_path, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    pairs = np.fromfile(train_path, dtype="<i4").reshape(-1, 2)
    watches = matrix(pairs, pairs.max(axis=0) + 1)
    settings, model = (FACTORS[0], *OTHERS[0]), None
    for order in map(str.strip, sys.stdin):
        begun = time.perf_counter()
        if order == "choose":
            settings = chosen(watches, count)
        elif order == "lists":
            titles, _ = model.recommend(np.arange(watches.shape[0]), watches, N=count)
            titles.astype("<i4").tofile(lists_path)
        else:
            model = als(*settings) if order == "als" else BM25Recommender(K=100)
            model.fit(watches, show_progress=False)
        print(time.perf_counter() - begun, flush=True)


if __name__ == "__main__":
    main()
