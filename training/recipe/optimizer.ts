export interface ParameterGroup {
  readonly name: string;
  /** Names of the weights in the group. */
  readonly weights: readonly string[];
  readonly optimizer: Optimizer;
}

/** Weight decay is added to the gradient (`sgd`) or decoupled from it (`adamw`); `muon` is for kernels of convolutions. */
export type Optimizer =
  | { readonly kind: 'sgd'; readonly momentum: number; readonly nesterov: boolean; readonly weightDecay: number }
  | {
      readonly kind: 'adamw';
      readonly beta1: number;
      readonly beta2: number;
      readonly epsilon: number;
      readonly weightDecay: number;
    }
  | { readonly kind: 'muon'; readonly momentum: number };
