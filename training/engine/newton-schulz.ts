/**
 * Muon's approximate orthogonalization: a polynomial that takes the singular values of a matrix of norm 1 towards 1, applied
 * a few times. Its coefficients trade exactness for speed: the results lie between about 0.7 and 1.2.
 *
 * @see Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks"; three rounds as in airbench
 */
export const ORTHOGONALIZATION = { a: 3.4445, b: -4.775, c: 2.0315, rounds: 3, epsilon: 1e-7 } as const;
