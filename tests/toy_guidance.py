"""Exact classifier guidance of small problems, by enumeration (D-CBG, arXiv 2412.10193, section 3.2).

Predictors come in pairs: `of` is a sum over tables in numpy float64, over states z; `log_prob` is the network
that guidance is given, over soft tokens w.
"""

import itertools

import numpy as np
import torch
from toy import MASKED


def sharp(problem, seed=0, share=0.3):
    """A goal (X,) that every sequence meets or does not."""
    chance = np.random.default_rng(seed).random(len(problem.p))
    return (chance <= np.quantile(chance, share)).astype(float)


# Predictors


class Bayes:
    """p(goal | z) of the problem itself; over soft tokens, w_i are likelihoods of what stands at i."""

    def __init__(self, problem, goal):
        self.problem, self.goal = problem, goal
        self.rows, self.largest = 0, 0

    def of(self, z, level=None):
        """p(goal | z), (R,), of states (R, L, K)."""
        return (self.problem.joint_oracle @ self.goal)[self.problem.number(z)]

    def likelihood(self, w, t):
        return w

    def log_prob(self, w, visible, low, high, t=None):
        self.rows, self.largest = self.rows + len(w), max(self.largest, len(w))
        w = self.likelihood(w.double(), t)
        weight = torch.tensor(self.problem.p).expand(len(w), -1)
        for i in range(self.problem.L):
            weight = weight * w[:, i, self.problem.sequences[:, i]]
        return (weight @ torch.tensor(self.goal)).log() - weight.sum(-1).log()


class Noisy(Bayes):
    """The same under uniform noise of a level: q(v | x0) = alpha [v = x0] + (1 - alpha) / C."""

    def of(self, z, level=None):
        noise = (1 - level) * np.eye(self.problem.C) + level / self.problem.C  # (x0, v)
        weight = np.tile(self.problem.p, (len(z), 1))
        for i in range(self.problem.L):
            weight *= noise[self.problem.sequences[:, i]][:, z[:, i, 0]].T
        return weight @ self.goal / weight.sum(1)

    def likelihood(self, w, t):
        alpha = (1 - t.double())[:, None, None]
        return alpha * w + (1 - alpha) / self.problem.C


class Linear:
    """log p = sum of a_iv w_iv; `seen` makes it stronger where more digits of a token are seen."""

    def __init__(self, problem, seen=0.0, seed=0):
        self.problem, self.seen = problem, seen
        self.slopes = np.random.default_rng(seed).normal(size=(problem.L, problem.C))

    def of(self, z, level=None):
        digits = np.moveaxis(self.problem.codes, 0, 1)  # (K, C)
        allowed = ((z[..., None] == MASKED) | (z[..., None] == digits)).all(2)
        w = allowed / allowed.sum(-1, keepdims=True)
        strength = 1 + self.seen * (z != MASKED).mean(-1)
        return np.exp(((w * self.slopes).sum(-1) * strength).sum(1))

    def log_prob(self, w, visible, low, high, t=None):
        found = (w * torch.tensor(self.slopes)).sum(-1) * (1 + self.seen * visible)
        return found.sum(1)


# Laws


def chances(problem, predictor, z, level=None):
    """p(goal | z with the token v at i), (R, L, C), for states z (R, L, K)."""
    found = np.zeros((*z.shape[:2], problem.C))
    for i, v in itertools.product(range(problem.L), range(problem.C)):
        filled = z.copy()
        filled[:, i] = problem.codes[v]
        allowed = ((z[:, i] == MASKED) | (z[:, i] == problem.codes[v])).all(-1) | (level is not None)
        found[allowed, i, v] = predictor.of(filled[allowed], level)
    return found


def weighted(base, chance, gamma):
    """base x chance^gamma, normalised over tokens; base where that is nothing."""
    law = base * chance**gamma
    total = law.sum(-1, keepdims=True)
    return np.where(total > 0, law / np.where(total > 0, total, 1.0), base)


def likeliest(base, k):
    """1 at the k tokens with the most mass, else 0."""
    order = np.argsort(np.argsort(-base, axis=-1, kind="stable"), axis=-1)
    return (order < k).astype(float)
