"""Words as numbers, and documents as rows of a sparse matrix."""

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Matrix: TypeAlias = Any  # scipy.sparse.csr_matrix, which has no types
Floats = NDArray[np.float32]


class Vocabulary:
    """Words of the item master; a word it has not seen is counted, not stored."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._ids)

    def rows(self, documents: Iterable[Sequence[str]], *, grow: bool) -> tuple[Matrix, Floats]:
        """(binary matrix, how many words of each document are unknown)."""
        ids, pointer, columns, unknown = self._ids, [0], [], []
        for words in documents:
            missing = 0
            for w in words:
                n = ids.get(w)
                if n is None:
                    if not grow:
                        missing += 1
                        continue
                    n = ids[w] = len(ids)
                columns.append(n)
            pointer.append(len(columns))
            unknown.append(missing)
        matrix = sparse.csr_matrix(
            (
                np.ones(len(columns), np.float32),
                np.asarray(columns, np.int32),
                np.asarray(pointer, np.int32),
            ),
            shape=(len(pointer) - 1, max(len(ids), 1)),
        )
        matrix.sort_indices()
        return matrix, np.asarray(unknown, np.float32)


def widen(matrix: Matrix, columns: int) -> Matrix:
    """The same rows with room for more columns."""
    if matrix.shape[1] >= columns:
        return matrix
    return sparse.csr_matrix(
        (matrix.data, matrix.indices, matrix.indptr), shape=(matrix.shape[0], columns)
    )


def inverse_frequency(matrix: Matrix) -> Floats:
    """BM25's idf of each column, never below a small positive weight."""
    count = np.bincount(matrix.indices, minlength=matrix.shape[1]).astype(np.float32)
    total = matrix.shape[0]
    rarity: Floats = np.log1p((total - count + 0.5) / (count + 0.5)).astype(np.float32)
    return np.maximum(rarity, np.float32(0.05))


def scaled(matrix: Matrix, weights: Floats) -> Matrix:
    """Each column times its weight."""
    return sparse.csr_matrix(
        (matrix.data * weights[matrix.indices], matrix.indices, matrix.indptr), shape=matrix.shape
    )


def bm25(matrix: Matrix, idf: Floats, *, k: float = 1.2, b: float = 0.5) -> Matrix:
    """Weights of a binary matrix: rare words count more, long titles less."""
    lengths = np.diff(matrix.indptr).astype(np.float32)
    mean = float(lengths.mean()) if len(lengths) else 1.0
    norm = (k + 1) / (1 + k * (1 - b + b * lengths / max(mean, 1e-6)))
    data = idf[matrix.indices] * np.repeat(norm.astype(np.float32), np.diff(matrix.indptr))
    return sparse.csr_matrix((data, matrix.indices, matrix.indptr), shape=matrix.shape)


def row_sums(matrix: Matrix) -> Floats:
    return np.asarray(matrix.sum(axis=1), np.float32).ravel()


def row_max(matrix: Matrix) -> Floats:
    return np.asarray(matrix.max(axis=1).todense(), np.float32).ravel()
