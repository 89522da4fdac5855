"""Weights of SSIMULACRA2, and its final polynomial.

Source: libjxl 0.11, tools/ssimulacra2.cc, version 2.1 of the metric.
"""

from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from slimgate.codec.measures.xyb import CHANNELS

Doubles = npt.NDArray[np.float64]

NORMS: Final = 2
"""The mean and the 4-norm."""

MAPS: Final = 3
"""Structure, artifacts, lost detail."""

SCALES: Final = 6

NEGLIGIBLE: Final = 0.003
"""Maps with at most this weight are not computed; together they are worth less than 0.01."""

ERROR_UNIT: Final = 0.9562382616834844
"""Factor of the weighted sum of all norms."""

POLYNOMIAL: Final = (6.248496625763138e-05, -0.020884521182843837, 2.326765642916932)
"""Coefficients of the third, second and first power of the error."""

POWER: Final = 0.6276336467831387
"""Power of the polynomial; ten times this is what a score lacks to 100."""

# By channel (X, Y, B), scale, norm and map.
# fmt: off
_WEIGHTS: Final = np.array([
    0.0, 0.0007376606707406586, 0.0, 0.0, 0.0007793481682867309, 0.0,
    0.0, 0.0004371155730107379, 0.0,
    1.1041726426657346, 0.00066284834129271, 0.00015231632783718752,
    0.0, 0.0016406437456599754, 0.0, 1.8422455520539298, 11.441172603757666, 0.0,
    0.0007989109436015163, 0.000176816438078653, 0.0, 1.8787594979546387, 10.94906990605142, 0.0,
    0.0007289346991508072, 0.9677937080626833, 0.0,
    0.00014003424285435884, 0.9981766977854967, 0.00031949755934435053,
    0.0004550992113792063, 0.0, 0.0, 0.0013648766163243398, 0.0, 0.0,
    0.0, 0.0, 0.0, 7.466890328078848, 0.0, 17.445833984131262,
    0.0006235601634041466, 0.0, 0.0, 6.683678146179332, 0.00037724407979611296, 1.027889937768264,
    225.20515300849274, 0.0, 0.0, 19.213238186143016, 0.0011401524586618361, 0.001237755635509985,
    176.39317598450694, 0.0, 0.0, 24.43300999870476, 0.28520802612117757, 0.0004485436923833408,
    0.0, 0.0, 0.0, 34.77906344483772, 44.835625328877896, 0.0,
    0.0, 0.0, 0.0, 0.0, 0.0, 0.0,
    0.0, 0.0008680556573291698, 0.0, 0.0, 0.0, 0.0,
    0.0, 0.0005313191874358747, 0.0, 0.00016533814161379112, 0.0, 0.0,
    0.0, 0.0, 0.0, 0.0004179171803251336, 0.0017290828234722833, 0.0,
    0.0020827005846636437, 0.0, 0.0, 8.826982764996862, 23.19243343998926, 0.0,
    95.1080498811086, 0.9863978034400682, 0.9834382792465353,
    0.0012286405048278493, 171.2667255897307, 0.9807858872435379,
    0.0, 0.0, 0.0, 0.0005130064588990679, 0.0, 0.00010854057858411537,
])
# fmt: on


@cache
def table(scales: int) -> Doubles:
    """Return the weights for an image.

    Args:
        scales: number of scales. Small images have fewer; the original still reads its list of
            weights from the beginning, and comparable scores must do the same.

    Returns:
        (channels, scales, norms, maps); those at or below ``NEGLIGIBLE`` are 0.
    """
    shape = (CHANNELS, scales, NORMS, MAPS)
    weights = _WEIGHTS[: int(np.prod(shape))].reshape(shape)
    return np.where(weights > NEGLIGIBLE, weights, 0.0)


def score(norms: Doubles) -> Doubles:
    """Return scores from the norms of all maps.

    Args:
        norms: (channels, scales, norms, maps, ...); the last axes are those of the result.
    """
    error = np.tensordot(table(norms.shape[1]), norms, axes=4) * ERROR_UNIT
    cubic, square, linear = POLYNOMIAL
    shaped = ((cubic * error + square) * error + linear) * error
    return np.asarray(100 - 10 * np.maximum(shaped, 0) ** POWER)
