"""The matrix exponential and its derivatives from one Padé approximation, for generated code.

Al-Mohy and Higham (2009), algorithm 6.4 with the order 13: the even powers, the LU factors of the
denominator and the squares serve the exponential and the derivative in every direction.
"""

from __future__ import annotations

import numpy as np

from symcalc.kernels import Array, Kernels


class PadeKernels(Kernels):
    """Kernels over NumPy with SciPy's LU factors."""

    def expm_parts(self, a: Array) -> Array:
        """Return what `expm(a)` and its derivatives share; of a small matrix itself and `expm`."""
        if len(a) < 32:
            return a, [self.expm(a)]
        norm = float(np.linalg.norm(a, 1))
        scale = 2.0 ** -max(0, int(np.ceil(np.log2(max(norm, 1.0) / 4.74))))
        powers = [np.eye(len(a)), (scale * a) @ (scale * a)]
        powers += [powers[1] @ powers[1]]
        powers += [powers[2] @ powers[1]]
        odd, even = self.pade_sums(powers)
        u, v = (scale * a) @ (powers[3] @ odd[0] + odd[1]), powers[3] @ even[0] + even[1]
        lu = self._library().lu_factor(v - u)
        squares = [self._library().lu_solve(lu, u + v)]
        for _ in range(round(-np.log2(scale))):
            squares.append(squares[-1] @ squares[-1])
        return a, squares, scale, powers, lu

    def pade_sums(self, powers: Array) -> Array:
        """Return the halves of the odd and of the even part of order 13, from the even powers."""
        one, two, four, six = powers
        odd = (
            (six + 16380 * four + 40840800 * two) / 64764752532480000,
            (33522128640 * six + 10559470521600 * four + 1187353796428800 * two) / 64764752532480000
            + one / 2,
        )
        even = (
            (182 * six + 960960 * four + 1323241920 * two) / 64764752532480000,
            (670442572800 * six + 129060195264000 * four + 7771770303897600 * two)
            / 64764752532480000
            + one,
        )
        return odd, even

    def expm_value(self, parts: Array) -> Array:
        return parts[1][-1]

    def expm_slope(self, parts: Array, e: Array) -> Array:
        """Return the derivative of the exponential in the direction `e`."""
        if len(e) < 32:
            return self.expm_differential(parts[0], e)
        _, squares, scale, powers, lu = parts
        a, e, (_, two, four, six) = scale * parts[0], scale * e, powers
        d_two = a @ e + e @ a
        d_four = two @ d_two + d_two @ two
        slopes = [np.zeros_like(a), d_two, d_four, four @ d_two + d_four @ two]
        odd, even = self.pade_sums(powers)
        d_odd, d_even = self.pade_sums(slopes)
        d_u = a @ (six @ d_odd[0] + slopes[3] @ odd[0] + d_odd[1]) + e @ (six @ odd[0] + odd[1])
        d_v = six @ d_even[0] + slopes[3] @ even[0] + d_even[1]
        slope = self._library().lu_solve(lu, d_u + d_v + (d_u - d_v) @ squares[0])
        for square in squares[:-1]:
            slope = square @ slope + slope @ square
        return slope
